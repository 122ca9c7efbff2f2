package nestbox.cpu.sse;

import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.core.StateBlock;

import java.util.function.LongBinaryOperator;

/// Moves, shuffles, blends and logic: no floating-point exceptions.
final class SseMoves {
    private static final int BYTES = 16;
    private static final int IMPLICIT_MASK = 0;

    private SseMoves() {}

    private static int get32(long place) {
        return SPACE.get(I32, place);
    }

    private static long get64(long place) {
        return SPACE.get(I64, place);
    }

    private static void set(long place, long low, long high) {
        SPACE.set(I64, place, low);
        SPACE.set(I64, place + 8, high);
    }

    private static long join(int low, int high) {
        return low & 0xFFFF_FFFFL | (long) high << 32;
    }

    private static long source(Cpu cpu, Insn insn) {
        cpu.sse.check();
        return cpu.vectorSource(insn, BYTES, true);
    }

    // Whole registers

    static Semantic load(boolean aligned) {
        return (cpu, insn) -> {
            cpu.sse.check();
            long from = cpu.vectorSource(insn, BYTES, aligned);
            set(cpu.vector(insn.reg), get64(from), get64(from + 8));
        };
    }

    static Semantic store(boolean aligned) {
        return (cpu, insn) -> {
            cpu.sse.check();
            long from = cpu.vector(insn.reg);
            if (insn.isMemory) {
                cpu.storeVector(insn, from, aligned);
            } else {
                set(cpu.vector(insn.rm), get64(from), get64(from + 8));
            }
        };
    }

    // Parts

    static void movssLoad(Cpu cpu, Insn insn) {
        cpu.sse.check();
        int value = get32(cpu.vectorSource(insn, 4, false));
        long to = cpu.vector(insn.reg);
        if (insn.isMemory) {
            set(to, value & 0xFFFF_FFFFL, 0);
        } else {
            SPACE.set(I32, to, value);
        }
    }

    static void movsdLoad(Cpu cpu, Insn insn) {
        cpu.sse.check();
        long value = get64(cpu.vectorSource(insn, 8, false));
        long to = cpu.vector(insn.reg);
        SPACE.set(I64, to, value);
        if (insn.isMemory) {
            SPACE.set(I64, to + 8, 0L);
        }
    }

    static void movssStore(Cpu cpu, Insn insn) {
        cpu.sse.check();
        int value = get32(cpu.vector(insn.reg));
        if (insn.isMemory) {
            cpu.store(insn, 4, value & 0xFFFF_FFFFL);
        } else {
            SPACE.set(I32, cpu.vector(insn.rm), value);
        }
    }

    static void movsdStore(Cpu cpu, Insn insn) {
        cpu.sse.check();
        long value = get64(cpu.vector(insn.reg));
        if (insn.isMemory) {
            cpu.store(insn, 8, value);
        } else {
            SPACE.set(I64, cpu.vector(insn.rm), value);
        }
    }

    /// MOVLPS and MOVHPS from memory, by the half's offset.
    static Semantic loadHalf(int offset) {
        return (cpu, insn) -> {
            cpu.sse.check();
            SPACE.set(I64, cpu.vector(insn.reg) + offset, cpu.load(insn, 8));
        };
    }

    static Semantic storeHalf(int offset) {
        return (cpu, insn) -> {
            cpu.sse.check();
            cpu.store(insn, 8, get64(cpu.vector(insn.reg) + offset));
        };
    }

    /// MOVHLPS and MOVLHPS.
    static Semantic crossHalves(int from, int to) {
        return (cpu, insn) -> {
            cpu.sse.check();
            SPACE.set(I64, cpu.vector(insn.reg) + to, get64(cpu.vector(insn.rm) + from));
        };
    }

    static void movddup(Cpu cpu, Insn insn) {
        cpu.sse.check();
        long value = get64(cpu.vectorSource(insn, 8, false));
        set(cpu.vector(insn.reg), value, value);
    }

    /// MOVSLDUP (0) and MOVSHDUP (4): one of each two neighbours, twice.
    static Semantic duplicate(int offset) {
        return (cpu, insn) -> {
            long from = source(cpu, insn) + offset;
            int low = get32(from);
            int high = get32(from + 8);
            set(cpu.vector(insn.reg), join(low, low), join(high, high));
        };
    }

    static void movmskps(Cpu cpu, Insn insn) {
        cpu.sse.check();
        long from = cpu.vector(insn.rm);
        int mask = 0;
        for (int i = 0; i < 4; i++) {
            mask |= get32(from + 4 * i) >>> 31 << i;
        }
        cpu.set32(insn.destination, mask);
    }

    static void movmskpd(Cpu cpu, Insn insn) {
        cpu.sse.check();
        long from = cpu.vector(insn.rm);
        cpu.set32(insn.destination, (int) (get64(from) >>> 63 | get64(from + 8) >>> 63 << 1));
    }

    // Shuffles

    static void shufps(Cpu cpu, Insn insn) {
        long b = source(cpu, insn);
        long a = cpu.vector(insn.reg);
        int order = (int) insn.immediate;
        int r0 = get32(a + 4 * (order & 3));
        int r1 = get32(a + 4 * (order >> 2 & 3));
        int r2 = get32(b + 4 * (order >> 4 & 3));
        int r3 = get32(b + 4 * (order >> 6 & 3));
        set(a, join(r0, r1), join(r2, r3));
    }

    static void shufpd(Cpu cpu, Insn insn) {
        long b = source(cpu, insn);
        long a = cpu.vector(insn.reg);
        int order = (int) insn.immediate;
        set(a, get64(a + 8 * (order & 1)), get64(b + 8 * (order >> 1 & 1)));
    }

    /// UNPCKLPS (0) and UNPCKHPS (8).
    static Semantic unpackSingle(int offset) {
        return (cpu, insn) -> {
            long b = source(cpu, insn) + offset;
            long a = cpu.vector(insn.reg) + offset;
            long low = join(get32(a), get32(b));
            set(cpu.vector(insn.reg), low, join(get32(a + 4), get32(b + 4)));
        };
    }

    static Semantic unpackDouble(int offset) {
        return (cpu, insn) -> {
            long b = source(cpu, insn) + offset;
            long a = cpu.vector(insn.reg);
            set(a, get64(a + offset), get64(b));
        };
    }

    static void blendps(Cpu cpu, Insn insn) {
        long b = source(cpu, insn);
        long a = cpu.vector(insn.reg);
        for (int i = 0; i < 4; i++) {
            if ((insn.immediate >>> i & 1) != 0) {
                SPACE.set(I32, a + 4 * i, get32(b + 4 * i));
            }
        }
    }

    static void blendpd(Cpu cpu, Insn insn) {
        long b = source(cpu, insn);
        long a = cpu.vector(insn.reg);
        for (int i = 0; i < 2; i++) {
            if ((insn.immediate >>> i & 1) != 0) {
                SPACE.set(I64, a + 8 * i, get64(b + 8 * i));
            }
        }
    }

    /// BLENDVPS: signs of XMM0 choose, as they were before.
    static void blendvps(Cpu cpu, Insn insn) {
        long b = source(cpu, insn);
        long a = cpu.vector(insn.reg);
        long mask = cpu.vector(IMPLICIT_MASK);
        for (int i = 0; i < BYTES; i += 4) {
            if (get32(mask + i) < 0) {
                SPACE.set(I32, a + i, get32(b + i));
            }
        }
    }

    static void blendvpd(Cpu cpu, Insn insn) {
        long b = source(cpu, insn);
        long a = cpu.vector(insn.reg);
        long mask = cpu.vector(IMPLICIT_MASK);
        for (int i = 0; i < BYTES; i += 8) {
            if (get64(mask + i) < 0) {
                SPACE.set(I64, a + i, get64(b + i));
            }
        }
    }

    static void insertps(Cpu cpu, Insn insn) {
        cpu.sse.check();
        int control = (int) insn.immediate;
        int element = insn.isMemory ? 0 : control >> 6 & 3;
        int value = get32(cpu.vectorSource(insn, 4, false) + 4 * element);
        long to = cpu.vector(insn.reg);
        SPACE.set(I32, to + 4 * (control >> 4 & 3), value);
        for (int i = 0; i < 4; i++) {
            if ((control >>> i & 1) != 0) {
                SPACE.set(I32, to + 4 * i, 0);
            }
        }
    }

    static void extractps(Cpu cpu, Insn insn) {
        cpu.sse.check();
        int value = get32(cpu.vector(insn.reg) + 4 * (insn.immediate & 3));
        cpu.storeRm(insn, insn.destination, 4, value & 0xFFFF_FFFFL);
    }

    static Semantic logic(LongBinaryOperator op) {
        return (cpu, insn) -> {
            long b = source(cpu, insn);
            long a = cpu.vector(insn.reg);
            long low = op.applyAsLong(get64(a), get64(b));
            set(a, low, op.applyAsLong(get64(a + 8), get64(b + 8)));
        };
    }

    // MXCSR

    static void ldmxcsr(Cpu cpu, Insn insn) {
        cpu.sse.check();
        int value = (int) cpu.load(insn, 4);
        if ((value & ~SseUnit.MXCSR_MASK) != 0) {
            throw cpu.generalProtection();
        }
        cpu.set32(StateBlock.MXCSR, value);
    }

    static void stmxcsr(Cpu cpu, Insn insn) {
        cpu.sse.check();
        cpu.store(insn, 4, cpu.get32(StateBlock.MXCSR) & 0xFFFF_FFFFL);
    }
}
