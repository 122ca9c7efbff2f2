package nestbox.images.elf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.images.tree.FileTree;
import nestbox.images.tree.Node.RegularFile;
import nestbox.images.tree.Node.Symlink;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.List;

final class LibraryClosureTest {
    private static final String ARCH = "/usr/lib/x86_64-linux-gnu/";

    private final FileTree tree = new FileTree();

    @Test
    void librariesOfLibrariesBelongToAProgram() throws IOException {
        put("/usr/bin/tool", new Elves().interpreter("/lib64/ld.so").needed("liba.so.1"));
        tree.put("/lib64/ld.so", new Symlink("/lib/x86_64-linux-gnu/ld-real.so"));
        put("/lib/x86_64-linux-gnu/ld-real.so", new Elves());
        tree.put(ARCH + "liba.so.1", new Symlink("liba.so.1.2"));
        put(ARCH + "liba.so.1.2", new Elves().needed("libb.so", "libc.so"));
        put("/usr/lib/libb.so", new Elves().needed("liba.so.1"));
        put("/lib/x86_64-linux-gnu/libc.so", new Elves());
        put(ARCH + "libunused.so", new Elves());

        assertThat(LibraryClosure.of(tree, List.of("/usr/bin/tool")))
                .containsExactlyInAnyOrder(
                        "/usr/bin/tool",
                        "/lib64/ld.so",
                        ARCH + "liba.so.1",
                        "/usr/lib/libb.so",
                        ARCH + "libc.so");
    }

    @Test
    void runpathIsForTheObjectItselfAndRpathForThoseBelowToo() throws IOException {
        put("/opt/x/bin/run", new Elves().needed("liba.so").runpath("$ORIGIN/../lib"));
        put("/opt/x/lib/liba.so", new Elves().needed("libb.so"));
        put("/opt/x/lib/libb.so", new Elves());
        put("/opt/x/bin/r", new Elves().needed("liba.so").rpath("${ORIGIN}/../lib"));

        assertThatThrownBy(() -> LibraryClosure.of(tree, List.of("/opt/x/bin/run")))
                .hasMessage("/opt/x/lib/liba.so needs libb.so, which none of the packages has");
        assertThat(LibraryClosure.of(tree, List.of("/opt/x/bin/r"))).hasSize(3);
    }

    @Test
    void aProgramThatIsNotThereIsNamed() {
        assertThatThrownBy(() -> LibraryClosure.of(tree, List.of("/bin/none")))
                .hasMessageContaining("/bin/none");
    }

    @Test
    void aScriptNeedsNoLibraries() throws IOException {
        tree.put("/bin/script", RegularFile.of(0755, new byte[] {'#', '!'}));

        assertThat(LibraryClosure.of(tree, List.of("/bin/script"))).containsExactly("/bin/script");
    }

    private void put(String path, Elves elf) throws IOException {
        tree.put(path, RegularFile.of(0755, elf.bytes()));
    }
}
