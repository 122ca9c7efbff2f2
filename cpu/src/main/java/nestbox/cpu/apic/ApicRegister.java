package nestbox.cpu.apic;

import static nestbox.cpu.apic.ApicRegister.Access.NONE;
import static nestbox.cpu.apic.ApicRegister.Access.RO;
import static nestbox.cpu.apic.ApicRegister.Access.RW;
import static nestbox.cpu.apic.ApicRegister.Access.WO;

/// The registers of a local APIC: where they are and who may do what to them.
///
/// xAPIC memory accesses, x2APIC MSR accesses and, for guests, APIC virtualization read the same
/// rows. A row with a count stands for a register of so many times 32 bits. SDM Vol. 3A, "Local
/// APIC Register Address Map" and "Local APIC Register Address Map Supported by x2APIC".
public enum ApicRegister {
    // spotless:off
    ID(0x020, RW, RO, 0xFF00_0000, "Local APIC ID"),
    VERSION(0x030, RO, RO, 0, "Local APIC version"),
    TASK_PRIORITY(0x080, RW, RW, 0xFF, "Task priority (TPR)"),
    ARBITRATION_PRIORITY(0x090, RO, NONE, 0, "Arbitration priority (APR)"),
    PROCESSOR_PRIORITY(0x0A0, RO, RO, 0, "Processor priority (PPR)"),
    END_OF_INTERRUPT(0x0B0, WO, WO, 0, "EOI"),
    REMOTE_READ(0x0C0, RO, NONE, 0, "Remote read (RRD)"),
    LOGICAL_DESTINATION(0x0D0, RW, RO, 0xFF00_0000, "Logical destination (LDR)"),
    DESTINATION_FORMAT(0x0E0, RW, NONE, 0xF000_0000, "Destination format (DFR)"),
    SPURIOUS_VECTOR(0x0F0, RW, RW, 0x13FF, "Spurious interrupt vector (SVR)"),
    IN_SERVICE(0x100, 8, RO, RO, 0, "In-service (ISR)"),
    TRIGGER_MODE(0x180, 8, RO, RO, 0, "Trigger mode (TMR)"),
    INTERRUPT_REQUEST(0x200, 8, RO, RO, 0, "Interrupt request (IRR)"),
    ERROR_STATUS(0x280, RW, RW, 0, "Error status (ESR)"),
    LVT_CMCI(0x2F0, RW, RW, 0x1_07FF, "LVT corrected machine check interrupt"),
    INTERRUPT_COMMAND(0x300, RW, RW, 0xC_CFFF, "Interrupt command (ICR), bits 31:0"),
    INTERRUPT_COMMAND_HIGH(0x310, RW, NONE, 0xFF00_0000, "Interrupt command (ICR), bits 63:32"),
    LVT_TIMER(0x320, RW, RW, 0x7_00FF, "LVT timer"),
    LVT_THERMAL(0x330, RW, RW, 0x1_07FF, "LVT thermal sensor"),
    LVT_PERFORMANCE(0x340, RW, RW, 0x1_07FF, "LVT performance monitoring"),
    LVT_LINT0(0x350, RW, RW, 0x1_A7FF, "LVT LINT0"),
    LVT_LINT1(0x360, RW, RW, 0x1_A7FF, "LVT LINT1"),
    LVT_ERROR(0x370, RW, RW, 0x1_00FF, "LVT error"),
    INITIAL_COUNT(0x380, RW, RW, 0xFFFF_FFFF, "Initial count (for timer)"),
    CURRENT_COUNT(0x390, RO, RO, 0, "Current count (for timer)"),
    DIVIDE_CONFIGURATION(0x3E0, RW, RW, 0xB, "Divide configuration (for timer)"),
    SELF_IPI(0x3F0, NONE, WO, 0xFF, "SELF IPI");

    // spotless:on

    /// What software may do to a register: read-write, read only, write only.
    public enum Access {
        NONE,
        RO,
        WO,
        RW;

        public boolean readable() {
            return this == RO || this == RW;
        }

        public boolean writable() {
            return this == WO || this == RW;
        }
    }

    /// Number of the first MSR of the x2APIC range.
    public static final int FIRST_MSR = 0x800;

    /// Number of the last MSR of the x2APIC range, most of which is reserved.
    public static final int LAST_MSR = 0x8FF;

    private static final ApicRegister[] BY_SLOT = new ApicRegister[0x400 >> 4];

    static {
        for (ApicRegister register : values()) {
            for (int i = 0; i < register.count; i++) {
                BY_SLOT[register.slot() + i] = register;
            }
        }
    }

    private final int offset;
    private final int count;
    private final Access xapic;
    private final Access x2apic;
    private final int writableBits;
    private final String title;

    ApicRegister(int offset, Access xapic, Access x2apic, int writableBits, String title) {
        this(offset, 1, xapic, x2apic, writableBits, title);
    }

    ApicRegister(
            int offset, int count, Access xapic, Access x2apic, int writableBits, String title) {
        this.offset = offset;
        this.count = count;
        this.xapic = xapic;
        this.x2apic = x2apic;
        this.writableBits = writableBits;
        this.title = title;
    }

    /// From the start of the xAPIC's memory page.
    public int offset() {
        return offset;
    }

    /// How many 32-bit registers, 16 bytes or one MSR apart, it consists of.
    public int count() {
        return count;
    }

    /// Number of the MSR in x2APIC mode, where it has access other than `NONE`.
    public int msr() {
        return FIRST_MSR + slot();
    }

    /// What software may do in xAPIC mode.
    public Access xapic() {
        return xapic;
    }

    /// What software may do in x2APIC mode.
    public Access x2apic() {
        return x2apic;
    }

    /// The bits that are neither reserved nor read-only, of the lower 32.
    public int writableBits() {
        return writableBits;
    }

    /// What the manual calls it.
    public String title() {
        return title;
    }

    int slot() {
        return offset >> 4;
    }

    /// Whether there is anything at the nth 16-byte slot of the page.
    static boolean isRegister(int slot) {
        return slot >= 0 && slot < BY_SLOT.length && BY_SLOT[slot] != null;
    }

    /// The register at a slot where there is one.
    static ApicRegister at(int slot) {
        return BY_SLOT[slot];
    }
}
