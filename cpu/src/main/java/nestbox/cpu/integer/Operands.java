package nestbox.cpu.integer;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.I8;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;

/// How templates reach memory operands: with the width and the kind of addressing as constants.
final class Operands {
    private Operands() {}

    /// Whether a memory operand's linear address is its effective address: 64-bit addressing in a
    /// segment whose base counts as zero.
    static boolean isPlain(Insn insn) {
        return insn.isMemory
                && insn.codeSize == 8
                && insn.addressSize == 8
                && insn.segment < Insn.FS;
    }

    static long linear(Cpu cpu, Insn insn, int width, boolean write, boolean plain) {
        return plain
                ? cpu.get64(insn.baseRegister)
                        + (cpu.get64(insn.indexRegister) << insn.scale)
                        + insn.displacement
                : cpu.linear(insn, width, write);
    }

    static long load(Cpu cpu, Insn insn, int width, boolean plain) {
        return cpu.read(insn.segment, linear(cpu, insn, width, false, plain), width);
    }

    static void store(Cpu cpu, Insn insn, int width, boolean plain, long value) {
        cpu.write(insn.segment, linear(cpu, insn, width, true, plain), width, value);
    }

    /// Reads from a place in the address space reservation.
    static long fetch(long host, int width) {
        return switch (width) {
            case 1 -> SPACE.get(I8, host) & 0xFF;
            case 2 -> SPACE.get(I16, host) & 0xFFFF;
            case 4 -> SPACE.get(I32, host) & 0xFFFF_FFFFL;
            default -> SPACE.get(I64, host);
        };
    }

    static void put(long host, int width, long value) {
        switch (width) {
            case 1 -> SPACE.set(I8, host, (byte) value);
            case 2 -> SPACE.set(I16, host, (short) value);
            case 4 -> SPACE.set(I32, host, (int) value);
            default -> SPACE.set(I64, host, value);
        }
    }
}
