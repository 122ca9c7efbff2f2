package nestbox.cpu.fp;

/// FPREM and FPREM1: a step towards the remainder.
///
/// A step takes at most 63 bits off the exponent, so that the instruction's duration is bounded;
/// [#partial] (C2) asks the program to repeat it. SDM Vol. 2, "FPREM" and "FPREM1".
public final class ExtendedRemainder {
    /// The quotient modulo 8; meaningless while [#partial].
    public int quotient;

    public boolean partial;

    /// Whether the last operation found a quotient at all: not with NaNs and invalid operands.
    public boolean defined;

    private final ExtendedUnit unit;

    public ExtendedRemainder(ExtendedUnit unit) {
        this.unit = unit;
    }

    /// FPREM: the quotient is truncated.
    public void truncating(long a, int aSignExponent, long b, int bSignExponent) {
        remainder(a, aSignExponent, b, bSignExponent, false);
    }

    /// FPREM1: the quotient is the nearest integer, as IEEE 754 wants it.
    public void nearest(long a, int aSignExponent, long b, int bSignExponent) {
        remainder(a, aSignExponent, b, bSignExponent, true);
    }

    /// Forgets the last operation.
    public void reset() {
        quotient = 0;
        partial = false;
        defined = false;
    }

    private void remainder(long a, int aSe, long b, int bSe, boolean nearest) {
        reset();
        unit.begin();
        if (unit.rejected(a, aSe, b, bSe)) {
            return;
        }
        if (Extended.isInfinity(a, aSe) || b == 0) {
            unit.invalid();
            return;
        }
        if (unit.denormalOperand(a, aSe, b, bSe)) {
            return;
        }
        defined = true;
        if (a == 0) {
            unit.result(a, aSe);
            return;
        }
        ExtendedUnit.load(unit.x, a, aSe);
        if (Extended.isInfinity(b, bSe)) {
            unit.finish(Format.EXTENDED);
            return;
        }
        ExtendedUnit.load(unit.y, b, bSe);
        int distance = unit.x.exponent - unit.y.exponent;
        if (distance >= 64) {
            // Leaves less than 64 bits after one to eight steps; the step sizes are Intel's.
            partial = true;
            divideBy(unit.y.hi, (distance & 31) + 32, unit.x.exponent, false);
        } else if (distance >= 0) {
            divideBy(unit.y.hi, distance, unit.y.exponent + distance, nearest);
        } else if (distance == -1 && nearest) {
            nearestBelowDivisor(unit.y.hi);
        } else {
            unit.finish(Format.EXTENDED);
        }
    }

    /// Divides (x << bits) by the divisor, where the top bit of x stands for 2^exponent.
    private void divideBy(long divisor, int bits, int exponent, boolean nearest) {
        long dividend = unit.x.hi;
        long q = 0;
        if (Long.compareUnsigned(dividend, divisor) >= 0) {
            dividend -= divisor;
            q = 1;
        }
        long rest = dividend;
        if (bits > 0) {
            long hi = dividend >>> 64 - bits;
            long lo = dividend << bits;
            long low = Unsigned128.divide(hi, lo, divisor);
            rest = lo - low * divisor;
            q = low; // the bit above is of no interest modulo 8 unless bits < 3
            if (bits < 3) {
                q += (Long.compareUnsigned(unit.x.hi, divisor) >= 0 ? 1L : 0L) << bits;
            }
        }
        boolean negative = unit.x.negative;
        if (nearest && roundsUp(rest, divisor, q)) {
            rest = divisor - rest;
            negative = !negative;
            q++;
        }
        quotient = partial ? 0 : (int) q & 7;
        store(negative, unit.x.negative, exponent - bits, rest);
    }

    /// |b|/2 <= |a| < |b|: the quotient is 0 or 1.
    private void nearestBelowDivisor(long divisor) {
        long dividend = unit.x.hi;
        if (Long.compareUnsigned(dividend, divisor) <= 0) {
            unit.finish(Format.EXTENDED);
            return;
        }
        // In units of half of a's last place: 2b - a, positive and below 2^64 since b < a < 2^64.
        quotient = 1;
        long rest = (divisor << 1) - dividend;
        store(!unit.x.negative, unit.x.negative, unit.x.exponent, rest);
    }

    private static boolean roundsUp(long rest, long divisor, long q) {
        long other = divisor - rest;
        int order = Long.compareUnsigned(rest, other);
        return order > 0 || order == 0 && (q & 1) != 0;
    }

    private void store(boolean negative, boolean zeroNegative, int exponent, long rest) {
        if (rest == 0) {
            unit.zero(zeroNegative);
        } else {
            unit.x.set(negative, exponent, rest);
            unit.finish(Format.EXTENDED);
        }
    }
}
