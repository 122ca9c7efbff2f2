package nestbox.cpu.fp;

import java.math.BigInteger;

/// Power series of the elementary functions, with coefficients of 128 bits.
///
/// Each series has as many terms as bring its error below 2^-80 in the range of its argument, which
/// the methods state. Coefficients are computed when the class is loaded: a formula can be checked
/// by eye, a table of hexadecimal digits can't.
final class Series {
    /// pi, ln 2 and log2 e.
    static final Wide PI = Wide.of(1, 0xC90FDAA22168C234L, 0xC4C6628B80DC1CD1L);

    static final Wide LN_2 = Wide.of(-1, 0xB17217F7D1CF79ABL, 0xC9E3B39803F2F6AFL);
    static final Wide LOG2_E = Wide.of(0, 0xB8AA3B295C17F0BBL, 0xBE87FED0691D3E88L);

    /// atan(k / 16) for k from 0 to 16.
    private static final Wide[] ARC_TANGENTS = new Wide[17];

    private static final Wide ONE = Wide.of(0, Long.MIN_VALUE, 0);
    private static final Wide[] EXPONENTIAL = new Wide[26];
    private static final Wide[] SINE = new Wide[13];
    private static final Wide[] COSINE = new Wide[13];
    private static final Wide[] AREA_TANGENT = new Wide[18];
    private static final Wide[] ARC_TANGENT = new Wide[10];

    static {
        for (int i = 0; i < EXPONENTIAL.length; i++) {
            EXPONENTIAL[i] = reciprocal(factorial(i + 1), false);
        }
        for (int i = 0; i < SINE.length; i++) {
            SINE[i] = reciprocal(factorial(2 * i + 1), i % 2 != 0);
            COSINE[i] = reciprocal(factorial(2 * i), i % 2 != 0);
        }
        for (int i = 0; i < AREA_TANGENT.length; i++) {
            AREA_TANGENT[i] = reciprocal(BigInteger.valueOf(2 * i + 1), false);
        }
        for (int i = 0; i < ARC_TANGENT.length; i++) {
            ARC_TANGENT[i] = reciprocal(BigInteger.valueOf(2 * i + 1), i % 2 != 0);
        }
        for (int k = 0; k < ARC_TANGENTS.length; k++) {
            ARC_TANGENTS[k] = arcTangentOfSixteenths(k);
        }
    }

    private final Wide square = new Wide();

    private static Wide reciprocal(BigInteger n, boolean negative) {
        Wide w = Wide.ratio(BigInteger.ONE, n);
        return negative ? w.negate() : w;
    }

    private static BigInteger factorial(int n) {
        BigInteger product = BigInteger.ONE;
        for (int i = 2; i <= n; i++) {
            product = product.multiply(BigInteger.valueOf(i));
        }
        return product;
    }

    /// Euler's series, whose terms shrink by x^2 / (1 + x^2): with x = k/16, by k^2 / (256 + k^2).
    private static Wide arcTangentOfSixteenths(int k) {
        if (k == 0) {
            return new Wide();
        }
        BigInteger unit = BigInteger.ONE.shiftLeft(200);
        BigInteger square = BigInteger.valueOf((long) k * k);
        BigInteger divisor = BigInteger.valueOf(256 + (long) k * k);
        BigInteger term = unit.multiply(BigInteger.valueOf(16L * k)).divide(divisor);
        BigInteger sum = term;
        for (int n = 1; term.signum() != 0; n++) {
            term =
                    term.multiply(square)
                            .multiply(BigInteger.valueOf(2L * n))
                            .divide(divisor.multiply(BigInteger.valueOf(2L * n + 1)));
            sum = sum.add(term);
        }
        return Wide.ratio(sum, unit);
    }

    static Wide arcTangent(int sixteenths) {
        return ARC_TANGENTS[sixteenths];
    }

    /// sum becomes c0 + c1 z + c2 z^2 ...
    private static void evaluate(Wide[] coefficients, Wide z, Wide sum) {
        sum.set(coefficients[coefficients.length - 1]);
        for (int i = coefficients.length - 2; i >= 0; i--) {
            sum.multiply(z).add(coefficients[i]);
        }
    }

    /// result = e^x - 1 for |x| < 0.7.
    void exponentialMinusOne(Wide x, Wide result) {
        evaluate(EXPONENTIAL, x, result);
        result.multiply(x);
    }

    /// result = sin x for |x| < 0.8.
    void sine(Wide x, Wide result) {
        evaluate(SINE, square.set(x).multiply(x), result);
        result.multiply(x);
    }

    /// result = cos x for |x| < 0.8.
    void cosine(Wide x, Wide result) {
        evaluate(COSINE, square.set(x).multiply(x), result);
    }

    /// result = artanh x for |x| < 0.18.
    void areaTangent(Wide x, Wide result) {
        evaluate(AREA_TANGENT, square.set(x).multiply(x), result);
        result.multiply(x);
    }

    /// result = atan x for |x| < 0.04.
    void arcTangent(Wide x, Wide result) {
        evaluate(ARC_TANGENT, square.set(x).multiply(x), result);
        result.multiply(x);
    }

    static Wide one() {
        return ONE;
    }
}
