package nestbox.cpu.vmx;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.x86.vmx.ApicAccessQualification;
import nestbox.x86.vmx.ApicAccessQualification.Access;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.TertiaryControl;
import nestbox.x86.vmx.VmcsField;

import java.util.OptionalLong;

/// APIC virtualization: the TPR shadow, accesses to the APIC-access page, x2APIC registers,
/// virtual interrupts and posted interrupts. SDM Vol. 3C, "APIC Virtualization and Virtual
/// Interrupts".
public final class VirtualApic {
    private static final long PAGE_MASK = -4096;
    private static final long NO_PAGE = 1;

    private static final int ID = 0x020;
    private static final int VERSION = 0x030;
    private static final int TPR = 0x080;
    private static final int PPR = 0x0A0;
    private static final int EOI = 0x0B0;
    private static final int ISR = 0x100;
    private static final int IRR = 0x200;
    private static final int ICR_LOW = 0x300;
    private static final int ICR_HIGH = 0x310;
    private static final int SELF_IPI = 0x3F0;

    private static final int VECTORS = 256;
    private static final int VECTORS_PER_REGISTER = 32;

    /// Offsets >> 4 of the registers that APIC-register virtualization reads, and those it writes.
    private static final long READABLE = readable();

    private static final long WRITABLE =
            set(ID, TPR, EOI, 0x0D0, 0x0E0, 0x0F0, 0x280, ICR_LOW, ICR_HIGH, 0x380, 0x3E0)
                    | range(0x320, 0x370);

    /// What a write to ICR may hold besides the vector for a self-IPI to be virtualized.
    private static final int SELF_IPI_RESERVED = 0xFFF3_BF00;

    private static final int SELF_IPI_SHORTHAND = 0x4_0000;
    private static final int SHORTHAND = 0xC_0000;

    /// Bits of ICR without which an IPI is a fixed, edge-triggered one to a physical destination;
    /// the reserved ones and the delivery status among them.
    private static final int IPI_RESERVED = 0xFFFF_BF00;

    /// Bits of ICR that WRMSR refuses.
    private static final long ICR_RESERVED = 0xFFF3_2000L;

    private final Vmx vmx;
    private final Cpu cpu;

    private final PostedInterrupts descriptors;

    /// The page whose accesses are virtualized; an address that no page has when there is none.
    private long accessPage = NO_PAGE;

    /// A VM exit that follows an instruction: which, and its qualification.
    private ExitReason exitReason = ExitReason.APIC_WRITE;

    private long exitQualification;
    private boolean exitPending;
    private boolean recognized;

    VirtualApic(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
        descriptors = new PostedInterrupts(vmx);
    }

    private static long set(int... offsets) {
        long bits = 0;
        for (int offset : offsets) {
            bits |= 1L << (offset >> 4);
        }
        return bits;
    }

    private static long range(int first, int last) {
        long bits = 0;
        for (int offset = first; offset <= last; offset += 0x10) {
            bits |= set(offset);
        }
        return bits;
    }

    private static long readable() {
        return set(ID, VERSION, TPR, EOI, 0x0D0, 0x0E0, 0x0F0, ICR_LOW, ICR_HIGH, 0x380, 0x3E0)
                | range(0x100, 0x280)
                | range(0x320, 0x370);
    }

    // Guests

    void begin() {
        accessPage =
                vmx.on(SecondaryControl.VIRTUALIZE_APIC_ACCESSES)
                        ? vmx.vmcs().read(VmcsField.APIC_ACCESS_ADDRESS) & PAGE_MASK
                        : NO_PAGE;
        exitPending = false;
        recognized = false;
    }

    void end() {
        accessPage = NO_PAGE;
        exitPending = false;
        recognized = false;
    }

    /// VM entry is complete.
    void entered() {
        if (deliversInterrupts()) {
            virtualizePriority();
            recognize();
        } else if (vmx.on(PrimaryControl.USE_TPR_SHADOW)
                && vmx.on(SecondaryControl.VIRTUALIZE_APIC_ACCESSES)) {
            checkThreshold();
        }
    }

    /// The physical address of the APIC-access page; one that no page has when there is none.
    public long accessPage() {
        return accessPage;
    }

    private boolean deliversInterrupts() {
        return vmx.on(SecondaryControl.VIRTUAL_INTERRUPT_DELIVERY);
    }

    // The virtual-APIC page

    private long address(int offset) {
        return vmx.vmcs().read(VmcsField.VIRTUAL_APIC_ADDRESS) + offset;
    }

    private int get(int offset) {
        return (int) cpu.mmu.readPhysical(address(offset), 4);
    }

    private void put(int offset, int value) {
        cpu.mmu.writePhysical(address(offset), 4, value & 0xFFFF_FFFFL);
    }

    private void bit(int register, int vector, boolean set) {
        int at = register + 0x10 * (vector / VECTORS_PER_REGISTER);
        int mask = 1 << vector % VECTORS_PER_REGISTER;
        put(at, set ? get(at) | mask : get(at) & ~mask);
    }

    /// The highest vector whose bit is set in eight registers; 0 if none is.
    private int highest(int register) {
        for (int i = VECTORS / VECTORS_PER_REGISTER - 1; i >= 0; i--) {
            int bits = get(register + 0x10 * i);
            if (bits != 0) {
                return VECTORS_PER_REGISTER * i + 31 - Integer.numberOfLeadingZeros(bits);
            }
        }
        return 0;
    }

    // VM exits that follow an instruction

    boolean hasExit() {
        return exitPending;
    }

    private void exitAfter(ExitReason reason, long qualification) {
        exitPending = true;
        exitReason = reason;
        exitQualification = qualification;
        cpu.attention();
    }

    boolean exit() {
        exitPending = false;
        vmx.exitNow(exitReason, exitQualification);
        return true;
    }

    // Task priority

    /// MOV from CR8.
    int taskPriorityClass() {
        return get(TPR) >>> 4 & 0xF;
    }

    /// MOV to CR8.
    void taskPriorityClass(int value) {
        put(TPR, value << 4);
        virtualizeTaskPriority();
    }

    private void virtualizeTaskPriority() {
        if (deliversInterrupts()) {
            virtualizePriority();
            recognize();
        } else {
            checkThreshold();
        }
    }

    private void checkThreshold() {
        if (taskPriorityClass() < (vmx.vmcs().read(VmcsField.TPR_THRESHOLD) & 0xF)) {
            exitAfter(ExitReason.TPR_BELOW_THRESHOLD, 0);
        }
    }

    // Virtual interrupts

    private int requested() {
        return (int) vmx.vmcs().read(VmcsField.GUEST_INTERRUPT_STATUS) & 0xFF;
    }

    private int serviced() {
        return (int) vmx.vmcs().read(VmcsField.GUEST_INTERRUPT_STATUS) >>> 8 & 0xFF;
    }

    private void status(int requested, int serviced) {
        vmx.vmcs().write(VmcsField.GUEST_INTERRUPT_STATUS, serviced << 8 | requested);
    }

    /// SDM Vol. 3C, "PPR Virtualization".
    private void virtualizePriority() {
        int task = get(TPR) & 0xFF;
        int service = serviced();
        put(PPR, task >>> 4 >= service >>> 4 ? task : service & 0xF0);
    }

    /// SDM Vol. 3C, "Evaluation of Pending Virtual Interrupts".
    private void recognize() {
        recognized =
                !vmx.on(PrimaryControl.INTERRUPT_WINDOW_EXITING)
                        && requested() >>> 4 > (get(PPR) >>> 4 & 0xF);
        if (recognized) {
            cpu.attention();
        }
    }

    boolean isInterruptRecognized() {
        return recognized;
    }

    /// SDM Vol. 3C, "Virtual-Interrupt Delivery".
    ///
    /// @return the vector to deliver
    int acknowledge() {
        int vector = requested();
        bit(ISR, vector, true);
        put(PPR, vector & 0xF0);
        bit(IRR, vector, false);
        status(highest(IRR), vector);
        recognized = false;
        return vector;
    }

    /// SDM Vol. 3C, "EOI Virtualization".
    private void endOfInterrupt() {
        int vector = serviced();
        put(EOI, 0);
        bit(ISR, vector, false);
        status(requested(), highest(ISR));
        virtualizePriority();
        VmcsField bitmap = VmcsField.EOI_EXIT_BITMAP_0.plus(vector / 64);
        if ((vmx.vmcs().read(bitmap) >>> vector % 64 & 1) != 0) {
            exitAfter(ExitReason.VIRTUALIZED_EOI, vector);
        } else {
            recognize();
        }
    }

    /// SDM Vol. 3C, "Self-IPI Virtualization".
    private void selfIpi(int vector) {
        bit(IRR, vector, true);
        status(Math.max(requested(), vector), serviced());
        recognize();
    }

    // Posted interrupts

    boolean isNotification(int vector) {
        return vmx.on(PinControl.PROCESS_POSTED_INTERRUPTS)
                && vector
                        == (vmx.vmcs().read(VmcsField.POSTED_INTERRUPT_NOTIFICATION_VECTOR) & 0xFF);
    }

    /// SDM Vol. 3C, "Posted-Interrupt Processing".
    boolean processPosted() {
        descriptors.acknowledge();
        endPhysicalInterrupt();
        int highest = 0;
        for (int i = 0; i < VECTORS / VECTORS_PER_REGISTER; i++) {
            int posted = descriptors.take(i);
            put(IRR + 0x10 * i, get(IRR + 0x10 * i) | posted);
            if (posted != 0) {
                highest = VECTORS_PER_REGISTER * i + 31 - Integer.numberOfLeadingZeros(posted);
            }
        }
        status(Math.max(requested(), highest), serviced());
        recognize();
        return true;
    }

    private void endPhysicalInterrupt() {
        if (cpu.apic.registerPage() >= 0) {
            cpu.apic.writeRegister(EOI, 4, 0);
        } else {
            cpu.apic.writeMsr(0x800 + (EOI >> 4), 0);
        }
    }

    // The APIC-access page. SDM Vol. 3C, "Virtualizing Memory-Mapped APIC Accesses"

    private GuestFault accessExit(long offset, Access access) {
        boolean delivery = vmx.delivering().isPresent();
        Access what = delivery ? Access.LINEAR_EVENT_DELIVERY : access;
        return vmx.exitLikeFault(
                ExitReason.APIC_ACCESS,
                new ApicAccessQualification((int) offset & 0xFFF, what, false).toLong());
    }

    /// A fetch of an instruction from the page.
    public GuestFault fetch(long offset) {
        return accessExit(offset, Access.LINEAR_FETCH);
    }

    /// The read of an instruction that will write the page, too.
    ///
    /// @throws GuestFault a VM exit, unless both are virtualized
    public long readForWrite(long physical, int width) {
        int offset = (int) physical & 0xFFF;
        if (!isWriteVirtualized(offset, width)) {
            throw accessExit(offset, Access.LINEAR_WRITE);
        }
        return read(physical, width);
    }

    /// A read of the page.
    ///
    /// @throws GuestFault a VM exit, if the read isn't virtualized
    public long read(long physical, int width) {
        int offset = (int) physical & 0xFFF;
        if (!isVirtualized(offset, width, READABLE, isInterruptRegister(offset))) {
            throw accessExit(offset, Access.LINEAR_READ);
        }
        return cpu.mmu.readPhysical(address(offset), width);
    }

    /// A write to the page.
    ///
    /// @throws GuestFault a VM exit, if the write isn't virtualized
    public void write(long physical, int width, long value) {
        int offset = (int) physical & 0xFFF;
        if (!isWriteVirtualized(offset, width)) {
            throw accessExit(offset, Access.LINEAR_WRITE);
        }
        cpu.requireAlone();
        cpu.mmu.writePhysical(address(offset), width, value);
        written(offset & ~3);
    }

    private boolean isWriteVirtualized(int offset, int width) {
        boolean command = offset == ICR_LOW && vmx.on(TertiaryControl.IPI_VIRTUALIZATION);
        return isVirtualized(offset, width, WRITABLE, command || isInterruptRegister(offset));
    }

    /// Whether virtual-interrupt delivery covers the register.
    private boolean isInterruptRegister(int offset) {
        return deliversInterrupts() && (offset == EOI || offset == ICR_LOW);
    }

    /// @param registers what APIC-register virtualization covers
    /// @param also whether the register is covered without it, as TPR always is
    private boolean isVirtualized(int offset, int width, long registers, boolean also) {
        boolean shape = width <= 4 && (offset & 0xF) + width <= 4;
        boolean covered =
                offset == TPR
                        || also
                        || vmx.on(SecondaryControl.APIC_REGISTER_VIRTUALIZATION)
                                && (registers >>> (offset >> 4) & 1) != 0;
        return vmx.on(PrimaryControl.USE_TPR_SHADOW)
                && vmx.delivering().isEmpty()
                && shape
                && covered;
    }

    /// SDM Vol. 3C, "APIC-Write Emulation".
    private void written(int register) {
        switch (register) {
            case TPR -> {
                put(TPR, get(TPR) & 0xFF);
                virtualizeTaskPriority();
            }
            case ICR_HIGH -> put(ICR_HIGH, get(ICR_HIGH) & 0xFF00_0000);
            case EOI -> {
                if (deliversInterrupts()) {
                    endOfInterrupt();
                } else {
                    exitAfter(ExitReason.APIC_WRITE, register);
                }
            }
            case ICR_LOW -> {
                int command = get(ICR_LOW);
                if (deliversInterrupts() && isSelfIpi(command)) {
                    selfIpi(command & 0xFF);
                } else {
                    sendIpi(command, get(ICR_HIGH) >>> 24);
                }
            }
            default -> exitAfter(ExitReason.APIC_WRITE, register);
        }
    }

    private static boolean isSelfIpi(int command) {
        return (command & SELF_IPI_RESERVED) == 0
                && (command & SHORTHAND) == SELF_IPI_SHORTHAND
                && (command & 0xF0) != 0;
    }

    /// An IPI that isn't for the guest's own processor. SDM Vol. 3C, "IPI Virtualization".
    ///
    /// @param target virtual APIC ID
    private void sendIpi(int command, long target) {
        boolean sent =
                vmx.on(TertiaryControl.IPI_VIRTUALIZATION)
                        && (command & IPI_RESERVED) == 0
                        && descriptors.post(command & 0xFF, target);
        if (!sent) {
            exitAfter(ExitReason.APIC_WRITE, ICR_LOW);
        }
    }

    // x2APIC registers. SDM Vol. 3C, "Virtualizing MSR-Based APIC Accesses"

    /// RDMSR of an x2APIC register.
    ///
    /// @return nothing if the access isn't virtualized
    OptionalLong readMsr(int number) {
        boolean covered =
                vmx.on(SecondaryControl.APIC_REGISTER_VIRTUALIZATION) || offset(number) == TPR;
        if (!vmx.on(SecondaryControl.VIRTUALIZE_X2APIC_MODE) || !covered) {
            return OptionalLong.empty();
        }
        return OptionalLong.of(cpu.mmu.readPhysical(address(offset(number)), 8));
    }

    private static int offset(int number) {
        return (number & 0xFF) << 4;
    }

    /// WRMSR to an x2APIC register.
    ///
    /// @return false if the access isn't virtualized
    /// @throws GuestFault #GP for a value that the register doesn't take
    boolean writeMsr(int number, long value) {
        int offset = offset(number);
        boolean covered =
                switch (offset) {
                    case TPR -> true;
                    case EOI, SELF_IPI -> deliversInterrupts();
                    case ICR_LOW -> vmx.on(TertiaryControl.IPI_VIRTUALIZATION);
                    default -> false;
                };
        if (!vmx.on(SecondaryControl.VIRTUALIZE_X2APIC_MODE) || !covered) {
            return false;
        }
        long reserved =
                switch (offset) {
                    case EOI -> -1L;
                    case ICR_LOW -> ICR_RESERVED;
                    default -> ~0xFFL;
                };
        if ((value & reserved) != 0) {
            throw cpu.generalProtection();
        }
        cpu.mmu.writePhysical(address(offset), 8, value);
        switch (offset) {
            case TPR -> virtualizeTaskPriority();
            case EOI -> endOfInterrupt();
            case ICR_LOW -> sendIpi((int) value, value >>> 32);
            default -> {
                if ((value & 0xF0) != 0) {
                    selfIpi((int) value);
                } else {
                    exitAfter(ExitReason.APIC_WRITE, SELF_IPI);
                }
            }
        }
        return true;
    }
}
