package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;

/// DIV and IDIV: #DE for a zero divisor and for a quotient that doesn't fit. The flags are
/// undefined and stay.
final class Divide {
    private Divide() {}

    static void div(Cpu cpu, Insn insn) {
        int width = insn.width;
        long divisor = cpu.loadRm(insn, insn.destination, width);
        if (divisor == 0) {
            throw AluOperations.divideError(cpu);
        }
        if (width == 8) {
            div128(cpu, divisor);
            return;
        }
        long dividend = dividend(cpu, width);
        long quotient = Long.divideUnsigned(dividend, divisor);
        if (Arithmetic.unsigned(quotient, width) != quotient) {
            throw AluOperations.divideError(cpu);
        }
        store(cpu, width, quotient, Long.remainderUnsigned(dividend, divisor));
    }

    static void idiv(Cpu cpu, Insn insn) {
        int width = insn.width;
        long divisor = Arithmetic.signed(cpu.loadRm(insn, insn.destination, width), width);
        if (divisor == 0) {
            throw AluOperations.divideError(cpu);
        }
        if (width == 8) {
            idiv128(cpu, divisor);
            return;
        }
        long dividend = Arithmetic.signed(dividend(cpu, width), 2 * width);
        long quotient = dividend / divisor;
        boolean wraps = dividend == Long.MIN_VALUE && divisor == -1;
        if (wraps || Arithmetic.signed(quotient, width) != quotient) {
            throw AluOperations.divideError(cpu);
        }
        store(cpu, width, quotient, dividend % divisor);
    }

    private static long dividend(Cpu cpu, int width) {
        return width == 1
                ? cpu.get16(Cpu.RAX)
                : cpu.get(Cpu.RDX, width) << 8 * width | cpu.get(Cpu.RAX, width);
    }

    private static void store(Cpu cpu, int width, long quotient, long remainder) {
        if (width == 1) {
            cpu.set16(Cpu.RAX, (int) (quotient & 0xFF | (remainder & 0xFF) << 8));
        } else {
            cpu.set(Cpu.RAX, width, quotient);
            cpu.set(Cpu.RDX, width, remainder);
        }
    }

    private static void div128(Cpu cpu, long divisor) {
        long high = cpu.get64(Cpu.RDX);
        long low = cpu.get64(Cpu.RAX);
        if (Long.compareUnsigned(high, divisor) >= 0) {
            throw AluOperations.divideError(cpu);
        }
        long quotient = quotient128(high, low, divisor);
        store(cpu, 8, quotient, low - quotient * divisor);
    }

    private static void idiv128(Cpu cpu, long divisor) {
        long high = cpu.get64(Cpu.RDX);
        long low = cpu.get64(Cpu.RAX);
        boolean negative = high < 0;
        long absHigh = negative ? ~high + (low == 0 ? 1 : 0) : high;
        long absLow = negative ? -low : low;
        long absDivisor = Math.abs(divisor);
        if (Long.compareUnsigned(absHigh, absDivisor) >= 0) {
            throw AluOperations.divideError(cpu);
        }
        long absQuotient = quotient128(absHigh, absLow, absDivisor);
        long absRemainder = absLow - absQuotient * absDivisor;
        boolean negativeQuotient = negative != divisor < 0;
        long quotient = negativeQuotient ? -absQuotient : absQuotient;
        boolean fits = absQuotient >= 0 || negativeQuotient && absQuotient == Long.MIN_VALUE;
        if (!fits) {
            throw AluOperations.divideError(cpu);
        }
        store(cpu, 8, quotient, negative ? -absRemainder : absRemainder);
    }

    /// Unsigned 128 by 64 bits with `high` below the divisor: schoolbook division in two digits of
    /// 32 bits (Knuth's algorithm D).
    private static long quotient128(long high, long low, long divisor) {
        if (high == 0) {
            return Long.divideUnsigned(low, divisor);
        }
        int shift = Long.numberOfLeadingZeros(divisor);
        long d = divisor << shift;
        long h = shift == 0 ? high : high << shift | low >>> 64 - shift;
        long l = low << shift;
        long upper = digit(h, l >>> 32, d);
        long rest = (h << 32 | l >>> 32) - upper * d;
        long lower = digit(rest, l & 0xFFFF_FFFFL, d);
        return upper << 32 | lower;
    }

    /// One digit of the quotient (h·2³² + next) / d, for a normalized divisor.
    private static long digit(long h, long next, long d) {
        long top = d >>> 32;
        long bottom = d & 0xFFFF_FFFFL;
        long q = Long.divideUnsigned(h, top);
        long r = h - q * top;
        while (q >>> 32 != 0 || Long.compareUnsigned(q * bottom, r << 32 | next) > 0) {
            q--;
            r += top;
            if (r >>> 32 != 0) {
                break;
            }
        }
        return q;
    }
}
