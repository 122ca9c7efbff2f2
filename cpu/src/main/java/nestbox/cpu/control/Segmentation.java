package nestbox.cpu.control;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Segment;
import nestbox.x86.Vector;

/// Segment checks of accesses, descriptor reads, and loads of data-segment registers. SDM Vol. 3A,
/// chapter "Protection".
public final class Segmentation {
    private static final int RPL = 3;
    private static final int TI = 4;

    private final Cpu cpu;

    public Segmentation(Cpu cpu) {
        this.cpu = cpu;
    }

    /// Adds a segment's base to an offset after the limit and type checks, for segments that
    /// aren't flat.
    public long linear(int number, long offset, int width, boolean write) {
        Segment segment = cpu.segments[number];
        if (cpu.isLongMode64()) {
            return offset + cpu.get64(Cpu.SEGMENT_BASES + 8 * number);
        }
        long first = offset & 0xFFFF_FFFFL;
        boolean allowed = cpu.isRealOrVirtual() || allows(segment, write);
        if (!allowed || !contains(segment, first, width)) {
            throw cpu.fault(number == Insn.SS ? Vector.SS : Vector.GP, 0);
        }
        return segment.base + first & 0xFFFF_FFFFL;
    }

    private static boolean allows(Segment segment, boolean write) {
        return segment.isUsable() && (write ? segment.isWritable() : segment.isReadable());
    }

    private static boolean contains(Segment segment, long first, int width) {
        long last = first + width - 1;
        if (segment.isExpandDown()) {
            return first > segment.limit && last <= (segment.isBig() ? 0xFFFF_FFFFL : 0xFFFF);
        }
        return last <= segment.limit;
    }

    // Descriptors

    /// Reads the descriptor that a selector names from the GDT or the LDT.
    ///
    /// @param vector the exception when it lies outside the table, with the selector as error code
    Descriptor read(int selector, int vector, int external) {
        long base = cpu.gdtr.base;
        long limit = cpu.gdtr.limit;
        if ((selector & TI) != 0) {
            if (!cpu.ldtr.isUsable()) {
                throw fault(vector, selector, external);
            }
            base = cpu.ldtr.base;
            limit = cpu.ldtr.limit;
        }
        int index = selector & ~7;
        if (index + 7 > limit) {
            throw fault(vector, selector, external);
        }
        return readAt(base + index);
    }

    Descriptor readAt(long address) {
        long linear = cpu.isLongMode() ? address : address & 0xFFFF_FFFFL;
        return new Descriptor(cpu.mmu.readSystem(linear, 8), 0, linear);
    }

    /// Reads the second half of a 16-byte descriptor of IA-32e mode.
    Descriptor readUpperHalf(Descriptor half, int selector, int vector, int external) {
        long limit = (selector & TI) != 0 ? cpu.ldtr.limit : cpu.gdtr.limit;
        if ((selector & ~7) + 15 > limit) {
            throw fault(vector, selector, external);
        }
        long high = cpu.mmu.readSystem(half.address() + 8, 8);
        if ((high >>> 40 & 0x1F) != 0) {
            throw fault(vector, selector, external);
        }
        return new Descriptor(half.low(), high & 0xFFFF_FFFFL, half.address());
    }

    /// An exception whose error code is a selector. SDM Vol. 3A, "Error Code".
    ///
    /// @param external 1 when an event outside the program is being delivered
    GuestFault fault(int vector, int selector, int external) {
        return cpu.fault(vector, selector & 0xFFFC | external);
    }

    static boolean isNull(int selector) {
        return (selector & ~RPL) == 0;
    }

    /// Sets the accessed bit of a code or data segment's descriptor in memory.
    Descriptor accessed(Descriptor descriptor) {
        if ((descriptor.type() & Segment.ACCESSED) != 0) {
            return descriptor;
        }
        long low = descriptor.low() | 1L << 40;
        cpu.mmu.writeSystem(descriptor.address() + 5, 1, low >>> 40 & 0xFF);
        return new Descriptor(low, 0, descriptor.address());
    }

    // Loads

    /// MOV, POP and LES … into a segment register other than CS.
    public void load(int number, int selector) {
        if (cpu.isRealOrVirtual()) {
            loadReal(number, selector);
        } else if (number == Insn.SS) {
            loadStack(selector);
        } else {
            loadData(number, selector);
        }
        cpu.stateChanged();
    }

    /// In real-address mode limit and rights stay as they are; virtual-8086 mode sets them.
    void loadReal(int number, int selector) {
        Segment segment = cpu.segments[number];
        segment.selector = selector;
        segment.base = (long) selector << 4;
        if (cpu.isVirtual8086()) {
            segment.limit = 0xFFFF;
            segment.rights = 0xF3;
        }
    }

    private void loadData(int number, int selector) {
        if (isNull(selector)) {
            cpu.segments[number].setNull(selector);
            return;
        }
        Descriptor descriptor = read(selector, Vector.GP, 0);
        boolean readable =
                !descriptor.isSystem()
                        && (!descriptor.isCode()
                                || (descriptor.type() & Segment.WRITABLE_OR_READABLE) != 0);
        boolean checked = !descriptor.isCode() || !descriptor.isConforming();
        if (!readable
                || checked && (descriptor.dpl() < (selector & RPL) || descriptor.dpl() < cpu.cpl)) {
            throw fault(Vector.GP, selector, 0);
        }
        if (!descriptor.isPresent()) {
            throw fault(Vector.NP, selector, 0);
        }
        accessed(descriptor).into(cpu.segments[number], selector);
    }

    private void loadStack(int selector) {
        if (isNull(selector)) {
            if (cpu.isLongMode64() && cpu.cpl < 3 && (selector & RPL) == cpu.cpl) {
                cpu.segments[Insn.SS].setNull(selector);
                return;
            }
            throw cpu.generalProtection();
        }
        Descriptor descriptor = read(selector, Vector.GP, 0);
        checkStack(descriptor, selector, cpu.cpl, Vector.GP, 0);
        accessed(descriptor).into(cpu.segments[Insn.SS], selector);
    }

    /// A stack segment must be writable data with RPL = DPL = CPL.
    ///
    /// @param vector for all violations but "not present", which is #SS
    void checkStack(Descriptor descriptor, int selector, int cpl, int vector, int external) {
        boolean writable =
                !descriptor.isSystem()
                        && !descriptor.isCode()
                        && (descriptor.type() & Segment.WRITABLE_OR_READABLE) != 0;
        if (!writable || (selector & RPL) != cpl || descriptor.dpl() != cpl) {
            throw fault(vector, selector, external);
        }
        if (!descriptor.isPresent()) {
            throw fault(Vector.SS, selector, external);
        }
    }

    /// After a return to an outer level: data segments that the new level may not use become null.
    ///
    /// Their bases stay. A hypervisor may enter a 64-bit guest with a null selector in FS whose
    /// access rights are those of a usable segment of level 0: KVM does so when it emulates a VM
    /// exit. The base that the guest's user mode has there must outlive IRET.
    void dropInaccessible() {
        for (int number : new int[] {Insn.ES, Insn.DS, Insn.FS, Insn.GS}) {
            Segment segment = cpu.segments[number];
            boolean conforming =
                    segment.isCode() && (segment.rights & Segment.EXPAND_DOWN_OR_CONFORMING) != 0;
            if (segment.isUsable() && !conforming && segment.dpl() < cpu.cpl) {
                segment.invalidate();
            }
        }
    }

    /// Whether LAR, LSL, VERR and VERW may look at a descriptor.
    ///
    /// @return the descriptor, or null
    public Long visible(int selector, boolean forLimit) {
        Descriptor descriptor = findVisible(selector, forLimit);
        return descriptor == null ? null : descriptor.low();
    }

    private Descriptor findVisible(int selector, boolean forLimit) {
        if (isNull(selector)) {
            return null;
        }
        boolean local = (selector & TI) != 0;
        long limit = local ? cpu.ldtr.isUsable() ? cpu.ldtr.limit : -1 : cpu.gdtr.limit;
        if ((selector & ~7) + 7 > limit) {
            return null;
        }
        Descriptor descriptor = readAt((local ? cpu.ldtr.base : cpu.gdtr.base) + (selector & ~7));
        boolean conforming = descriptor.isCode() && descriptor.isConforming();
        if (!conforming && (descriptor.dpl() < cpu.cpl || descriptor.dpl() < (selector & RPL))) {
            return null;
        }
        return descriptor.isSystem() && !isVisibleSystemType(descriptor.type(), forLimit)
                ? null
                : descriptor;
    }

    /// SDM Vol. 2A, "LAR" and "LSL": which system descriptors they accept.
    private boolean isVisibleSystemType(int type, boolean forLimit) {
        return switch (type) {
            case Descriptor.LDT, Descriptor.TSS_AVAILABLE, Descriptor.TSS_BUSY -> true;
            case Descriptor.TSS_16_AVAILABLE, Descriptor.TSS_16_BUSY -> !cpu.isLongMode();
            case Descriptor.CALL_GATE -> !forLimit;
            case Descriptor.CALL_GATE_16, Descriptor.TASK_GATE -> !forLimit && !cpu.isLongMode();
            default -> false;
        };
    }

    /// Whether VERR (or VERW) finds the segment readable (or writable).
    public boolean verify(int selector, boolean write) {
        Descriptor descriptor = findVisible(selector, false);
        if (descriptor == null || descriptor.isSystem()) {
            return false;
        }
        boolean bit = (descriptor.type() & Segment.WRITABLE_OR_READABLE) != 0;
        return write ? bit && !descriptor.isCode() : bit || !descriptor.isCode();
    }

    /// The limit, scaled by granularity, of a descriptor that [#visible] returned.
    public static long limitOf(long low) {
        return new Descriptor(low, 0, 0).limit();
    }

    /// LLDT.
    public void loadLdtr(int selector) {
        if (isNull(selector)) {
            cpu.ldtr.setNull(selector);
            return;
        }
        if ((selector & TI) != 0) {
            throw fault(Vector.GP, selector, 0);
        }
        Descriptor descriptor = read(selector, Vector.GP, 0);
        if (!descriptor.isSystem() || descriptor.type() != Descriptor.LDT) {
            throw fault(Vector.GP, selector, 0);
        }
        if (!descriptor.isPresent()) {
            throw fault(Vector.NP, selector, 0);
        }
        wide(descriptor, selector).into(cpu.ldtr, selector);
    }

    /// LTR.
    public void loadTr(int selector) {
        if (isNull(selector)) {
            throw cpu.generalProtection();
        }
        if ((selector & TI) != 0) {
            throw fault(Vector.GP, selector, 0);
        }
        Descriptor descriptor = read(selector, Vector.GP, 0);
        boolean available =
                descriptor.isSystem()
                        && (descriptor.type() == Descriptor.TSS_AVAILABLE
                                || descriptor.type() == Descriptor.TSS_16_AVAILABLE
                                        && !cpu.isLongMode());
        if (!available) {
            throw fault(Vector.GP, selector, 0);
        }
        if (!descriptor.isPresent()) {
            throw fault(Vector.NP, selector, 0);
        }
        Descriptor tss = wide(descriptor, selector);
        setBusy(tss, true);
        tss.into(cpu.tr, selector);
        cpu.tr.rights |= 2;
    }

    private Descriptor wide(Descriptor descriptor, int selector) {
        if (!cpu.isLongMode()) {
            return descriptor;
        }
        Descriptor whole = readUpperHalf(descriptor, selector, Vector.GP, 0);
        long base = whole.base();
        if (base << 16 >> 16 != base) {
            throw fault(Vector.GP, selector, 0);
        }
        return whole;
    }

    /// Sets or clears the busy bit of a TSS descriptor in memory.
    void setBusy(Descriptor tss, boolean busy) {
        long address = tss.address() + 5;
        long rights = cpu.mmu.readSystem(address, 1);
        cpu.mmu.writeSystem(address, 1, busy ? rights | 2 : rights & ~2);
    }
}
