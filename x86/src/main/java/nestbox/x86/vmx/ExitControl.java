package nestbox.x86.vmx;

/// Primary VM-exit controls. SDM Vol. 3C, Table "Definitions of Primary VM-Exit Controls".
public enum ExitControl implements VmxControl {
    // spotless:off
    SAVE_DEBUG_CONTROLS(2, "save debug controls"),
    HOST_ADDRESS_SPACE_SIZE(9, "host address-space size"),
    LOAD_PERF_GLOBAL_CTRL(12, "load IA32_PERF_GLOBAL_CTRL"),
    ACKNOWLEDGE_INTERRUPT(15, "acknowledge interrupt on exit"),
    SAVE_PAT(18, "save IA32_PAT"),
    LOAD_PAT(19, "load IA32_PAT"),
    SAVE_EFER(20, "save IA32_EFER"),
    LOAD_EFER(21, "load IA32_EFER"),
    SAVE_PREEMPTION_TIMER(22, "save VMX-preemption timer value"),
    CLEAR_BNDCFGS(23, "clear IA32_BNDCFGS"),
    CONCEAL_VMX_FROM_PT(24, "conceal VMX from PT"),
    CLEAR_RTIT_CTL(25, "clear IA32_RTIT_CTL"),
    CLEAR_LBR_CTL(26, "clear IA32_LBR_CTL"),
    CLEAR_UINV(27, "clear UINV"),
    LOAD_CET_STATE(28, "load CET state"),
    LOAD_PKRS(29, "load PKRS"),
    SAVE_PERF_GLOBAL_CTRL(30, "save IA32_PERF_GLOBAL_CTRL"),
    ACTIVATE_SECONDARY_CONTROLS(31, "activate secondary controls");
    // spotless:on

    private final int bit;
    private final String title;

    ExitControl(int bit, String title) {
        this.bit = bit;
        this.title = title;
    }

    @Override
    public ControlWord word() {
        return ControlWord.PRIMARY_EXIT;
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
