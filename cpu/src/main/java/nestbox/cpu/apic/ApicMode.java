package nestbox.cpu.apic;

/// What bits 11 (`EN`) and 10 (`EXTD`) of IA32_APIC_BASE select. SDM Vol. 3A, "x2APIC State
/// Transitions".
public enum ApicMode {
    DISABLED,
    INVALID,
    XAPIC,
    X2APIC;

    private static final ApicMode[] VALUES = values();

    static ApicMode of(long apicBase) {
        return VALUES[(int) (apicBase >>> 10) & 3];
    }

    /// Whether WRMSR may go from this mode to another; any other transition is #GP.
    boolean allows(ApicMode next) {
        return switch (this) {
            case DISABLED -> next == DISABLED || next == XAPIC;
            case XAPIC -> next != INVALID;
            case X2APIC -> next == X2APIC || next == DISABLED;
            case INVALID -> false;
        };
    }
}
