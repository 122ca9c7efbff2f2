package nestbox.cpu.model;

/// Bits of IA32_ARCH_CAPABILITIES. SDM Vol. 4, "Architectural MSRs", address 10AH.
///
/// This processor executes instructions strictly one after the other: nothing runs ahead of a
/// fault, a branch or a store, and no buffer keeps what another context left. So none of the
/// known side channels of speculative execution exists here, whatever silicon the model is named
/// after, and saying so keeps guests from paying for mitigations.
enum ArchCapability {
    RDCL_NO(0),
    IBRS_ALL(1),
    SKIP_L1DFL_VMENTRY(3),
    SSB_NO(4),
    MDS_NO(5),
    IF_PSCHANGE_MC_NO(6),
    TAA_NO(8),
    SBDR_SSDP_NO(13),
    FBSDP_NO(14),
    PSDP_NO(15),
    BHI_NO(20),
    PBRSB_NO(24),
    GDS_NO(26),
    RFDS_NO(27),
    ITS_NO(62);

    private final int bit;

    ArchCapability(int bit) {
        this.bit = bit;
    }

    /// All of them: the value of the MSR.
    static long all() {
        long value = 0;
        for (ArchCapability capability : values()) {
            value |= 1L << capability.bit;
        }
        return value;
    }
}
