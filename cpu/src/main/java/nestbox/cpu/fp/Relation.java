package nestbox.cpu.fp;

/// What a floating-point comparison can find.
///
/// Plain numbers, because the x87 condition codes, EFLAGS and the predicates of CMPPS are all
/// looked up with them.
public final class Relation {
    public static final int GREATER = 0;
    public static final int LESS = 1;
    public static final int EQUAL = 2;
    public static final int UNORDERED = 3;

    private Relation() {}
}
