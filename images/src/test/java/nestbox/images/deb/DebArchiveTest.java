package nestbox.images.deb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.images.tree.FileTree;
import nestbox.images.tree.Node;
import nestbox.images.tree.Node.RegularFile;
import nestbox.images.tree.Node.Symlink;
import nestbox.images.tree.Spool;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;

final class DebArchiveTest {
    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"", ".gz", ".xz", ".zst"})
    void packagesAreReadHoweverTheyAreCompressed(String suffix) throws IOException {
        byte[] deb =
                new Debs()
                        .folder("./usr")
                        .file("./usr/bin/tool", 0755, new byte[] {1, 2, 3})
                        .hardLink("./usr/bin/same", "./usr/bin/tool")
                        .symlink("./lib/libx.so", "libx.so.1")
                        .bytes(suffix);

        FileTree tree = unpack(deb, 1000);

        assertThat(tree.entries().get("usr/bin/tool"))
                .isInstanceOfSatisfying(
                        RegularFile.class, file -> assertThat(file.mode()).isEqualTo(0755));
        assertThat(tree.entries().get("usr/bin/same"))
                .isEqualTo(tree.entries().get("usr/bin/tool"));
        assertThat(tree.entries().get("usr/lib/libx.so")).isEqualTo(new Symlink("libx.so.1"));
    }

    @Test
    void documentationIsLeftOut() throws IOException {
        byte[] deb =
                new Debs().file("./usr/share/doc/x/copyright", "c").file("./etc/x", "").bytes("");

        assertThat(unpack(deb, 1000).entries()).containsOnlyKeys("etc", "etc/x");
    }

    @Test
    void aLinkThatClimbsStillLeadsThereAfterUsrIsMerged() throws IOException {
        byte[] deb =
                new Debs()
                        .file("./usr/lib/real/libx.so.1", "x")
                        .symlink("./lib/arch/libx.so", "../../usr/lib/real/libx.so.1")
                        .bytes("");

        assertThat(unpack(deb, 1000).resolve("/lib/arch/libx.so"))
                .isEqualTo(Optional.of("usr/lib/real/libx.so.1"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"../evil", "./usr/../../evil", "usr/bin/..", "./a\nb", "./a\u007fb"})
    void aPathThatLeavesThePackageIsRefused(String path) throws IOException {
        byte[] deb = new Debs().file(path, "x").bytes("");

        assertThatThrownBy(() -> unpack(deb, 1000)).isInstanceOf(IOException.class);
    }

    @Test
    void aFileBehindALinkStaysInTheTree() throws IOException {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        byte[] absolute =
                new Debs().symlink("./door", outside.toString()).file("./door/x", "x").bytes("");
        byte[] climbing =
                new Debs()
                        .folder("./etc")
                        .symlink("./door", "../../../../etc")
                        .file("./door/x", "x")
                        .bytes("");

        assertThatThrownBy(() -> unpack(absolute, 1000)).hasMessageContaining("leads nowhere");
        assertThat(unpack(climbing, 1000).entries()).containsKey("etc/x");
        assertThat(outside).isEmptyDirectory();
    }

    @Test
    void linksInACircleAreNotFollowedForEver() throws IOException {
        byte[] deb =
                new Debs().symlink("./a", "b").symlink("./b", "a").file("./a/x", "x").bytes("");

        assertThatThrownBy(() -> unpack(deb, 1000)).isInstanceOf(IOException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {".gz", ".xz", ".zst"})
    void aPackageThatUnpacksToTooMuchIsRefused(String suffix) throws IOException {
        byte[] deb = new Debs().file("./bomb", 0644, new byte[8 << 20]).bytes(suffix);

        assertThat(deb.length).isLessThan(1 << 20);
        assertThatThrownBy(() -> unpack(deb, 1 << 20)).hasMessageContaining("more than 1 MiB");
    }

    @Test
    void whatIsNoPackageIsRefused() throws IOException {
        assertThatThrownBy(() -> unpack(new byte[0], 10)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> unpack(Debs.archive("3.0\n", "data.tar", new byte[0]), 10))
                .hasMessageContaining("3.0");
        assertThatThrownBy(() -> unpack(Debs.archive("2.0\n", "other", new byte[0]), 10))
                .hasMessageContaining("no data.tar");
        assertThatThrownBy(() -> unpack(Debs.archive("2.0\n", "data.tar.rar", new byte[0]), 10))
                .hasMessageContaining("unknown way");
    }

    @ParameterizedTest
    @ValueSource(strings = {".gz", ".xz", ".zst"})
    void aPackageThatIsCutShortIsRefused(String suffix) throws IOException {
        byte[] deb = sound(suffix);
        for (int length = 0; length < deb.length - 64; length += 7) {
            byte[] cut = Arrays.copyOf(deb, length);
            assertThatThrownBy(() -> unpack(cut, 1 << 20))
                    .as("%d of %d bytes", length, deb.length)
                    .isInstanceOf(IOException.class);
        }
    }

    @Test
    void damageIsAnIoExceptionAndNothingElse() throws IOException {
        long seed = 20_25;
        SplittableRandom random = new SplittableRandom(seed);
        byte[] sound = sound("");
        for (int round = 0; round < 2000; round++) {
            byte[] damaged = sound.clone();
            for (int hits = random.nextInt(1, 8); hits > 0; hits--) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            try {
                unpack(damaged, 1 << 20);
            } catch (IOException _) {
                // as it should be
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + ", round " + round, e);
            }
        }
    }

    private static byte[] sound(String suffix) throws IOException {
        byte[] noise = new byte[3000];
        new SplittableRandom(1).nextBytes(noise);
        return new Debs().file("./a", 0644, noise).symlink("./b", "a").bytes(suffix);
    }

    private FileTree unpack(byte[] deb, long limit) throws IOException {
        Path file = Files.write(folder.resolve("x.deb"), deb);
        FileTree tree = new FileTree();
        try (Spool spool = Spool.create(folder.resolve("spool"), limit)) {
            DebArchive.unpack(file, tree, spool);
            for (Node node : tree.entries().values()) {
                if (node instanceof RegularFile(_, var content)) {
                    assertThat(content.read()).hasSize((int) content.size());
                }
            }
        }
        assertThat(folder.resolve("spool")).doesNotExist();
        return tree;
    }

    @Test
    void contentsAreThoseOfThePackage() throws IOException {
        Path file = Files.write(folder.resolve("x.deb"), new Debs().file("./a", "text").bytes(""));
        FileTree tree = new FileTree();
        try (Spool spool = Spool.create(folder.resolve("spool"), 100)) {
            spool.add(new ByteArrayInputStream(new byte[10]));
            DebArchive.unpack(file, tree, spool);
            RegularFile found = (RegularFile) tree.entries().get("a");
            assertThat(found.content().read()).isEqualTo("text".getBytes(StandardCharsets.UTF_8));
        }
    }
}
