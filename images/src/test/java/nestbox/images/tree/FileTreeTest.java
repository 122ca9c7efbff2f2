package nestbox.images.tree;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.images.tree.Node.Directory;
import nestbox.images.tree.Node.RegularFile;
import nestbox.images.tree.Node.Symlink;

import org.junit.jupiter.api.Test;

import java.io.IOException;

final class FileTreeTest {
    private static final RegularFile FILE = RegularFile.of(0644, new byte[] {1});

    private final FileTree tree = new FileTree();

    @Test
    void foldersOfAFileAreMade() throws IOException {
        tree.put("a/b/c", FILE);

        assertThat(tree.entries()).containsOnlyKeys("a", "a/b", "a/b/c");
        assertThat(tree.entries().firstKey()).isEqualTo("a");
    }

    @Test
    void topLevelFoldersAreThoseInUsr() throws IOException {
        tree.put("/lib/libx.so", FILE);

        assertThat(tree.resolve("/usr/lib/libx.so")).contains("usr/lib/libx.so");
        assertThat(tree.resolve("/lib/libx.so")).contains("usr/lib/libx.so");
        assertThat(tree.resolve("/lib64")).isEmpty();
    }

    @Test
    void linksAreFollowedInsideTheTreeOnly() throws IOException {
        tree.put("etc/passwd", FILE);
        tree.put("a/up", new Symlink("../../../../../etc"));
        tree.put("a/abs", new Symlink("/etc/passwd"));
        tree.put("a/gone", new Symlink("/nowhere"));

        assertThat(tree.resolve("a/up/passwd")).contains("etc/passwd");
        assertThat(tree.resolve("a/abs")).contains("etc/passwd");
        assertThat(tree.resolve("a/gone")).isEmpty();
        assertThat(tree.resolve("a/abs/x")).isEmpty();
        assertThat(tree.resolve("../../etc/passwd")).contains("etc/passwd");
    }

    @Test
    void linksInACircleLeadNowhere() throws IOException {
        tree.put("a", new Symlink("b"));
        tree.put("b", new Symlink("a"));
        tree.put("deep", new Symlink("deep/deep/deep"));

        assertThat(tree.resolve("a")).isEmpty();
        assertThat(tree.resolve("deep")).isEmpty();
    }

    @Test
    void copyingAFileTakesTheLinksThatLeadToIt() throws IOException {
        tree.put("usr/lib/libx.so.1.2", FILE);
        tree.put("usr/lib/libx.so.1", new Symlink("libx.so.1.2"));
        tree.put("opt/lib", new Symlink("/lib"));
        tree.put("usr/lib/other", FILE);
        FileTree image = new FileTree();

        assertThat(image.copy(tree, "/opt/lib/libx.so.1")).isTrue();
        assertThat(image.copy(tree, "/opt/nothing")).isFalse();
        assertThat(image.entries())
                .containsOnlyKeys(
                        "opt",
                        "opt/lib",
                        "usr",
                        "usr/lib",
                        "usr/lib/libx.so.1",
                        "usr/lib/libx.so.1.2");
    }

    @Test
    void copyingAFolderTakesWhatIsInIt() throws IOException {
        tree.put("a/b/c", FILE);
        tree.put("a/bc", FILE);
        FileTree image = new FileTree();

        assertThat(image.copy(tree, "a/b")).isTrue();
        assertThat(image.entries()).containsOnlyKeys("a", "a/b", "a/b/c");
    }

    @Test
    void aFolderStaysAFolder() throws IOException {
        tree.put("usr/lib/x", FILE);
        tree.put("usr/lib", new Symlink("/lib"));
        tree.put("usr/lib", new Directory(0700));

        assertThat(tree.entries().get("usr/lib")).isEqualTo(new Directory(0700));
        assertThatThrownBy(() -> tree.put("usr/lib", FILE)).hasMessageContaining("folder");
        assertThatThrownBy(() -> tree.put("usr/lib/x/y", FILE)).hasMessageContaining("file");
    }

    @Test
    void pathsHaveBounds() {
        assertThatThrownBy(() -> tree.put("x".repeat(2000), FILE)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> tree.put("x/".repeat(200) + "x", FILE))
                .isInstanceOf(IOException.class);
        assertThatThrownBy(() -> tree.put("a\0b", FILE)).isInstanceOf(IOException.class);
    }
}
