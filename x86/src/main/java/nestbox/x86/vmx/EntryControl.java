package nestbox.x86.vmx;

/// VM-entry controls. SDM Vol. 3C, Table "Definitions of VM-Entry Controls".
public enum EntryControl implements VmxControl {
    // spotless:off
    LOAD_DEBUG_CONTROLS(2, "load debug controls"),
    IA_32E_MODE_GUEST(9, "IA-32e mode guest"),
    ENTRY_TO_SMM(10, "entry to SMM"),
    DEACTIVATE_DUAL_MONITOR(11, "deactivate dual-monitor treatment"),
    LOAD_PERF_GLOBAL_CTRL(13, "load IA32_PERF_GLOBAL_CTRL"),
    LOAD_PAT(14, "load IA32_PAT"),
    LOAD_EFER(15, "load IA32_EFER"),
    LOAD_BNDCFGS(16, "load IA32_BNDCFGS"),
    CONCEAL_VMX_FROM_PT(17, "conceal VMX from PT"),
    LOAD_RTIT_CTL(18, "load IA32_RTIT_CTL"),
    LOAD_UINV(19, "load UINV"),
    LOAD_CET_STATE(20, "load CET state"),
    LOAD_LBR_CTL(21, "load guest IA32_LBR_CTL"),
    LOAD_PKRS(22, "load PKRS"),
    LOAD_FRED(23, "load FRED");
    // spotless:on

    private final int bit;
    private final String title;

    EntryControl(int bit, String title) {
        this.bit = bit;
        this.title = title;
    }

    @Override
    public ControlWord word() {
        return ControlWord.ENTRY;
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
