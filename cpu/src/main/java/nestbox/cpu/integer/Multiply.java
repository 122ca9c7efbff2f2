package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;

/// MUL and IMUL. CF and OF say that the upper half is significant; SF, ZF, AF and PF are undefined
/// and follow the low half here.
final class Multiply {
    private Multiply() {}

    /// The one-operand forms: RDX:RAX (or AX) = RAX × operand.
    static void mul(Cpu cpu, Insn insn, boolean signed) {
        int width = insn.width;
        long left = cpu.get(Cpu.RAX, width);
        long right = cpu.loadRm(insn, insn.destination, width);
        if (width == 8) {
            long low = left * right;
            long high =
                    signed
                            ? Math.multiplyHigh(left, right)
                            : Math.unsignedMultiplyHigh(left, right);
            cpu.set64(Cpu.RAX, low);
            cpu.set64(Cpu.RDX, high);
            flags(cpu, low, 8, signed ? high != low >> 63 : high != 0);
            return;
        }
        long product =
                signed
                        ? Arithmetic.signed(left, width) * Arithmetic.signed(right, width)
                        : left * right;
        if (width == 1) {
            cpu.set16(Cpu.RAX, (int) product);
        } else {
            cpu.set(Cpu.RAX, width, product);
            cpu.set(Cpu.RDX, width, product >>> 8 * width);
        }
        long low = signed ? Arithmetic.signed(product, width) : Arithmetic.unsigned(product, width);
        flags(cpu, product, width, low != product);
    }

    /// The two- and three-operand forms.
    static void imul(Cpu cpu, Insn insn) {
        int width = insn.width;
        long left = Arithmetic.signed(cpu.loadRm(insn, insn.source, width), width);
        long right =
                insn.row.operands().size() == 3
                        ? insn.immediate
                        : Arithmetic.signed(cpu.get(insn.destination, width), width);
        long product = left * right;
        boolean overflows =
                width == 8
                        ? Math.multiplyHigh(left, right) != product >> 63
                        : Arithmetic.signed(product, width) != product;
        cpu.set(insn.destination, width, product);
        flags(cpu, product, width, overflows);
    }

    private static void flags(Cpu cpu, long low, int width, boolean overflows) {
        cpu.flagsOfResult(low, width, overflows, overflows, false);
    }
}
