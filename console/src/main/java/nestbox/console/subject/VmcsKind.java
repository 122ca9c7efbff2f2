package nestbox.console.subject;

/// Who made a VMCS, and for whom.
public enum VmcsKind {
    /// L0's, to run L1.
    VMCS01,
    /// L1's, to run L2; L0 reads it.
    VMCS12,
    /// L0's, to run L2.
    VMCS02;

    /// The two digits.
    public String digits() {
        return name().substring("VMCS".length());
    }
}
