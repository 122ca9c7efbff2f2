package nestbox.images.recipe;

import nestbox.images.elf.LibraryClosure;
import nestbox.images.initramfs.Compression;
import nestbox.images.initramfs.Initramfs;
import nestbox.images.kmod.KernelModules;
import nestbox.images.recipe.Item.CharacterDevice;
import nestbox.images.recipe.Item.Data;
import nestbox.images.recipe.Item.DebianPackage;
import nestbox.images.recipe.Item.Folder;
import nestbox.images.recipe.Item.Guest;
import nestbox.images.recipe.Item.Link;
import nestbox.images.recipe.Item.LoadableModule;
import nestbox.images.recipe.Item.Program;
import nestbox.images.recipe.Item.Text;
import nestbox.images.tree.Content;
import nestbox.images.tree.FileTree;
import nestbox.images.tree.Node.Device;
import nestbox.images.tree.Node.Directory;
import nestbox.images.tree.Node.RegularFile;
import nestbox.images.tree.Node.Symlink;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/// A guest put together: what a recipe makes of a tree of unpacked packages.
///
/// @param kernel the kernel's bzImage
/// @param root what the guest finds as its root file system
public record Assembly(Content kernel, FileTree root) {
    private static final String KERNEL = "boot/vmlinuz-";

    /// @throws IOException also if the packages lack something that the recipe asks for
    public static Assembly of(Recipe recipe, FileTree packages) throws IOException {
        String release = release(packages);
        if (!(packages.find(KERNEL + release).orElse(null) instanceof RegularFile kernel)) {
            throw new IOException("/" + KERNEL + release + " is not a file");
        }
        FileTree root = new FileTree();
        List<String> programs = new ArrayList<>();
        for (Item item : recipe.items()) {
            if (item instanceof Program(var path)) {
                programs.add(path);
            } else {
                add(item, packages, root);
            }
        }
        for (String path : LibraryClosure.of(packages, programs)) {
            take(path, packages, root);
        }
        modules(recipe, release, packages, root);
        return new Assembly(kernel.content(), root);
    }

    private static void add(Item item, FileTree packages, FileTree root) throws IOException {
        switch (item) {
            case DebianPackage _, Program _, LoadableModule _ -> {}
            case Data(var path) -> take(path, packages, root);
            case Folder(var path, var mode) -> root.put(path, new Directory(mode));
            case CharacterDevice(var path, var mode, var major, var minor) ->
                    root.put(path, new Device(mode, major, minor));
            case Link(var path, var target) -> root.put(path, new Symlink(target));
            case Text(var path, var mode, var text) -> root.put(path, file(mode, text));
            case Guest(var recipe, var kernel, var initrd) -> {
                Assembly inner = of(recipe, packages);
                ByteArrayOutputStream archive = new ByteArrayOutputStream();
                Initramfs.write(inner.root(), Compression.NONE, archive);
                root.put(kernel, new RegularFile(0644, inner.kernel()));
                root.put(initrd, RegularFile.of(0644, archive.toByteArray()));
            }
        }
    }

    private static void modules(Recipe recipe, String release, FileTree packages, FileTree root)
            throws IOException {
        List<String> wanted = names(recipe, module -> true);
        if (!wanted.isEmpty()) {
            KernelModules.of(packages, release).install(wanted, root);
            String atBoot = String.join("\n", names(recipe, LoadableModule::atBoot));
            root.put("/etc/modules", file(0644, atBoot + "\n"));
        }
    }

    private static List<String> names(Recipe recipe, Predicate<LoadableModule> which) {
        return recipe.items().stream()
                .filter(LoadableModule.class::isInstance)
                .map(LoadableModule.class::cast)
                .filter(which)
                .map(LoadableModule::name)
                .toList();
    }

    private static void take(String path, FileTree packages, FileTree root) throws IOException {
        if (!root.copy(packages, path)) {
            throw new IOException("none of the packages has " + path);
        }
    }

    private static RegularFile file(int mode, String text) {
        return RegularFile.of(mode, text.getBytes(StandardCharsets.UTF_8));
    }

    private static String release(FileTree packages) throws IOException {
        List<String> kernels =
                packages.below("boot").keySet().stream()
                        .filter(path -> path.startsWith(KERNEL))
                        .map(path -> path.substring(KERNEL.length()))
                        .toList();
        if (kernels.size() != 1) {
            throw new IOException(
                    "the packages should have one kernel in /boot, and they have "
                            + kernels.size());
        }
        return kernels.getFirst();
    }
}
