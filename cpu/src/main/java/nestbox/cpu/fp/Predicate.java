package nestbox.cpu.fp;

/// The 32 comparison predicates of CMPPS and its kin.
///
/// Bits 0 to 3 choose the relations that satisfy a predicate, bits 4 and up change only whether a
/// quiet NaN is invalid. SDM Vol. 2, "CMPPD", Table 3-1.
public final class Predicate {
    private static final int GT = 1 << Relation.GREATER;
    private static final int LT = 1 << Relation.LESS;
    private static final int EQ = 1 << Relation.EQUAL;
    private static final int UN = 1 << Relation.UNORDERED;

    private static final int[] SATISFIED_BY = {
        EQ,
        LT,
        LT | EQ,
        UN,
        GT | LT | UN,
        GT | EQ | UN,
        GT | UN,
        GT | LT | EQ,
        EQ | UN,
        LT | UN,
        LT | EQ | UN,
        0,
        GT | LT,
        GT | EQ,
        GT,
        GT | LT | EQ | UN
    };

    /// Of the lower sixteen: LT, LE, NLT, NLE, NGE, NGT, GE, GT. The upper ones are the reverse.
    private static final int SIGNALING = 0b0110_0110_0110_0110;

    private Predicate() {}

    static boolean holds(int predicate, int relation) {
        return (SATISFIED_BY[predicate & 15] >>> relation & 1) != 0;
    }

    /// Whether a quiet NaN is an invalid operand.
    static boolean signals(int predicate) {
        return (SIGNALING >>> (predicate & 15) & 1) != (predicate >>> 4 & 1);
    }
}
