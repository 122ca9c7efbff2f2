package nestbox.x86.vmx;

/// What the VMX-abort indicator of a VMCS says when a VM exit went wrong. SDM Vol. 3C, "VMX
/// Aborts".
public enum VmxAbort {
    // spotless:off
    SAVING_GUEST_MSRS(1, "Failure in saving guest MSRs"),
    HOST_PDPTES(2, "Host checking of the page-directory-pointer-table entries failed"),
    VMCS_CORRUPTED(3, "The current VMCS has been corrupted such that the VM exit can't be completed"),
    LOADING_HOST_MSRS(4, "Failure on loading host MSRs"),
    MACHINE_CHECK(5, "Machine-check event during VM exit"),
    NOT_64_BIT_HOST(6, "The processor was in IA-32e mode before the VM exit, but host address-space size is 0");
    // spotless:on

    private final int indicator;
    private final String title;

    VmxAbort(int indicator, String title) {
        this.indicator = indicator;
        this.title = title;
    }

    public int indicator() {
        return indicator;
    }

    public String title() {
        return title;
    }
}
