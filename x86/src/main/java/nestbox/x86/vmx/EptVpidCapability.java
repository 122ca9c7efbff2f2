package nestbox.x86.vmx;

/// Bits of IA32_VMX_EPT_VPID_CAP. SDM Vol. 3D, "VPID and EPT Capabilities".
public enum EptVpidCapability {
    EXECUTE_ONLY(0),
    WALK_LENGTH_4(6),
    WALK_LENGTH_5(7),
    UNCACHEABLE(8),
    WRITE_BACK(14),
    PAGES_2M(16),
    PAGES_1G(17),
    INVEPT(20),
    ACCESSED_DIRTY(21),
    ADVANCED_EXIT_INFORMATION(22),
    SUPERVISOR_SHADOW_STACK(23),
    INVEPT_SINGLE_CONTEXT(25),
    INVEPT_ALL_CONTEXTS(26),
    INVVPID(32),
    INVVPID_INDIVIDUAL_ADDRESS(40),
    INVVPID_SINGLE_CONTEXT(41),
    INVVPID_ALL_CONTEXTS(42),
    INVVPID_RETAINING_GLOBALS(43);

    private final int bit;

    EptVpidCapability(int bit) {
        this.bit = bit;
    }

    public long mask() {
        return 1L << bit;
    }
}
