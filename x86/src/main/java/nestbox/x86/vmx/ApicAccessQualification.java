package nestbox.x86.vmx;

/// Exit qualification of APIC accesses. SDM Vol. 3C, Table "Exit Qualification for APIC-Access VM
/// Exits from Linear Accesses and Guest-Physical Accesses".
///
/// @param offset in the APIC-access page, bits 11:0, of a linear access
/// @param access bits 15:12
/// @param asynchronous bit 16: part of something that isn't an instruction
public record ApicAccessQualification(int offset, Access access, boolean asynchronous) {
    /// What was done.
    public enum Access {
        LINEAR_READ(0),
        LINEAR_WRITE(1),
        LINEAR_FETCH(2),
        LINEAR_EVENT_DELIVERY(3),
        GUEST_PHYSICAL_EVENT_DELIVERY(10),
        GUEST_PHYSICAL_INSTRUCTION(15);

        private final int type;

        Access(int type) {
            this.type = type;
        }

        /// Reserved types count as accesses by an instruction to a guest-physical address.
        private static Access of(int type) {
            for (Access access : values()) {
                if (access.type == type) {
                    return access;
                }
            }
            return GUEST_PHYSICAL_INSTRUCTION;
        }
    }

    public static ApicAccessQualification of(long field) {
        return new ApicAccessQualification(
                (int) field & 0xFFF, Access.of((int) field >>> 12 & 0xF), (field & 1 << 16) != 0);
    }

    public long toLong() {
        return offset | (long) access.type << 12 | (asynchronous ? 1 << 16 : 0);
    }
}
