package nestbox.images.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.images.elf.Elves;
import nestbox.images.tree.FileTree;
import nestbox.images.tree.Node.Device;
import nestbox.images.tree.Node.RegularFile;
import nestbox.images.tree.Node.Symlink;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.zip.GZIPOutputStream;

final class RecipeTest {
    static final Iterable<String> NAMES = Recipe.NAMES;

    private static final Map<String, String> FILES =
            Map.of(
                    "base/recipe",
                    """
                    # comment
                    kernel linux-image-x
                    append console=ttyS0 quiet
                    memory 64
                    package tool   # trailing comment
                    program /bin/tool
                    """,
                    "outer/recipe",
                    """
                    include base
                    memory 128
                    package other
                    load net
                    module fs
                    link /bin usr/bin
                    device /dev/null 666 1 3
                    file /init 755 script
                    guest base /l2/kernel /l2/initrd
                    """,
                    "first/recipe",
                    """
                    kernel linux-image-y
                    hypervisor /boot/xen-*.gz
                    program /opt/v*/tool
                    guest base /l2/kernel /l2/initrd
                    """,
                    "outer/script",
                    "echo\n");

    @ParameterizedTest
    @FieldSource("NAMES")
    void theRecipesThatComeWithNestboxAreSound(String name) {
        Recipe recipe = Recipe.named(name);

        assertThat(recipe.kernelPackage()).startsWith("linux-image-");
        assertThat(recipe.append()).contains("console=");
        assertThat(recipe.memoryMiB()).isPositive();
        assertThat(recipe.packages()).contains("busybox-static");
    }

    @Test
    void aRecipeAddsToTheOneItIncludes() {
        Recipe outer = read("outer");

        assertThat(outer.kernelPackage()).isEqualTo("linux-image-x");
        assertThat(outer.append()).isEqualTo("console=ttyS0 quiet");
        assertThat(outer.memoryMiB()).isEqualTo(128);
        assertThat(outer.packages()).containsExactly("tool", "other");
    }

    @Test
    void theSourceTellsRecipesApart() {
        Recipe changed =
                Recipe.read(
                        "outer",
                        (recipe, file) ->
                                FILES.get(recipe + "/" + file).replace("echo", "echo hello"));

        assertThat(read("outer").source()).isEqualTo(read("outer").source());
        assertThat(changed.source()).isNotEqualTo(read("outer").source());
    }

    @Test
    void aLineThatMeansNothingIsRefused() {
        assertThatThrownBy(() -> Recipe.read("x", (_, _) -> "pakage x"))
                .hasMessageContaining("pakage");
    }

    @Test
    void anImageIsWhatTheRecipeSays() throws IOException {
        FileTree packages = packages();

        Assembly image = Assembly.of(read("outer"), packages);

        assertThat(image.kernel().read()).containsExactly(42);
        assertThat(image.root().entries())
                .containsEntry("bin", new Symlink("usr/bin"))
                .containsEntry("dev/null", new Device(0666, 1, 3))
                .containsKeys("usr/bin/tool", "usr/lib/libtool.so", "l2/kernel", "l2/initrd")
                .containsKey("usr/lib/modules/6.1-x/kernel/net.ko")
                .doesNotContainKeys("usr/bin/unused", "boot/vmlinuz-6.1-x");
        RegularFile atBoot = (RegularFile) image.root().find("etc/modules").orElseThrow();
        assertThat(atBoot.content().read()).asString().isEqualTo("net\n");
    }

    @Test
    void aHypervisorIsUnpackedAndEveryGuestHasTheKernelItNames() throws IOException {
        FileTree packages = packages();
        packages.put("boot/vmlinuz-6.1-y", RegularFile.of(0644, new byte[] {43}));
        packages.put("boot/vmlinuz-6.1-x-y", RegularFile.of(0644, new byte[] {44}));
        packages.put("boot/xen-9.gz", RegularFile.of(0644, packed("xen")));
        packages.put("opt/v9/tool", RegularFile.of(0755, new Elves().bytes()));
        packages.put("opt/v9/bin/tool", RegularFile.of(0755, new Elves().bytes()));

        Assembly image = Assembly.of(read("first"), packages);

        assertThat(image.hypervisor().orElseThrow().read()).asString().isEqualTo("xen");
        assertThat(image.kernel().read()).containsExactly(43);
        assertThat(image.root().entries())
                .containsKey("opt/v9/tool")
                .doesNotContainKey("opt/v9/bin/tool");
        RegularFile inner = (RegularFile) image.root().find("l2/kernel").orElseThrow();
        assertThat(inner.content().read()).containsExactly(42);
    }

    @Test
    void aPathThatFitsSeveralFilesIsRefused() throws IOException {
        FileTree packages = packages();
        packages.put("boot/vmlinuz-6.1-y", RegularFile.of(0644, new byte[] {43}));
        packages.put("opt/v8/tool", RegularFile.of(0755, new Elves().bytes()));
        packages.put("opt/v9/tool", RegularFile.of(0755, new Elves().bytes()));

        assertThatThrownBy(() -> Assembly.of(read("first"), packages))
                .hasMessageContaining("/opt/v*/tool");
    }

    @Test
    void aKernelPackageWithoutAKernelIsRefused() {
        assertThatThrownBy(() -> Assembly.of(read("base"), new FileTree()))
                .hasMessageContaining("kernel of linux-image-x in /boot");
    }

    private static FileTree packages() throws IOException {
        FileTree packages = new FileTree();
        packages.put("boot/vmlinuz-6.1-x", RegularFile.of(0644, new byte[] {42}));
        packages.put("bin/tool", RegularFile.of(0755, new Elves().needed("libtool.so").bytes()));
        packages.put("lib/libtool.so", RegularFile.of(0644, new Elves().bytes()));
        packages.put("bin/unused", RegularFile.of(0755, new byte[0]));
        for (String name : new String[] {"net", "fs"}) {
            packages.put(
                    "lib/modules/6.1-x/kernel/" + name + ".ko",
                    RegularFile.of(0644, Elves.module("depends=")));
        }
        return packages;
    }

    private static byte[] packed(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    private static Recipe read(String name) {
        return Recipe.read(name, (recipe, file) -> FILES.get(recipe + "/" + file));
    }
}
