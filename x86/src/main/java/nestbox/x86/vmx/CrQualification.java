package nestbox.x86.vmx;

/// Exit qualification of control-register accesses. SDM Vol. 3C, Table "Exit Qualification for
/// Control-Register Accesses".
///
/// @param register number of the control register, bits 3:0
/// @param access bits 5:4
/// @param lmswFromMemory bit 6: LMSW had a memory operand
/// @param generalRegister of MOV CR, bits 11:8
/// @param lmswSource what LMSW would have loaded, bits 31:16
public record CrQualification(
        int register, Access access, boolean lmswFromMemory, int generalRegister, int lmswSource) {
    /// In the order of bits 5:4.
    public enum Access {
        MOV_TO_CR,
        MOV_FROM_CR,
        CLTS,
        LMSW;

        private static final Access[] ALL = values();
    }

    public static CrQualification of(long field) {
        return new CrQualification(
                (int) field & 0xF,
                Access.ALL[(int) field >>> 4 & 3],
                (field & 1 << 6) != 0,
                (int) field >>> 8 & 0xF,
                (int) field >>> 16 & 0xFFFF);
    }

    public static CrQualification ofMove(int register, Access access, int generalRegister) {
        return new CrQualification(register, access, false, generalRegister, 0);
    }

    public static CrQualification ofClts() {
        return new CrQualification(0, Access.CLTS, false, 0, 0);
    }

    public static CrQualification ofLmsw(boolean fromMemory, int source) {
        return new CrQualification(0, Access.LMSW, fromMemory, 0, source);
    }

    public long toLong() {
        return register
                | (long) access.ordinal() << 4
                | (lmswFromMemory ? 1 << 6 : 0)
                | (long) generalRegister << 8
                | (lmswSource & 0xFFFFL) << 16;
    }
}
