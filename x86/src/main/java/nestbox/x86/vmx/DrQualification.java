package nestbox.x86.vmx;

/// Exit qualification of MOV DR. SDM Vol. 3C, Table "Exit Qualification for MOV DR".
///
/// @param register number of the debug register, bits 2:0
/// @param read bit 4: MOV from DR
/// @param generalRegister bits 11:8
public record DrQualification(int register, boolean read, int generalRegister) {
    public static DrQualification of(long field) {
        return new DrQualification((int) field & 7, (field & 1 << 4) != 0, (int) field >>> 8 & 0xF);
    }

    public long toLong() {
        return register | (read ? 1 << 4 : 0) | (long) generalRegister << 8;
    }
}
