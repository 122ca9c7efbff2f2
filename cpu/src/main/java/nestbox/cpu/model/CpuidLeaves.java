package nestbox.cpu.model;

import nestbox.x86.Cpuid;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/// What CPUID answers on one logical processor.
///
/// An answer is a function of the model, the topology and the registers in [CpuidState]; asking
/// changes nothing. SDM Vol. 2A, "CPUID—CPU Identification", Table 3-8.
public final class CpuidLeaves {
    private static final int EXTENDED = 0x8000_0000;
    private static final int MAX_EXTENDED_LEAF = 0x8000_0008;

    private static final long CR4_OSXSAVE = 1 << 18;
    private static final long CR4_PKE = 1 << 22;

    private static final long MISC_FAST_STRINGS = 1;
    private static final long MISC_MONITOR = 1 << 18;
    private static final long MISC_LIMIT_CPUID_MAXVAL = 1 << 22;
    private static final long MISC_XD_DISABLE = 1L << 34;

    private final CpuModel model;
    private final Topology topology;
    private final int apicId;
    private final EnumSet<Cpuid> features;
    private final long supportedXcr0;
    private final long supportedXss;

    /// @param processor which one of the topology
    public CpuidLeaves(CpuModel model, Topology topology, int processor) {
        this(model, topology, processor, Implemented.FEATURES);
    }

    /// @param implemented features that may be reported if the model has them
    public CpuidLeaves(CpuModel model, Topology topology, int processor, Set<Cpuid> implemented) {
        this.model = model;
        this.topology = topology;
        apicId = topology.apicId(processor);
        features = EnumSet.copyOf(model.features());
        features.retainAll(implemented);
        if (topology.processorsPerPackage() == 1) {
            features.remove(Cpuid.HTT);
        }
        supportedXcr0 = features.contains(Cpuid.XSAVE) ? components(features, false) : 0;
        supportedXss = features.contains(Cpuid.XSAVES) ? components(features, true) : 0;
    }

    /// What this processor has: decides which instructions, CR4 bits and MSRs exist.
    public Set<Cpuid> features() {
        return Collections.unmodifiableSet(features);
    }

    public boolean has(Cpuid feature) {
        return features.contains(feature);
    }

    /// State components that XSETBV may enable in XCR0; 0 without XSAVE.
    public long supportedXcr0() {
        return supportedXcr0;
    }

    public CpuModel model() {
        return model;
    }

    /// The initial APIC id, of 32 bits.
    public int apicId() {
        return apicId;
    }

    /// EAX, EBX, ECX and EDX after CPUID with this leaf in EAX and subleaf in ECX.
    ///
    /// A leaf above the highest one gets the answer of the highest basic leaf.
    public int[] read(int leaf, int subleaf, CpuidState state) {
        boolean limited = (state.miscEnable() & MISC_LIMIT_CPUID_MAXVAL) != 0;
        int maxBasic = limited ? 2 : model.maxBasicLeaf();
        int known = isKnown(leaf, maxBasic) ? leaf : maxBasic;
        int[] answer = known < 0 ? extended(known) : basic(known, subleaf, state, maxBasic);
        for (Cpuid feature : features) {
            if (feature.leaf() == known
                    && subleafOf(known, subleaf) == feature.subleaf()
                    && isVisible(feature, state)) {
                answer[feature.register().ordinal()] |= 1 << feature.bit();
            }
        }
        return answer;
    }

    private static boolean isKnown(int leaf, int maxBasic) {
        return leaf < 0 ? Integer.compareUnsigned(leaf, MAX_EXTENDED_LEAF) <= 0 : leaf <= maxBasic;
    }

    /// Leaves without subleaves ignore ECX.
    private static int subleafOf(int leaf, int subleaf) {
        return leaf == 7 || leaf == 0xD ? subleaf : 0;
    }

    private static boolean isVisible(Cpuid feature, CpuidState state) {
        return switch (feature) {
            case APIC -> state.apicEnabled();
            case OSXSAVE -> (state.cr4() & CR4_OSXSAVE) != 0;
            case OSPKE -> (state.cr4() & CR4_PKE) != 0;
            case SYSCALL_SYSRET -> state.in64BitMode();
            case MONITOR -> (state.miscEnable() & MISC_MONITOR) != 0;
            case ERMS -> (state.miscEnable() & MISC_FAST_STRINGS) != 0;
            case EXECUTE_DISABLE -> (state.miscEnable() & MISC_XD_DISABLE) == 0;
            default -> true;
        };
    }

    private int[] basic(int leaf, int subleaf, CpuidState state, int maxBasic) {
        return switch (leaf) {
            case 0 -> vendor(maxBasic);
            case 1 -> answer(model.identity().signature(), brandIndexAndIds(), 0, 0);
            case 2 -> model.descriptors().stream().mapToInt(Integer::intValue).toArray();
            case 4 -> cache(subleaf);
            case 5 -> has(Cpuid.MONITOR) ? monitor() : answer(0, 0, 0, 0);
            case 0xB -> has(Cpuid.X2APIC) ? topologyLevel(subleaf) : answer(0, 0, 0, 0);
            case 0xD -> has(Cpuid.XSAVE) ? extendedState(subleaf, state) : answer(0, 0, 0, 0);
            case 0x15 ->
                    answer(
                            model.clocks().denominator(),
                            model.clocks().numerator(),
                            model.clocks().crystalHertz(),
                            0);
            case 0x16 ->
                    answer(
                            model.clocks().baseMegahertz(),
                            model.clocks().maxMegahertz(),
                            model.clocks().busMegahertz(),
                            0);
            default -> answer(0, 0, 0, 0);
        };
    }

    private int[] extended(int leaf) {
        return switch (leaf - EXTENDED) {
            case 0 -> answer(MAX_EXTENDED_LEAF, 0, 0, 0);
            case 2, 3, 4 -> brand(leaf - EXTENDED - 2);
            case 6 -> answer(0, 0, level2Cache(), 0);
            case 8 ->
                    answer(
                            model.addressWidths().linear() << 8 | model.addressWidths().physical(),
                            0,
                            0,
                            0);
            default -> answer(0, 0, 0, 0);
        };
    }

    private int[] vendor(int maxBasic) {
        ByteBuffer text = text(model.identity().vendor(), 12);
        return answer(maxBasic, text.getInt(0), text.getInt(8), text.getInt(4));
    }

    private int[] brand(int part) {
        ByteBuffer text = text(model.identity().brand(), 48);
        int at = part * 16;
        return answer(
                text.getInt(at), text.getInt(at + 4), text.getInt(at + 8), text.getInt(at + 12));
    }

    private static ByteBuffer text(String text, int length) {
        byte[] bytes = Arrays.copyOf(text.getBytes(StandardCharsets.US_ASCII), length);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /// EBX of leaf 1: CLFLUSH line size in 8 bytes, ids reserved for a package, initial APIC id.
    private int brandIndexAndIds() {
        int ids = Math.min(1 << topology.packageShift(), 0xFF);
        return (apicId & 0xFF) << 24 | ids << 16 | Cache.LINE / 8 << 8;
    }

    private int[] cache(int subleaf) {
        if (subleaf < 0 || subleaf >= model.caches().size()) {
            return answer(0, 0, 0, 0);
        }
        Cache cache = model.caches().get(subleaf);
        int coreIds = 1 << topology.packageShift() - topology.coreShift();
        int sharingIds =
                switch (cache.sharing()) {
                    case CORE -> 1 << topology.coreShift();
                    case PACKAGE -> 1 << topology.packageShift();
                };
        boolean selfInitializing = true;
        return answer(
                cache.kind().ordinal()
                        | cache.level() << 5
                        | (selfInitializing ? 1 << 8 : 0)
                        | (sharingIds - 1 & 0xFFF) << 14
                        | (coreIds - 1 & 0x3F) << 26,
                cache.ways() - 1 << 22 | Cache.LINE - 1,
                cache.sets() - 1,
                (cache.inclusive() ? 1 << 1 : 0) | (cache.complexIndexing() ? 1 << 2 : 0));
    }

    /// One line is monitored; interrupts break MWAIT even when they are masked.
    private int[] monitor() {
        return answer(Cache.LINE, Cache.LINE, 0b11, model.mwaitSubstates());
    }

    private int[] topologyLevel(int subleaf) {
        int level = subleaf & 0xFF;
        return switch (subleaf) {
            case 0 -> answer(topology.coreShift(), topology.threads(), 1 << 8 | level, apicId);
            case 1 ->
                    answer(
                            topology.packageShift(),
                            topology.processorsPerPackage(),
                            2 << 8 | level,
                            apicId);
            default -> answer(0, 0, level, apicId);
        };
    }

    private int[] extendedState(int subleaf, CpuidState state) {
        if (subleaf == 0) {
            return answer(
                    (int) supportedXcr0,
                    standardSize(state.xcr0()),
                    standardSize(supportedXcr0),
                    (int) (supportedXcr0 >>> 32));
        }
        if (subleaf == 1) {
            boolean compacts = has(Cpuid.XSAVEC) || has(Cpuid.XSAVES);
            int size = compacts ? compactedSize(state.xcr0() | state.xss()) : 0;
            return answer(0, size, (int) supportedXss, (int) (supportedXss >>> 32));
        }
        for (XsaveComponent component : XsaveComponent.values()) {
            if (component.bit() == subleaf && component.in(supportedXcr0 | supportedXss)) {
                int supervisor = component.isSupervisor() ? 1 : 0;
                return answer(component.size(), component.offset(), supervisor, 0);
            }
        }
        return answer(0, 0, 0, 0);
    }

    private static long components(Set<Cpuid> features, boolean supervisor) {
        long bits = supervisor ? 0 : XsaveComponent.LEGACY;
        for (XsaveComponent component : XsaveComponent.values()) {
            if (component.isSupervisor() == supervisor && features.contains(component.feature())) {
                bits |= 1L << component.bit();
            }
        }
        return bits;
    }

    private static int standardSize(long bitmap) {
        int size = XsaveComponent.HEADER_END;
        for (XsaveComponent component : XsaveComponent.values()) {
            if (component.in(bitmap)) {
                size = Math.max(size, component.offset() + component.size());
            }
        }
        return size;
    }

    private static int compactedSize(long bitmap) {
        int size = XsaveComponent.HEADER_END;
        for (XsaveComponent component : XsaveComponent.values()) {
            if (component.in(bitmap)) {
                size += component.size();
            }
        }
        return size;
    }

    /// ECX of leaf 0x80000006: line size, code of the associativity, size in KiB.
    private int level2Cache() {
        return model.caches().stream()
                .filter(cache -> cache.level() == 2)
                .mapToInt(cache -> cache.bytes() >> 10 << 16 | waysCode(cache) << 12 | Cache.LINE)
                .findFirst()
                .orElse(0);
    }

    private static int waysCode(Cache cache) {
        return switch (cache.ways()) {
            case 1, 2, 4 -> cache.ways();
            case 8 -> 6;
            case 16 -> 8;
            default -> 7; // "see leaf 4"
        };
    }

    private static int[] answer(int eax, int ebx, int ecx, int edx) {
        return new int[] {eax, ebx, ecx, edx};
    }
}
