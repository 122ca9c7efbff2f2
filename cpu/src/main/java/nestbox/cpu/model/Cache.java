package nestbox.cpu.model;

/// One cache as CPUID leaf 4 describes it.
///
/// @param bytes total size
/// @param ways associativity
/// @param sharing which processors share one such cache
/// @param inclusive whether it holds all that the caches below hold
/// @param complexIndexing whether a set is found by hashing the address
public record Cache(
        Kind kind,
        int level,
        int bytes,
        int ways,
        Sharing sharing,
        boolean inclusive,
        boolean complexIndexing) {
    /// Bytes in a line, of all caches.
    public static final int LINE = 64;

    /// Cache type field of leaf 4.
    public enum Kind {
        NONE,
        DATA,
        INSTRUCTION,
        UNIFIED
    }

    /// Which processors have a cache in common.
    public enum Sharing {
        CORE,
        PACKAGE
    }

    public int sets() {
        return bytes / (LINE * ways);
    }
}
