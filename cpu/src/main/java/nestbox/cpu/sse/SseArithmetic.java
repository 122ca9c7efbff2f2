package nestbox.cpu.sse;

import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.fp.BinaryUnit;
import nestbox.x86.RFlags;

/// Arithmetic and comparisons: what happens to one element, and the PS, PD, SS and SD shapes of
/// instruction around it.
final class SseArithmetic {
    private static final int BYTES = 16;
    private static final int PREDICATES = 7;
    private static final int ONE_32 = -1;

    /// By [nestbox.cpu.fp.Relation].
    private static final long[] FLAGS = {
        0, RFlags.CF, RFlags.ZF, RFlags.ZF | RFlags.PF | RFlags.CF
    };

    /// Destination and source element to destination element.
    @FunctionalInterface
    interface Single {
        int apply(SseUnit sse, Insn insn, int a, int b);
    }

    @FunctionalInterface
    interface DoubleOperation {
        long apply(SseUnit sse, Insn insn, long a, long b);
    }

    @FunctionalInterface
    interface CompareSingle {
        int apply(BinaryUnit unit, int a, int b);
    }

    @FunctionalInterface
    interface CompareDouble {
        int apply(BinaryUnit unit, long a, long b);
    }

    private SseArithmetic() {}

    // Shapes

    static Semantic ps(Single op) {
        return (cpu, insn) -> {
            SseUnit sse = cpu.sse;
            sse.begin();
            long b = cpu.vectorSource(insn, BYTES, true);
            long a = cpu.vector(insn.reg);
            long result = sse.result();
            for (int i = 0; i < BYTES; i += 4) {
                int element = op.apply(sse, insn, SPACE.get(I32, a + i), SPACE.get(I32, b + i));
                SPACE.set(I32, result + i, element);
            }
            sse.finish();
            sse.deliver(a);
        };
    }

    static Semantic pd(DoubleOperation op) {
        return (cpu, insn) -> {
            SseUnit sse = cpu.sse;
            sse.begin();
            long b = cpu.vectorSource(insn, BYTES, true);
            long a = cpu.vector(insn.reg);
            long low = op.apply(sse, insn, SPACE.get(I64, a), SPACE.get(I64, b));
            long high = op.apply(sse, insn, SPACE.get(I64, a + 8), SPACE.get(I64, b + 8));
            sse.finish();
            SPACE.set(I64, a, low);
            SPACE.set(I64, a + 8, high);
        };
    }

    static Semantic ss(Single op) {
        return (cpu, insn) -> {
            SseUnit sse = cpu.sse;
            sse.begin();
            long b = cpu.vectorSource(insn, 4, false);
            long a = cpu.vector(insn.reg);
            int element = op.apply(sse, insn, SPACE.get(I32, a), SPACE.get(I32, b));
            sse.finish();
            SPACE.set(I32, a, element);
        };
    }

    static Semantic sd(DoubleOperation op) {
        return (cpu, insn) -> {
            SseUnit sse = cpu.sse;
            sse.begin();
            long b = cpu.vectorSource(insn, 8, false);
            long a = cpu.vector(insn.reg);
            long element = op.apply(sse, insn, SPACE.get(I64, a), SPACE.get(I64, b));
            sse.finish();
            SPACE.set(I64, a, element);
        };
    }

    /// COMISS and UCOMISS.
    static Semantic compareSingle(CompareSingle op) {
        return (cpu, insn) -> {
            SseUnit sse = cpu.sse;
            sse.begin();
            long b = cpu.vectorSource(insn, 4, false);
            int a = SPACE.get(I32, cpu.vector(insn.reg));
            int relation = op.apply(sse.unit, a, SPACE.get(I32, b));
            sse.finish();
            cpu.statusFlags(FLAGS[relation]);
        };
    }

    /// COMISD and UCOMISD.
    static Semantic compareDouble(CompareDouble op) {
        return (cpu, insn) -> {
            SseUnit sse = cpu.sse;
            sse.begin();
            long b = cpu.vectorSource(insn, 8, false);
            long a = SPACE.get(I64, cpu.vector(insn.reg));
            int relation = op.apply(sse.unit, a, SPACE.get(I64, b));
            sse.finish();
            cpu.statusFlags(FLAGS[relation]);
        };
    }

    // Elements that need more than the unit's operation

    static int matches(SseUnit sse, Insn insn, int a, int b) {
        return sse.unit.matches32((int) insn.immediate & PREDICATES, a, b) ? ONE_32 : 0;
    }

    static long matches(SseUnit sse, Insn insn, long a, long b) {
        return sse.unit.matches64((int) insn.immediate & PREDICATES, a, b) ? -1L : 0;
    }

    // Across elements

    /// ADDSUBPS.
    static void addsubps(Cpu cpu, Insn insn) {
        SseUnit sse = cpu.sse;
        sse.begin();
        long b = cpu.vectorSource(insn, BYTES, true);
        long a = cpu.vector(insn.reg);
        long result = sse.result();
        for (int i = 0; i < BYTES; i += 8) {
            int even = sse.unit.subtract32(SPACE.get(I32, a + i), SPACE.get(I32, b + i));
            int odd = sse.unit.add32(SPACE.get(I32, a + i + 4), SPACE.get(I32, b + i + 4));
            SPACE.set(I32, result + i, even);
            SPACE.set(I32, result + i + 4, odd);
        }
        sse.finish();
        sse.deliver(a);
    }

    static void addsubpd(Cpu cpu, Insn insn) {
        SseUnit sse = cpu.sse;
        sse.begin();
        long b = cpu.vectorSource(insn, BYTES, true);
        long a = cpu.vector(insn.reg);
        long low = sse.unit.subtract64(SPACE.get(I64, a), SPACE.get(I64, b));
        long high = sse.unit.add64(SPACE.get(I64, a + 8), SPACE.get(I64, b + 8));
        sse.finish();
        SPACE.set(I64, a, low);
        SPACE.set(I64, a + 8, high);
    }

    /// HADDPS and HSUBPS: neighbours of the destination, then neighbours of the source.
    static Semantic horizontalSingle(Single op) {
        return (cpu, insn) -> {
            SseUnit sse = cpu.sse;
            sse.begin();
            long b = cpu.vectorSource(insn, BYTES, true);
            long a = cpu.vector(insn.reg);
            long result = sse.result();
            for (int i = 0; i < BYTES; i += 4) {
                long pair = i < 8 ? a + 2 * i : b + 2 * i - BYTES;
                int left = SPACE.get(I32, pair);
                SPACE.set(I32, result + i, op.apply(sse, insn, left, SPACE.get(I32, pair + 4)));
            }
            sse.finish();
            sse.deliver(a);
        };
    }

    static Semantic horizontalDouble(DoubleOperation op) {
        return (cpu, insn) -> {
            SseUnit sse = cpu.sse;
            sse.begin();
            long b = cpu.vectorSource(insn, BYTES, true);
            long a = cpu.vector(insn.reg);
            long low = op.apply(sse, insn, SPACE.get(I64, a), SPACE.get(I64, a + 8));
            long high = op.apply(sse, insn, SPACE.get(I64, b), SPACE.get(I64, b + 8));
            sse.finish();
            SPACE.set(I64, a, low);
            SPACE.set(I64, a + 8, high);
        };
    }

    /// DPPS: each step reports its exceptions before the next one. SDM Vol. 2A, "DPPS".
    static void dpps(Cpu cpu, Insn insn) {
        SseUnit sse = cpu.sse;
        sse.begin();
        long b = cpu.vectorSource(insn, BYTES, true);
        long a = cpu.vector(insn.reg);
        BinaryUnit unit = sse.unit;
        int p0 = productIf(insn, 4, unit, SPACE.get(I32, a), SPACE.get(I32, b));
        int p1 = productIf(insn, 5, unit, SPACE.get(I32, a + 4), SPACE.get(I32, b + 4));
        int p2 = productIf(insn, 6, unit, SPACE.get(I32, a + 8), SPACE.get(I32, b + 8));
        int p3 = productIf(insn, 7, unit, SPACE.get(I32, a + 12), SPACE.get(I32, b + 12));
        sse.finish();
        int low = unit.add32(p0, p1);
        int high = unit.add32(p2, p3);
        sse.finish();
        int sum = unit.add32(low, high);
        sse.finish();
        for (int i = 0; i < 4; i++) {
            SPACE.set(I32, a + 4 * i, (insn.immediate >>> i & 1) != 0 ? sum : 0);
        }
    }

    private static int productIf(Insn insn, int bit, BinaryUnit unit, int a, int b) {
        return (insn.immediate >>> bit & 1) != 0 ? unit.multiply32(a, b) : 0;
    }

    static void dppd(Cpu cpu, Insn insn) {
        SseUnit sse = cpu.sse;
        sse.begin();
        long b = cpu.vectorSource(insn, BYTES, true);
        long a = cpu.vector(insn.reg);
        BinaryUnit unit = sse.unit;
        boolean useLow = (insn.immediate & 0x10) != 0;
        boolean useHigh = (insn.immediate & 0x20) != 0;
        long p0 = useLow ? unit.multiply64(SPACE.get(I64, a), SPACE.get(I64, b)) : 0;
        long p1 = useHigh ? unit.multiply64(SPACE.get(I64, a + 8), SPACE.get(I64, b + 8)) : 0;
        sse.finish();
        long sum = unit.add64(p0, p1);
        sse.finish();
        SPACE.set(I64, a, (insn.immediate & 1) != 0 ? sum : 0);
        SPACE.set(I64, a + 8, (insn.immediate & 2) != 0 ? sum : 0);
    }
}
