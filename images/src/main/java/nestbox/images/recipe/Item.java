package nestbox.images.recipe;

/// One line of a recipe: something that belongs in the image.
public sealed interface Item {
    /// A package to take files from; everything that it depends on is fetched too.
    record DebianPackage(String name) implements Item {}

    /// A program, with the shared objects that it is linked with.
    record Program(String path) implements Item {}

    /// A file or a folder of a package, as it is.
    record Data(String path) implements Item {}

    /// A kernel module with those that it needs; `atBoot` has init load it.
    record LoadableModule(String name, boolean atBoot) implements Item {}

    record Folder(String path, int mode) implements Item {}

    record CharacterDevice(String path, int mode, int major, int minor) implements Item {}

    record Link(String path, String target) implements Item {}

    /// A file that comes with the recipe.
    record Text(String path, int mode, String text) implements Item {}

    /// Another guest's kernel and initramfs, put into this one.
    record Guest(Recipe recipe, String kernel, String initrd) implements Item {}
}
