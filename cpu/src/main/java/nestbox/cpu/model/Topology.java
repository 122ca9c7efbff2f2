package nestbox.cpu.model;

/// How the logical processors of a board are spread over packages, cores and threads.
///
/// APIC ids are made of one bit field for each level, wide enough for its count, which is the
/// numbering that CPUID leaf 0xB describes. SDM Vol. 3A, "Hierarchical Mapping of Shared
/// Resources".
///
/// @param cores of one package
/// @param threads of one core
public record Topology(int packages, int cores, int threads) {
    public Topology {
        if (packages < 1 || cores < 1 || threads < 1) {
            throw new IllegalArgumentException(
                    packages + " packages of " + cores + " cores of " + threads + " threads");
        }
    }

    /// One package of so many cores without hyper-threading.
    public static Topology ofCores(int processors) {
        return new Topology(1, processors, 1);
    }

    public int processors() {
        return packages * processorsPerPackage();
    }

    public int processorsPerPackage() {
        return cores * threads;
    }

    /// How far to shift an APIC id to get a core's id.
    public int coreShift() {
        return bits(threads);
    }

    /// How far to shift an APIC id to get a package's id.
    public int packageShift() {
        return coreShift() + bits(cores);
    }

    /// APIC id of the nth processor, counted thread by thread, core by core.
    public int apicId(int processor) {
        int thread = processor % threads;
        int core = processor / threads % cores;
        int pack = processor / threads / cores;
        return pack << packageShift() | core << coreShift() | thread;
    }

    private static int bits(int count) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(count - 1);
    }
}
