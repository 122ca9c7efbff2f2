package nestbox.cpu.fp;

import static nestbox.cpu.fp.FloatException.DENORMAL;
import static nestbox.cpu.fp.FloatException.INVALID;
import static nestbox.cpu.fp.FloatException.PRECISION;
import static nestbox.cpu.fp.FloatException.ZERO_DIVIDE;

/// Arithmetic of the SSE unit on one element: binary32 as bits in an `int`, binary64 in a `long`.
///
/// An instruction calls [#begin] with MXCSR, then the operation for each element, and then asks
/// [#raised()] what to OR into MXCSR and [#unmasked()] whether the destination may be written.
///
/// Java's arithmetic rounds to nearest and doesn't report exceptions. It is used where that is no
/// difference: rounding is to nearest, everything is masked, PE is set already, the operands are
/// normal or zero, and the result is normal and too large to be tiny. Everything else is computed
/// exactly and rounded by [Rounder]. SDM Vol. 1, "SSE and SSE2 Floating-Point Exceptions".
public final class BinaryUnit {
    /// MXCSR after reset.
    public static final int RESET_MXCSR = 0x1F80;

    private static final int DAZ = 1 << 6;
    private static final int MASKS = FloatException.ALL << 7;
    private static final int FTZ = 1 << 15;
    private static final int RC_SHIFT = 13;

    /// Exceptions of the elements since [#begin].
    int flags;

    final Rounder rounder = new Rounder();
    final Wide x = new Wide();
    final Wide y = new Wide();
    private int mxcsr = -1;
    private boolean denormalsAreZeros;
    private boolean fast;

    public BinaryUnit() {
        begin(RESET_MXCSR);
    }

    /// Starts an instruction under this MXCSR.
    public void begin(int value) {
        flags = 0;
        if (value == mxcsr) {
            return;
        }
        mxcsr = value;
        denormalsAreZeros = (value & DAZ) != 0;
        rounder.rounding = value >>> RC_SHIFT & 3;
        rounder.overflowMasked = (value & FloatException.OVERFLOW << 7) != 0;
        rounder.underflowMasked = (value & FloatException.UNDERFLOW << 7) != 0;
        rounder.flushToZero = (value & FTZ) != 0;
        fast =
                rounder.rounding == RoundingControl.NEAREST
                        && (value & MASKS) == MASKS
                        && (value & PRECISION) != 0;
    }

    /// The exceptions to be set in MXCSR: an unmasked exception found before computation hides
    /// those found after it.
    public int raised() {
        boolean stopped = (unmasked() & FloatException.PRE_COMPUTATION) != 0;
        return stopped ? flags & FloatException.PRE_COMPUTATION : flags;
    }

    /// The exceptions that MXCSR doesn't mask; if there are any, the destination isn't written.
    public int unmasked() {
        return flags & ~(mxcsr >>> 7);
    }

    /// Normal with an exponent above the lowest, so that rounding can't have hidden tininess.
    private static boolean wellNormal(long bits) {
        int exponent = (int) (bits >>> 52) & 0x7FF;
        return exponent > 1 && exponent < 0x7FF;
    }

    private static boolean wellNormal(int bits) {
        int exponent = bits >>> 23 & 0xFF;
        return exponent > 1 && exponent < 0xFF;
    }

    private static boolean plain(long bits) {
        return wellNormal(bits) || bits << 1 == 0;
    }

    private static boolean plain(int bits) {
        return wellNormal(bits) || bits << 1 == 0;
    }

    public long add64(long a, long b) {
        if (fast && plain(a) && plain(b)) {
            long r =
                    Double.doubleToRawLongBits(
                            Double.longBitsToDouble(a) + Double.longBitsToDouble(b));
            if (plain(r)) { // sums of normal numbers don't underflow to zero
                return r;
            }
        }
        return sum(Binary.BINARY64, a, b, 0);
    }

    public int add32(int a, int b) {
        if (fast && plain(a) && plain(b)) {
            int r = Float.floatToRawIntBits(Float.intBitsToFloat(a) + Float.intBitsToFloat(b));
            if (plain(r)) {
                return r;
            }
        }
        return (int) sum(Binary.BINARY32, wide(a), wide(b), 0);
    }

    public long subtract64(long a, long b) {
        if (fast && plain(a) && plain(b)) {
            long r =
                    Double.doubleToRawLongBits(
                            Double.longBitsToDouble(a) - Double.longBitsToDouble(b));
            if (plain(r)) {
                return r;
            }
        }
        return sum(Binary.BINARY64, a, b, Binary.BINARY64.sign);
    }

    public int subtract32(int a, int b) {
        if (fast && plain(a) && plain(b)) {
            int r = Float.floatToRawIntBits(Float.intBitsToFloat(a) - Float.intBitsToFloat(b));
            if (plain(r)) {
                return r;
            }
        }
        return (int) sum(Binary.BINARY32, wide(a), wide(b), Binary.BINARY32.sign);
    }

    public long multiply64(long a, long b) {
        if (fast && plain(a) && plain(b)) {
            long r =
                    Double.doubleToRawLongBits(
                            Double.longBitsToDouble(a) * Double.longBitsToDouble(b));
            if (wellNormal(r)) {
                return r;
            }
        }
        return product(Binary.BINARY64, a, b);
    }

    public int multiply32(int a, int b) {
        if (fast && plain(a) && plain(b)) {
            int r = Float.floatToRawIntBits(Float.intBitsToFloat(a) * Float.intBitsToFloat(b));
            if (wellNormal(r)) {
                return r;
            }
        }
        return (int) product(Binary.BINARY32, wide(a), wide(b));
    }

    public long divide64(long a, long b) {
        if (fast && plain(a) && plain(b)) {
            long r =
                    Double.doubleToRawLongBits(
                            Double.longBitsToDouble(a) / Double.longBitsToDouble(b));
            if (wellNormal(r)) {
                return r;
            }
        }
        return quotient(Binary.BINARY64, a, b);
    }

    public int divide32(int a, int b) {
        if (fast && plain(a) && plain(b)) {
            int r = Float.floatToRawIntBits(Float.intBitsToFloat(a) / Float.intBitsToFloat(b));
            if (wellNormal(r)) {
                return r;
            }
        }
        return (int) quotient(Binary.BINARY32, wide(a), wide(b));
    }

    public long squareRoot64(long a) {
        if (fast && a > 0 && wellNormal(a)) {
            return Double.doubleToRawLongBits(Math.sqrt(Double.longBitsToDouble(a)));
        }
        return root(Binary.BINARY64, a);
    }

    public int squareRoot32(int a) {
        if (fast && a > 0 && wellNormal(a)) {
            // Twice rounded is once rounded here: 53 >= 2 * 24 + 2.
            return Float.floatToRawIntBits((float) Math.sqrt(Float.intBitsToFloat(a)));
        }
        return (int) root(Binary.BINARY32, wide(a));
    }

    public long minimum64(long a, long b) {
        return extremum(Binary.BINARY64, a, b, Relation.LESS);
    }

    public int minimum32(int a, int b) {
        return (int) extremum(Binary.BINARY32, wide(a), wide(b), Relation.LESS);
    }

    public long maximum64(long a, long b) {
        return extremum(Binary.BINARY64, a, b, Relation.GREATER);
    }

    public int maximum32(int a, int b) {
        return (int) extremum(Binary.BINARY32, wide(a), wide(b), Relation.GREATER);
    }

    /// COMISD: any NaN is invalid. Returns a [Relation] of a to b.
    public int compare64(long a, long b) {
        return relation(Binary.BINARY64, a, b, true);
    }

    /// COMISS.
    public int compare32(int a, int b) {
        return relation(Binary.BINARY32, wide(a), wide(b), true);
    }

    /// UCOMISD: quiet NaNs are unordered without being invalid.
    public int compareUnordered64(long a, long b) {
        return relation(Binary.BINARY64, a, b, false);
    }

    /// UCOMISS.
    public int compareUnordered32(int a, int b) {
        return relation(Binary.BINARY32, wide(a), wide(b), false);
    }

    /// CMPPD with one of the 32 predicates of its VEX form, of which SSE has the first eight.
    public boolean matches64(int predicate, long a, long b) {
        return Predicate.holds(
                predicate, relation(Binary.BINARY64, a, b, Predicate.signals(predicate)));
    }

    /// CMPPS.
    public boolean matches32(int predicate, int a, int b) {
        return Predicate.holds(
                predicate,
                relation(Binary.BINARY32, wide(a), wide(b), Predicate.signals(predicate)));
    }

    // The exact paths.

    static long wide(int bits) {
        return bits & 0xFFFF_FFFFL;
    }

    boolean denormalsAreZeros() {
        return denormalsAreZeros;
    }

    int rounding() {
        return rounder.rounding;
    }

    private long sum(Binary f, long left, long right, long flip) {
        long a = operand(f, left);
        long b = operand(f, right);
        if (f.isNan(a) || f.isNan(b)) {
            return nan(f, a, b);
        }
        b ^= flip;
        if (f.isInfinity(a) || f.isInfinity(b)) {
            if (f.isInfinity(a) && f.isInfinity(b) && a != b) {
                return invalid(f);
            }
            noteDenormals(f, a, b);
            return f.isInfinity(a) ? a : b;
        }
        noteDenormals(f, a, b);
        f.load(x, a);
        f.load(y, b);
        if (x.isZero() && y.isZero() && a == b) {
            return a;
        }
        x.add(y);
        if (x.isZero()) {
            return rounder.rounding == RoundingControl.DOWN ? f.sign : 0;
        }
        return round(f);
    }

    private long product(Binary f, long left, long right) {
        long a = operand(f, left);
        long b = operand(f, right);
        if (f.isNan(a) || f.isNan(b)) {
            return nan(f, a, b);
        }
        long sign = (a ^ b) & f.sign;
        boolean zero = f.isZero(a) || f.isZero(b);
        boolean infinite = f.isInfinity(a) || f.isInfinity(b);
        if (zero && infinite) {
            return invalid(f);
        }
        noteDenormals(f, a, b);
        if (zero || infinite) {
            return sign | (infinite ? f.infinity : 0);
        }
        f.load(x, a);
        f.load(y, b);
        x.multiplyShort(y);
        return round(f);
    }

    private long quotient(Binary f, long left, long right) {
        long a = operand(f, left);
        long b = operand(f, right);
        if (f.isNan(a) || f.isNan(b)) {
            return nan(f, a, b);
        }
        long sign = (a ^ b) & f.sign;
        boolean aInfinite = f.isInfinity(a);
        boolean bInfinite = f.isInfinity(b);
        if (aInfinite && bInfinite || f.isZero(a) && f.isZero(b)) {
            return invalid(f);
        }
        if (f.isZero(b) && !aInfinite) {
            flags |= ZERO_DIVIDE;
            return sign | f.infinity;
        }
        noteDenormals(f, a, b);
        if (aInfinite) {
            return sign | f.infinity;
        }
        if (bInfinite || f.isZero(a)) {
            return sign;
        }
        f.load(x, a);
        f.load(y, b);
        x.divideShort(y);
        return round(f);
    }

    private long root(Binary f, long operand) {
        long a = operand(f, operand);
        if (f.isNan(a)) {
            return nan(f, a);
        }
        if (f.isZero(a)) {
            return a;
        }
        if (f.isNegative(a)) {
            return invalid(f);
        }
        if (f.isInfinity(a)) {
            return a;
        }
        noteDenormals(f, a, a);
        f.load(x, a);
        x.squareRootShort();
        return round(f);
    }

    private long extremum(Binary f, long left, long right, int wanted) {
        long a = operand(f, left);
        long b = operand(f, right);
        return relation(f, a, b, true) == wanted ? a : b;
    }

    int relation(Binary f, long left, long right, boolean quietNansSignal) {
        long a = operand(f, left);
        long b = operand(f, right);
        if (f.isNan(a) || f.isNan(b)) {
            if (quietNansSignal || f.isSignalingNan(a) || f.isSignalingNan(b)) {
                flags |= INVALID;
            }
            return Relation.UNORDERED;
        }
        noteDenormals(f, a, b);
        long aOrder = f.isNegative(a) ? -f.magnitude(a) : a;
        long bOrder = f.isNegative(b) ? -f.magnitude(b) : b;
        if (aOrder == bOrder) {
            return Relation.EQUAL;
        }
        return aOrder < bOrder ? Relation.LESS : Relation.GREATER;
    }

    /// The operand as the operation sees it: a zero in place of a denormal under DAZ.
    long operand(Binary f, long bits) {
        return denormalsAreZeros && f.isDenormal(bits) ? bits & f.sign : bits;
    }

    void noteDenormals(Binary f, long a, long b) {
        if (f.isDenormal(a) || f.isDenormal(b)) {
            flags |= DENORMAL;
        }
    }

    long invalid(Binary f) {
        flags |= INVALID;
        return f.indefinite();
    }

    long nan(Binary f, long a) {
        if (f.isSignalingNan(a)) {
            flags |= INVALID;
        }
        return a | f.quiet;
    }

    /// The first NaN, quieted. SDM Vol. 1, "Operating on SNaNs and QNaNs", Table 4-7.
    private long nan(Binary f, long a, long b) {
        if (f.isSignalingNan(a) || f.isSignalingNan(b)) {
            flags |= INVALID;
        }
        return (f.isNan(a) ? a : b) | f.quiet;
    }

    /// Rounds [#x], which isn't zero.
    long round(Binary f) {
        rounder.round(x, f.format);
        flags |= rounder.flags;
        return f.pack(x.negative, rounder.exponent, rounder.significand);
    }
}
