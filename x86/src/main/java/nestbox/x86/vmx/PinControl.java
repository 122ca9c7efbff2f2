package nestbox.x86.vmx;

/// Pin-based VM-execution controls: how asynchronous events are handled. SDM Vol. 3C, Table
/// "Definitions of Pin-Based VM-Execution Controls".
public enum PinControl implements VmxControl {
    // spotless:off
    EXTERNAL_INTERRUPT_EXITING(0, "external-interrupt exiting"),
    NMI_EXITING(3, "NMI exiting"),
    VIRTUAL_NMIS(5, "virtual NMIs"),
    ACTIVATE_PREEMPTION_TIMER(6, "activate VMX-preemption timer"),
    PROCESS_POSTED_INTERRUPTS(7, "process posted interrupts");
    // spotless:on

    private final int bit;
    private final String title;

    PinControl(int bit, String title) {
        this.bit = bit;
        this.title = title;
    }

    @Override
    public ControlWord word() {
        return ControlWord.PIN_BASED;
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
