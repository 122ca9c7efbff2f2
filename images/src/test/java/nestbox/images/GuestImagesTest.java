package nestbox.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

final class GuestImagesTest {
    private static final Charset ASCII = StandardCharsets.US_ASCII;

    @TempDir Path folder;

    /// The one test that asks the distribution for its packages.
    @Test
    void theDefaultGuestIsBuiltOnceAndThenFound() throws IOException {
        List<String> steps = new ArrayList<>();
        GuestImages images = GuestImages.of(folder, steps::add);

        GuestImage built = images.build("default");

        assertThat(steps).anyMatch(step -> step.startsWith("Downloading"));
        assertThat(Files.readAllBytes(built.kernel())).containsSequence("HdrS".getBytes(ASCII));
        assertThat(Files.readAllBytes(built.initrd()))
                .startsWith("070701".getBytes(ASCII))
                .containsSequence("usr/sbin/dmidecode".getBytes(ASCII))
                .hasSizeLessThan(25 << 20);
        assertThat(built.defaultAppend()).startsWith("console=ttyS0 ");
        assertThat(folder.resolve("staging")).isEmptyDirectory();

        steps.clear();
        assertThat(images.build("default")).isEqualTo(built);
        assertThat(steps).isEmpty();

        byte[] initrd = Files.readAllBytes(built.initrd());
        Files.write(built.initrd(), new byte[10]);
        assertThat(images.build("default")).isEqualTo(built);
        assertThat(Files.readAllBytes(built.initrd())).isEqualTo(initrd);
        assertThat(steps).containsExactly("Building the image \"default\"");
    }

    @Test
    void aGuestThatDoesNotExistIsRefusedWithTheOnesThatDo() {
        GuestImages images = GuestImages.of(folder, ProgressListener.SILENT);

        assertThatThrownBy(() -> images.build("../evil"))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("default, kvm");
    }

    @Test
    void aCacheFolderThatCannotBeMadeIsExplained() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        GuestImages images = GuestImages.of(file.resolve("cache"), ProgressListener.SILENT);

        assertThatThrownBy(() -> images.build("default"))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("NESTBOX_CACHE");
    }

    @Test
    void theCacheFolderIsTheOneTheUserWants() {
        assertThat(
                        GuestImages.defaultCacheFolder(
                                Map.of("NESTBOX_CACHE", "/n", "XDG_CACHE_HOME", "/x")))
                .isEqualTo(Path.of("/n"));
        assertThat(
                        GuestImages.defaultCacheFolder(
                                Map.of("NESTBOX_CACHE", "", "XDG_CACHE_HOME", "/x", "HOME", "/h")))
                .isEqualTo(Path.of("/x/nestbox"));
        assertThat(GuestImages.defaultCacheFolder(Map.of("HOME", "/h")))
                .isEqualTo(Path.of("/h/.cache/nestbox"));
    }
}
