package nestbox.x86.vmx;

/// Tertiary processor-based VM-execution controls. SDM Vol. 3C, Table "Definitions of Tertiary
/// Processor-Based VM-Execution Controls".
public enum TertiaryControl implements VmxControl {
    // spotless:off
    LOADIWKEY_EXITING(0, "LOADIWKEY exiting"),
    ENABLE_HLAT(1, "enable HLAT"),
    EPT_PAGING_WRITE_CONTROL(2, "EPT paging-write control"),
    GUEST_PAGING_VERIFICATION(3, "guest-paging verification"),
    IPI_VIRTUALIZATION(4, "IPI virtualization"),
    SEAM_GUEST_PHYSICAL_ADDRESS_WIDTH(5, "SEAM guest-physical address width"),
    ENABLE_MSR_LIST_INSTRUCTIONS(6, "enable MSR-list instructions"),
    VIRTUALIZE_SPEC_CTRL(7, "virtualize IA32_SPEC_CTRL"),
    ENABLE_PBNDKB(9, "enable PBNDKB"),
    PEBS_USES_GUEST_PHYSICAL_ADDRESSES(12, "PEBS uses guest physical addresses");
    // spotless:on

    private final int bit;
    private final String title;

    TertiaryControl(int bit, String title) {
        this.bit = bit;
        this.title = title;
    }

    @Override
    public ControlWord word() {
        return ControlWord.TERTIARY;
    }

    @Override
    public int bit() {
        return bit;
    }

    @Override
    public String title() {
        return title;
    }
}
