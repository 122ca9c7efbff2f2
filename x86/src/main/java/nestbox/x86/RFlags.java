package nestbox.x86;

/// Bits of RFLAGS. SDM Vol. 1, "EFLAGS Register".
public final class RFlags {
    public static final long CF = 1;
    public static final long FIXED = 1 << 1;
    public static final long PF = 1 << 2;
    public static final long AF = 1 << 4;
    public static final long ZF = 1 << 6;
    public static final long SF = 1 << 7;
    public static final long TF = 1 << 8;
    public static final long IF = 1 << 9;
    public static final long DF = 1 << 10;
    public static final long OF = 1 << 11;
    public static final long IOPL = 3 << 12;
    public static final long NT = 1 << 14;
    public static final long RF = 1 << 16;
    public static final long VM = 1 << 17;
    public static final long AC = 1 << 18;
    public static final long VIF = 1 << 19;
    public static final long VIP = 1 << 20;
    public static final long ID = 1 << 21;

    /// The flags that arithmetic sets.
    public static final long STATUS = CF | PF | AF | ZF | SF | OF;

    /// Every bit that isn't reserved.
    public static final long ALL =
            STATUS | TF | IF | DF | IOPL | NT | RF | VM | AC | VIF | VIP | ID;

    private RFlags() {}
}
