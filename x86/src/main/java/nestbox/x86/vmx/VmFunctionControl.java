package nestbox.x86.vmx;

/// VM-function controls: the leaves of VMFUNC. SDM Vol. 3C, Table "Definitions of VM-Function
/// Controls".
public enum VmFunctionControl implements VmxControl {
    // spotless:off
    EPTP_SWITCHING(0, "EPTP switching");
    // spotless:on

    private final int bit;
    private final String title;

    VmFunctionControl(int bit, String title) {
        this.bit = bit;
        this.title = title;
    }

    @Override
    public ControlWord word() {
        return ControlWord.VM_FUNCTION;
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
