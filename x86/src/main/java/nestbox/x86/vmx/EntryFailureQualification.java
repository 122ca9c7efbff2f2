package nestbox.x86.vmx;

/// Exit qualification of VM-entry failures due to invalid guest state. SDM Vol. 3C, "VM-Entry
/// Failures During or After Loading Guest State".
public enum EntryFailureQualification {
    NOT_SPECIFIC(0),
    PDPTE(2),
    NMI_INJECTION(3),
    VMCS_LINK_POINTER(4);

    private final int number;

    EntryFailureQualification(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }
}
