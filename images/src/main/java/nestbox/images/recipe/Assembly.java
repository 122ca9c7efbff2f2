package nestbox.images.recipe;

import nestbox.images.bzimage.BzImage;
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

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/// A guest put together: what a recipe makes of a tree of unpacked packages.
///
/// @param kernel the kernel's bzImage; the ELF file in it if a hypervisor boots it
/// @param hypervisor the multiboot kernel that boots first, if there is one
/// @param root what the guest finds as its root file system
public record Assembly(Content kernel, Optional<Content> hypervisor, FileTree root) {
    private static final String KERNEL = "boot/vmlinuz-";
    private static final String KERNEL_PACKAGE = "linux-image-";
    private static final String GZIP = ".gz";
    private static final int MAX_HYPERVISOR = 64 << 20;

    /// @throws IOException also if the packages lack something that the recipe asks for
    public static Assembly of(Recipe recipe, FileTree packages) throws IOException {
        String release = release(recipe, packages);
        if (!(packages.find(KERNEL + release).orElse(null) instanceof RegularFile kernel)) {
            throw new IOException("/" + KERNEL + release + " is not a file");
        }
        FileTree root = new FileTree();
        List<String> programs = new ArrayList<>();
        for (Item item : recipe.items()) {
            if (item instanceof Program(var path)) {
                programs.add(matched(path, packages));
            } else {
                add(item, packages, root);
            }
        }
        for (String path : LibraryClosure.of(packages, programs)) {
            take(path, packages, root);
        }
        modules(recipe, release, packages, root);
        Optional<Content> hypervisor = Optional.empty();
        if (recipe.hypervisor().isPresent()) {
            hypervisor = Optional.of(hypervisor(recipe.hypervisor().get(), packages));
        }
        Content first = hypervisor.isPresent() ? unpacked(kernel) : kernel.content();
        return new Assembly(first, hypervisor, root);
    }

    /// The kernel for a hypervisor, which would have to unpack it.
    private static Content unpacked(RegularFile kernel) throws IOException {
        Optional<byte[]> elf = BzImage.elf(kernel.content().read());
        return elf.isPresent() ? Content.of(elf.get()) : kernel.content();
    }

    /// A multiboot kernel, unpacked as boot loaders do it.
    private static Content hypervisor(String path, FileTree packages) throws IOException {
        String found = matched(path, packages);
        if (!(packages.find(found).orElse(null) instanceof RegularFile file)) {
            throw new IOException("none of the packages has " + path);
        }
        byte[] bytes = file.content().read();
        if (!found.endsWith(GZIP)) {
            return Content.of(bytes);
        }
        try (GZIPInputStream unpacked = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
            return Content.of(unpacked.readNBytes(MAX_HYPERVISOR));
        }
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

    /// The one path that a path with a `*` in it stands for: some packages have folders and files
    /// that are named for their version.
    private static String matched(String path, FileTree packages) throws IOException {
        int star = path.indexOf('*');
        if (star < 0) {
            return path;
        }
        String before = path.substring(1, star);
        String after = path.substring(star + 1);
        List<String> matches =
                packages.entries().keySet().stream()
                        .filter(other -> other.length() >= before.length() + after.length())
                        .filter(other -> other.startsWith(before) && other.endsWith(after))
                        .filter(other -> inOneFolder(other, before.length(), after.length()))
                        .toList();
        if (matches.size() != 1) {
            throw new IOException(
                    "the packages should have one %s, and they have %d"
                            .formatted(path, matches.size()));
        }
        return "/" + matches.getFirst();
    }

    private static boolean inOneFolder(String path, int before, int after) {
        return path.substring(before, path.length() - after).indexOf('/') < 0;
    }

    private static void take(String path, FileTree packages, FileTree root) throws IOException {
        if (!root.copy(packages, matched(path, packages))) {
            throw new IOException("none of the packages has " + path);
        }
    }

    private static RegularFile file(int mode, String text) {
        return RegularFile.of(mode, text.getBytes(StandardCharsets.UTF_8));
    }

    /// The version of the recipe's kernel. There may be kernels for inner guests beside it, and
    /// they differ in what their packages' names and their versions end with.
    private static String release(Recipe recipe, FileTree packages) throws IOException {
        String flavour = "-" + recipe.kernelPackage().replaceFirst(KERNEL_PACKAGE, "");
        List<String> kernels =
                packages.below("boot").keySet().stream()
                        .filter(path -> path.startsWith(KERNEL) && path.endsWith(flavour))
                        .map(path -> path.substring(KERNEL.length()))
                        .filter(release -> isVersion(release, flavour))
                        .toList();
        if (kernels.size() != 1) {
            throw new IOException(
                    "the packages should have one kernel of %s in /boot, and they have %d"
                            .formatted(recipe.kernelPackage(), kernels.size()));
        }
        return kernels.getFirst();
    }

    /// Whether a release is nothing but a version before the flavour: "6.1.0-9-cloud-amd64" is not
    /// of the flavour "amd64".
    private static boolean isVersion(String release, String flavour) {
        String version = release.substring(0, release.length() - flavour.length());
        return Stream.of(version.split("-")).allMatch(part -> part.matches("[0-9].*"));
    }
}
