package nestbox.devices.smbios;

import java.util.List;

/// What the tables say of the processor.
///
/// @param brand as CPUID gives it
/// @param signature EAX of CPUID leaf 1; likewise the feature flags in EDX
public record ProcessorIdentity(
        String brand,
        int signature,
        int features,
        int cores,
        int threads,
        int megahertz,
        List<Cache> caches) {
    /// @param level 1, 2 or 3
    public record Cache(int level, Kind kind, int kib, int ways) {}

    /// What a cache holds.
    public enum Kind {
        INSTRUCTION,
        DATA,
        UNIFIED
    }

    public ProcessorIdentity {
        caches = List.copyOf(caches);
    }

    /// The caches of a Kaby Lake mobile processor, those of the cores added up.
    public static List<Cache> kabyLakeCaches(int cores, int lastLevelKib) {
        return List.of(
                new Cache(1, Kind.DATA, 32 * cores, 8),
                new Cache(1, Kind.INSTRUCTION, 32 * cores, 8),
                new Cache(2, Kind.UNIFIED, 256 * cores, 4),
                new Cache(3, Kind.UNIFIED, lastLevelKib, 16));
    }
}
