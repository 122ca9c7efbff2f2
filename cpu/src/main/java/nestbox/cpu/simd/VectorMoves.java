package nestbox.cpu.simd;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.I8;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.StateBlock;

/// Moves between vector registers, general registers and memory.
///
/// Whether a vector operand is an MMX or an XMM register follows from its width. Non-temporal
/// hints have no meaning without a cache.
final class VectorMoves {
    private VectorMoves() {}

    /// Writes a whole XMM register.
    private static void set(Cpu cpu, int number, long low, long high) {
        long register = cpu.vector(number);
        SPACE.set(I64, register, low);
        SPACE.set(I64, register + 8, high);
    }

    // MOVD, MOVQ

    static void movdLoad(Cpu cpu, Insn insn) {
        VectorOperands.check(cpu, insn.width);
        long value = cpu.loadRm(insn, insn.source, insn.sourceWidth);
        loaded(cpu, insn, value);
    }

    static void movqLoad(Cpu cpu, Insn insn) {
        VectorOperands.check(cpu, insn.width);
        long value = Packed.load(VectorOperands.source(cpu, insn));
        loaded(cpu, insn, value);
    }

    private static void loaded(Cpu cpu, Insn insn, long value) {
        if (insn.width == VectorOperands.MMX) {
            Packed.store(VectorOperands.mmxDestination(cpu, insn.reg), value);
        } else {
            set(cpu, insn.reg, value, 0);
        }
    }

    static void movdStore(Cpu cpu, Insn insn) {
        VectorOperands.check(cpu, insn.sourceWidth);
        cpu.storeRm(insn, insn.destination, insn.width, stored(cpu, insn));
        VectorOperands.register(cpu, insn.reg, insn.sourceWidth);
    }

    static void movqStore(Cpu cpu, Insn insn) {
        VectorOperands.check(cpu, insn.sourceWidth);
        long value = stored(cpu, insn);
        if (insn.isMemory) {
            cpu.store(insn, 8, value);
            VectorOperands.register(cpu, insn.reg, insn.sourceWidth);
        } else if (insn.sourceWidth == VectorOperands.MMX) {
            Packed.store(VectorOperands.mmxDestination(cpu, insn.rm), value);
        } else {
            set(cpu, insn.rm, value, 0);
        }
    }

    /// The value that will be stored; an MMX register takes over only when the store is done.
    private static long stored(Cpu cpu, Insn insn) {
        return Packed.load(
                insn.sourceWidth == VectorOperands.MMX
                        ? cpu.x87Register(insn.reg & 7)
                        : cpu.vector(insn.reg));
    }

    static void movq2dq(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        VectorOperands.checkMmx(cpu);
        set(cpu, insn.reg, Packed.load(VectorOperands.mmx(cpu, insn.rm)), 0);
    }

    static void movdq2q(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        VectorOperands.checkMmx(cpu);
        long value = Packed.load(cpu.vector(insn.rm));
        Packed.store(VectorOperands.mmxDestination(cpu, insn.reg), value);
    }

    // MOVDQA, MOVDQU and their kin

    static void movdqaLoad(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        long src = cpu.vectorSource(insn, 16, true);
        set(cpu, insn.reg, Packed.load(src), Packed.load(src + 8));
    }

    static void movdquLoad(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        long src = cpu.vectorSource(insn, 16, false);
        set(cpu, insn.reg, Packed.load(src), Packed.load(src + 8));
    }

    static void movdqaStore(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        storeWhole(cpu, insn, true);
    }

    static void movdquStore(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        storeWhole(cpu, insn, false);
    }

    private static void storeWhole(Cpu cpu, Insn insn, boolean aligned) {
        long src = cpu.vector(insn.reg);
        if (insn.isMemory) {
            cpu.storeVector(insn, src, aligned);
        } else {
            set(cpu, insn.rm, Packed.load(src), Packed.load(src + 8));
        }
    }

    // MASKMOVQ, MASKMOVDQU, PMOVMSKB

    /// Stores the bytes whose mask byte is negative at DS:rDI. Each is an access of its own.
    static void maskmov(Cpu cpu, Insn insn) {
        int bytes = insn.width;
        VectorOperands.check(cpu, bytes);
        boolean mmx = bytes == VectorOperands.MMX;
        long src = mmx ? cpu.x87Register(insn.reg & 7) : cpu.vector(insn.reg);
        long mask = mmx ? cpu.x87Register(insn.rm & 7) : cpu.vector(insn.rm);
        long start = cpu.get64(StateBlock.RDI);
        for (int i = 0; i < bytes; i++) {
            if (SPACE.get(I8, mask + i) < 0) {
                long offset = start + i & insn.addressMask;
                long linear = cpu.linear(insn.segment, insn.flat, offset, 1, true);
                cpu.write8(insn.segment, linear, SPACE.get(I8, src + i));
            }
        }
        VectorOperands.register(cpu, insn.reg, bytes);
    }

    static void pmovmskb(Cpu cpu, Insn insn) {
        VectorOperands.check(cpu, insn.sourceWidth);
        long src = VectorOperands.register(cpu, insn.rm, insn.sourceWidth);
        int signs = 0;
        for (int i = 0; i < insn.sourceWidth; i += 8) {
            signs |= Lanes.byteSigns(Packed.load(src + i)) << i;
        }
        cpu.set32(insn.destination, signs);
    }

    // PINSR, PEXTR

    /// Position of the lane that the immediate chooses; the bits past the last lane don't count.
    private static int lane(Insn insn, int laneBytes, int registerBytes) {
        return (int) insn.immediate * laneBytes & registerBytes - 1;
    }

    static void pinsrb(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        byte value = (byte) cpu.loadRm(insn, insn.source, insn.sourceWidth);
        SPACE.set(I8, cpu.vector(insn.reg) + lane(insn, 1, 16), value);
    }

    static void pinsrw(Cpu cpu, Insn insn) {
        VectorOperands.check(cpu, insn.width);
        short value = (short) cpu.loadRm(insn, insn.source, insn.sourceWidth);
        long dst = VectorOperands.destination(cpu, insn.reg, insn.width);
        SPACE.set(I16, dst + lane(insn, 2, insn.width), value);
    }

    /// PINSRD, and with REX.W PINSRQ.
    static void pinsrd(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        long value = cpu.loadRm(insn, insn.source, insn.sourceWidth);
        long dst = cpu.vector(insn.reg) + lane(insn, insn.sourceWidth, 16);
        if (insn.sourceWidth == 8) {
            SPACE.set(I64, dst, value);
        } else {
            SPACE.set(I32, dst, (int) value);
        }
    }

    static void pextrb(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        int value = SPACE.get(I8, cpu.vector(insn.reg) + lane(insn, 1, 16)) & 0xFF;
        cpu.storeRm(insn, insn.destination, insn.width, value);
    }

    static void pextrw(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        int value = SPACE.get(I16, cpu.vector(insn.reg) + lane(insn, 2, 16)) & 0xFFFF;
        cpu.storeRm(insn, insn.destination, insn.width, value);
    }

    /// The older PEXTRW, whose destination ModRM.reg names.
    static void pextrwFromRm(Cpu cpu, Insn insn) {
        VectorOperands.check(cpu, insn.sourceWidth);
        long src = VectorOperands.register(cpu, insn.rm, insn.sourceWidth);
        cpu.set32(insn.destination, SPACE.get(I16, src + lane(insn, 2, insn.sourceWidth)) & 0xFFFF);
    }

    /// PEXTRD, and with REX.W PEXTRQ.
    static void pextrd(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        long src = cpu.vector(insn.reg) + lane(insn, insn.width, 16);
        long value = insn.width == 8 ? SPACE.get(I64, src) : SPACE.get(I32, src) & 0xFFFF_FFFFL;
        cpu.storeRm(insn, insn.destination, insn.width, value);
    }
}
