package nestbox.x86.vmx;

/// Secondary VM-exit controls. SDM Vol. 3C, Table "Definitions of Secondary VM-Exit Controls".
public enum SecondaryExitControl implements VmxControl {
    // spotless:off
    SAVE_FRED(0, "save FRED"),
    LOAD_FRED(1, "load FRED"),
    LOAD_SPEC_CTRL(2, "load IA32_SPEC_CTRL"),
    PREMATURELY_BUSY_SHADOW_STACK(3, "prematurely busy shadow stack");
    // spotless:on

    private final int bit;
    private final String title;

    SecondaryExitControl(int bit, String title) {
        this.bit = bit;
        this.title = title;
    }

    @Override
    public ControlWord word() {
        return ControlWord.SECONDARY_EXIT;
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
