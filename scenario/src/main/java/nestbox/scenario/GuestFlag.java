package nestbox.scenario;

/// What a VM may have beyond the usual, by the names of the old format and in the order of the bits
/// that the hypervisor gives them.
public enum GuestFlag {
    SECURE_WORLD_ENABLED,
    LAPIC_PASSTHROUGH,
    IO_COMPLETION_POLLING,
    HIDE_MTRR,
    RT,
    NVMX_ENABLED,
    SECURITY_VM,
    VCAT_ENABLED;

    public int bit() {
        return ordinal();
    }

    /// As the old format spells it.
    public String word() {
        return "GUEST_FLAG_" + name();
    }
}
