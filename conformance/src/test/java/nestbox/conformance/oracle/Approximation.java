package nestbox.conformance.oracle;

import nestbox.x86.Op;

import java.util.Set;

/// How far two right answers may lie apart where the manual gives an error bound and no result.
final class Approximation {
    /// SDM Vol. 1, "Accuracy of Transcendental Instructions": within 1 ulp of the exact result.
    private static final Set<String> TRANSCENDENTAL =
            Set.of("F2XM1", "FYL2X", "FYL2XP1", "FPTAN", "FPATAN", "FSIN", "FCOS", "FSINCOS");

    /// SDM Vol. 2B, "RCPPS" and "RSQRTPS": the relative error is at most 1.5 × 2^-12.
    private static final Set<String> RECIPROCAL = Set.of("RCPPS", "RCPSS", "RSQRTPS", "RSQRTSS");

    /// Of each of two results from the exact one.
    private static final double RECIPROCAL_DISTANCE = 2 * 1.5 / 4096;

    private Approximation() {}

    static boolean isTranscendental(Op op) {
        return TRANSCENDENTAL.contains(op.name());
    }

    static boolean isReciprocal(Op op) {
        return RECIPROCAL.contains(op.name());
    }

    /// Whether two double extended values are the same or neighbours.
    static boolean near(State one, State other, int st) {
        int sign = one.signExponent(st) ^ other.signExponent(st);
        if ((sign & 0x8000) != 0) {
            return false;
        }
        int exponents = (one.signExponent(st) & 0x7FFF) - (other.signExponent(st) & 0x7FFF);
        long significands = one.significand(st) - other.significand(st);
        return switch (exponents) {
            case 0 -> significands >= -1 && significands <= 1;
            case 1 -> crossesBinade(one.significand(st), other.significand(st));
            case -1 -> crossesBinade(other.significand(st), one.significand(st));
            default -> false;
        };
    }

    private static boolean crossesBinade(long greater, long smaller) {
        return greater == Long.MIN_VALUE && smaller == -1L;
    }

    /// Whether two pairs of single-precision values differ by no more than two reciprocals may.
    static boolean near(long one, long other) {
        return near((int) one, (int) other) && near((int) (one >>> 32), (int) (other >>> 32));
    }

    private static boolean near(int one, int other) {
        float first = Float.intBitsToFloat(one);
        float second = Float.intBitsToFloat(other);
        boolean finite = Float.isFinite(first) && Float.isFinite(second);
        return one == other
                || finite
                        && Math.abs((double) first - second)
                                <= RECIPROCAL_DISTANCE * Math.abs(first);
    }
}
