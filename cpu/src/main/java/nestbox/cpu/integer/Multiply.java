package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;

/// MUL and IMUL. CF and OF say that the upper half is significant; SF, ZF, AF and PF are undefined
/// and follow the low half here.
final class Multiply {
    private Multiply() {}

    /// The one-operand forms: RDX:RAX (or AX) = RAX × operand.
    ///
    /// @param right zero-extended
    static void wide(Cpu cpu, long right, boolean signed, int width) {
        long left = cpu.get(Cpu.RAX, width);
        if (width == 8) {
            long low = left * right;
            long high =
                    signed
                            ? Math.multiplyHigh(left, right)
                            : Math.unsignedMultiplyHigh(left, right);
            cpu.set64(Cpu.RAX, low);
            cpu.set64(Cpu.RDX, high);
            cpu.flagsOfProduct(low, 8, signed ? high ^ low >> 63 : high);
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
        cpu.flagsOfProduct(product, width, low ^ product);
    }

    /// The two- and three-operand forms, whose operands may have anything above their width.
    ///
    /// @return the product; anything above the width
    static long narrow(Cpu cpu, long first, long second, int width) {
        long left = Arithmetic.signed(first, width);
        long right = Arithmetic.signed(second, width);
        long product = left * right;
        long excess =
                width == 8
                        ? Math.multiplyHigh(left, right) ^ product >> 63
                        : Arithmetic.signed(product, width) ^ product;
        cpu.flagsOfProduct(product, width, excess);
        return product;
    }
}
