package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.x86.Bits;
import nestbox.x86.Cpuid;
import nestbox.x86.Operand;
import nestbox.x86.RFlags;

/// Bit tests, scans and counts.
public final class BitOperations {
    private BitOperations() {}

    public static Semantic of(Bits op) {
        return switch (op) {
            case BT -> (cpu, insn) -> test(cpu, insn, op);
            case BTS -> (cpu, insn) -> test(cpu, insn, op);
            case BTR -> (cpu, insn) -> test(cpu, insn, op);
            case BTC -> (cpu, insn) -> test(cpu, insn, op);
            case BSF -> (cpu, insn) -> scan(cpu, insn, true);
            case BSR -> (cpu, insn) -> scan(cpu, insn, false);
            case POPCNT -> BitOperations::popcnt;
            case BSWAP -> BitOperations::bswap;
        };
    }

    /// With a register as bit offset and memory as bit base, the offset reaches beyond the
    /// operand. SDM Vol. 2A, "BT—Bit Test". Only CF is defined; the other flags stay.
    private static void test(Cpu cpu, Insn insn, Bits op) {
        int width = insn.width;
        int bits = 8 * width;
        boolean immediate = insn.row.operands().get(1) == Operand.Ib;
        long offset = immediate ? insn.immediate & bits - 1 : cpu.get(insn.source, width);
        long mask = 1L << (offset & bits - 1);
        if (!insn.isMemory) {
            long value = cpu.get(insn.destination, width);
            if (op != Bits.BT) {
                cpu.set(insn.destination, width, changed(value, mask, op));
            }
            cpu.cf((value & mask) != 0);
            return;
        }
        long linear = bitBase(cpu, insn, immediate ? 0 : Arithmetic.signed(offset, width));
        if (op == Bits.BT) {
            cpu.cf((cpu.read(insn.segment, linear, width) & mask) != 0);
            return;
        }
        long value = cpu.readForWrite(insn.segment, linear, width);
        cpu.write(insn.segment, linear, width, changed(value, mask, op));
        cpu.cf((value & mask) != 0);
    }

    /// Linear address of the operand-sized word that holds a bit.
    private static long bitBase(Cpu cpu, Insn insn, long offset) {
        int shift = Integer.numberOfTrailingZeros(8 * insn.width);
        long away = (offset >> shift) * insn.width;
        if (away == 0) {
            return cpu.linear(insn, insn.width, insn.row.op() != Bits.BT);
        }
        long effective = cpu.effectiveAddress(insn) + away & insn.addressMask;
        return cpu.linear(insn.segment, insn.flat, effective, insn.width, insn.row.op() != Bits.BT);
    }

    private static long changed(long value, long mask, Bits op) {
        return switch (op) {
            case BTS -> value | mask;
            case BTR -> value & ~mask;
            default -> value ^ mask;
        };
    }

    /// A source of zero leaves the destination as it is, as processors do (the manual calls it
    /// undefined), and sets ZF.
    private static void scan(Cpu cpu, Insn insn, boolean forward) {
        long value = cpu.loadRm(insn, insn.source, insn.width);
        long flags = cpu.statusFlags();
        if (value == 0) {
            cpu.statusFlags(flags | RFlags.ZF);
            return;
        }
        int bit =
                forward ? Long.numberOfTrailingZeros(value) : 63 - Long.numberOfLeadingZeros(value);
        cpu.set(insn.destination, insn.width, bit);
        cpu.statusFlags(flags & ~RFlags.ZF);
    }

    private static void popcnt(Cpu cpu, Insn insn) {
        if (!cpu.features.has(Cpuid.POPCNT)) {
            throw cpu.undefined();
        }
        long value = cpu.loadRm(insn, insn.source, insn.width);
        cpu.set(insn.destination, insn.width, Long.bitCount(value));
        cpu.statusFlags(value == 0 ? RFlags.ZF : 0);
    }

    /// With a 16-bit operand the result is undefined; processors give zero.
    private static void bswap(Cpu cpu, Insn insn) {
        long value = cpu.get64(insn.destination);
        switch (insn.width) {
            case 8 -> cpu.set64(insn.destination, Long.reverseBytes(value));
            case 4 -> cpu.set32(insn.destination, Integer.reverseBytes((int) value));
            default -> cpu.set16(insn.destination, 0);
        }
    }
}
