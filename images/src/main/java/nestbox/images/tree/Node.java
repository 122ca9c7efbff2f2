package nestbox.images.tree;

/// One entry of a [FileTree].
///
/// A closed set, so that whoever writes a tree out is told by the compiler what it has to handle.
public sealed interface Node {
    /// @param mode permission bits only
    record Directory(int mode) implements Node {}

    record RegularFile(int mode, Content content) implements Node {
        public static RegularFile of(int mode, byte[] bytes) {
            return new RegularFile(mode, Content.of(bytes));
        }
    }

    record Symlink(String target) implements Node {}

    /// A character device.
    record Device(int mode, int major, int minor) implements Node {}
}
