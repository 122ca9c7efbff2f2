package nestbox.images.kmod;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.images.elf.Elves;
import nestbox.images.tree.FileTree;
import nestbox.images.tree.Node.RegularFile;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

final class KernelModulesTest {
    private static final String HOME = "usr/lib/modules/6.1/";

    private final FileTree tree = new FileTree();

    @BeforeEach
    void modules() throws IOException {
        put("drivers/net.ko", Elves.module("depends=virtio,ring-buffer", "alias=virtio:d1v*"));
        put("drivers/virtio.ko", Elves.module("depends=ring-buffer"));
        put("lib/ring-buffer.ko", Elves.module("depends="));
        put("fs/soft.ko", Elves.module("softdep=pre: crc32 absent post: net", "depends=builtin"));
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (XZOutputStream xz = new XZOutputStream(packed, new LZMA2Options(1))) {
            xz.write(Elves.module("depends="));
        }
        put("crypto/crc32.ko.xz", packed.toByteArray());
        put("loop/a.ko", Elves.module("depends=b"));
        put("loop/b.ko", Elves.module("depends=a"));
        put("bad/needy.ko", Elves.module("depends=nowhere"));
        tree.put(HOME + "modules.builtin", RegularFile.of(0644, ascii("kernel/builtin.ko\n")));
    }

    @Test
    void whatAModuleNeedsIsLoadedBeforeIt() throws IOException {
        assertThat(all().closure(List.of("net"))).containsExactly("ring_buffer", "virtio", "net");
    }

    @Test
    void softDependenciesAreWishes() throws IOException {
        assertThat(all().closure(List.of("soft"))).containsExactly("crc32", "soft");
    }

    @Test
    void whatIsPartOfTheKernelIsNotLoaded() throws IOException {
        assertThat(all().closure(List.of("builtin"))).isEmpty();
    }

    @Test
    void aModuleThatIsMissingIsNamed() throws IOException {
        KernelModules all = all();

        assertThatThrownBy(() -> all.closure(List.of("none"))).hasMessageContaining("none");
        assertThatThrownBy(() -> all.closure(List.of("needy"))).hasMessageContaining("nowhere");
    }

    @Test
    void modulesInACircleAreRefused() throws IOException {
        KernelModules all = all();

        assertThatThrownBy(() -> all.closure(List.of("a"))).hasMessageContaining("itself");
    }

    @Test
    void anImageHasTheModulesAndTheirIndex() throws IOException {
        FileTree image = new FileTree();

        all().install(List.of("net", "soft"), image);

        assertThat(text(image, "modules.dep"))
                .isEqualTo(
                        """
                        kernel/lib/ring-buffer.ko:
                        kernel/drivers/virtio.ko: kernel/lib/ring-buffer.ko
                        kernel/drivers/net.ko: kernel/drivers/virtio.ko kernel/lib/ring-buffer.ko
                        kernel/crypto/crc32.ko:
                        kernel/fs/soft.ko: kernel/crypto/crc32.ko
                        """);
        assertThat(text(image, "modules.alias")).isEqualTo("alias virtio:d1v* net\n");
        assertThat(image.entries())
                .containsKey(HOME + "kernel/crypto/crc32.ko")
                .doesNotContainKey(HOME + "kernel/loop/a.ko");
    }

    private KernelModules all() throws IOException {
        return KernelModules.of(tree, "6.1");
    }

    private void put(String path, byte[] bytes) throws IOException {
        tree.put(HOME + "kernel/" + path, RegularFile.of(0644, bytes));
    }

    private static String text(FileTree tree, String name) throws IOException {
        RegularFile file = (RegularFile) tree.find(HOME + name).orElseThrow();
        return new String(file.content().read(), StandardCharsets.UTF_8);
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
