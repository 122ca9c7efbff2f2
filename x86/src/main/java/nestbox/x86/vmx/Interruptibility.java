package nestbox.x86.vmx;

/// Bits of the guest's interruptibility state. SDM Vol. 3C, Table "Format of Interruptibility
/// State".
public final class Interruptibility {
    public static final int STI = 1;
    public static final int MOV_SS = 1 << 1;

    /// Both kinds of blocking that end with the next instruction.
    public static final int FOR_AN_INSTRUCTION = STI | MOV_SS;

    public static final int SMI = 1 << 2;
    public static final int NMI = 1 << 3;
    public static final int ENCLAVE = 1 << 4;
    public static final int RESERVED = -1 << 5;

    private Interruptibility() {}
}
