package nestbox.x86.vmx;

/// One-bit entries of IA32_VMX_MISC. SDM Vol. 3D, "Miscellaneous Data".
public enum MiscCapability {
    STORES_LMA(5),
    ACTIVITY_HLT(6),
    ACTIVITY_SHUTDOWN(7),
    ACTIVITY_WAIT_FOR_SIPI(8),
    INTEL_PT(14),
    RDMSR_SMBASE_IN_SMM(15),
    SMM_MONITOR_BLOCKS_SMI(28),
    VMWRITE_ANY_FIELD(29),
    INJECTION_WITH_LENGTH_0(30);

    private final int bit;

    MiscCapability(int bit) {
        this.bit = bit;
    }

    public long mask() {
        return 1L << bit;
    }
}
