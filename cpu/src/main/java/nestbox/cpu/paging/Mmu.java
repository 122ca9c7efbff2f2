package nestbox.cpu.paging;

import static nestbox.x86.PageFormat.*;

import nestbox.cpu.core.BlockCache;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.SlowMemory;
import nestbox.cpu.vmx.Ept;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.NativeSpace;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.EptViolationQualification;
import nestbox.x86.vmx.SubPageEntry;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongPredicate;

/// Memory management of one processor: translation with its faults, the cached address spaces,
/// and every access that the software TLB doesn't answer.
public final class Mmu implements SlowMemory {
    private static final int SPACES = 16;
    private static final long PAGE = GuestMemory.PAGE_SIZE;

    /// EPT may allow writes to parts of a page of this size.
    private static final int SUB_PAGE = 1 << SubPageEntry.SUB_PAGE_SHIFT;

    private final Cpu cpu;
    private final GuestMemory memory;
    private final MmioSpace mmio;
    private final BlockCache code;
    private final PageWalk walk;
    private final List<AddressSpace> spaces = new ArrayList<>();
    private long uses;
    private AddressSpace space;
    private TlbContext context;
    private boolean alignmentChecked;
    private boolean a20Open = true;
    private long a20Mask = -1;

    public Mmu(Cpu cpu, GuestMemory memory, MmioSpace mmio, BlockCache code, int physicalBits) {
        this.cpu = cpu;
        this.memory = memory;
        this.mmio = mmio;
        this.code = code;
        walk = new PageWalk(cpu, memory, physicalBits);
        code.onCodeInWritablePage(
                host -> {
                    for (AddressSpace each : spaces) {
                        each.dropWritable(host);
                    }
                });
        code.onDrop(this::flushAll);
        space = newSpace(0);
    }

    // Address spaces

    /// The context in use, with the block cache of its address space.
    public TlbContext context() {
        return context;
    }

    private AddressSpace newSpace(long tag) {
        AddressSpace created = new AddressSpace();
        created.tag = tag;
        spaces.add(created);
        return created;
    }

    /// Switches to the address space of a tag, which is empty if it is met for the first time.
    public void switchTo(long tag) {
        if (space.tag != tag) {
            space = find(tag);
        }
        space.lastUse = ++uses;
        selectContext();
    }

    private AddressSpace find(long tag) {
        AddressSpace oldest = null;
        for (AddressSpace each : spaces) {
            if (each.tag == tag) {
                return each;
            }
            if (oldest == null || each.lastUse < oldest.lastUse) {
                oldest = each;
            }
        }
        if (spaces.size() < SPACES) {
            return newSpace(tag);
        }
        oldest.flush();
        oldest.tag = tag;
        return oldest;
    }

    /// To be called when CPL, EFLAGS.AC, CR0.AM or CR4.SMAP changed: chooses the context for the
    /// privilege.
    public void selectContext() {
        context = space.context(privilege());
        boolean ac = (cpu.get64(Cpu.FLAGS_REST) & RFlags.AC) != 0;
        alignmentChecked = ac && cpu.cpl == 3 && (cpu.cr0 & ControlBits.CR0_AM) != 0;
        cpu.tlb(alignmentChecked ? TlbContext.empty() : context.tlb);
    }

    private int privilege() {
        if (cpu.cpl == 3) {
            return AddressSpace.USER;
        }
        boolean open =
                (cpu.get64(Cpu.FLAGS_REST) & RFlags.AC) != 0
                        && (cpu.cr4 & ControlBits.CR4_SMAP) != 0;
        return open ? AddressSpace.SUPERVISOR_AC : AddressSpace.SUPERVISOR;
    }

    public void flushAll() {
        for (AddressSpace each : spaces) {
            each.flush();
        }
    }

    /// Forgets the translations of the current address space.
    public void flushCurrent() {
        space.flush();
    }

    /// Forgets the translations of one tag's address space, if there are any.
    public void flush(long tag) {
        for (AddressSpace each : spaces) {
            if (each.tag == tag) {
                each.flush();
            }
        }
    }

    /// Forgets one page of a tag's address space.
    public void invalidate(long tag, long linear) {
        for (AddressSpace each : spaces) {
            if (each.tag == tag) {
                each.invalidate(linear);
            }
        }
    }

    /// INVLPG: one page of the current address space, and global translations of all others.
    public void invalidateEverywhere(long linear) {
        for (AddressSpace each : spaces) {
            each.invalidate(linear);
        }
    }

    /// Forgets the translations of the address spaces whose tag is one of those.
    public void flushWhere(LongPredicate tags) {
        for (AddressSpace each : spaces) {
            if (tags.test(each.tag)) {
                each.flush();
            }
        }
    }

    /// Forgets one page of the address spaces whose tag is one of those.
    public void invalidateWhere(LongPredicate tags, long linear) {
        for (AddressSpace each : spaces) {
            if (tags.test(each.tag)) {
                each.invalidate(linear);
            }
        }
    }

    /// Whether the A20 gate holds address bit 20 at 0.
    public boolean isA20Masked() {
        return a20Mask != -1;
    }

    /// Opens or closes the A20 gate.
    public void a20(boolean open) {
        a20Open = open;
        updateA20();
    }

    /// A gate that is closed in VMX operation has no effect before that ends: otherwise a guest
    /// could reach the memory of another one. SDM Vol. 3C, "Restrictions on VMX Operation".
    public void updateA20() {
        long mask = a20Open || cpu.vmx.isOperating() ? -1 : ~(1L << 20);
        if (mask != a20Mask) {
            a20Mask = mask;
            flushAll();
        }
    }

    // Translation

    /// Translates for a data access or fetch at the current privilege.
    ///
    /// @param access page-fault error code bits of the access: write, fetch
    /// @return the physical address
    /// @throws nestbox.cpu.core.GuestFault #PF, with CR2 set
    public long translate(long linear, int access) {
        return translate(linear, access, privilege());
    }

    private long translate(long linear, int access, int privilege) {
        boolean write = (access & FAULT_WRITE) != 0;
        boolean fetch = (access & FAULT_FETCH) != 0;
        if ((cpu.cr0 & ControlBits.CR0_PG) == 0) {
            walk.withoutPaging(linear & 0xFFFF_FFFFL);
            return finish(linear, access, privilege, true, true, true);
        }
        int code = walk.walk(linear);
        if (code != 0) {
            throw pageFault(linear, code & 0xFF, access, privilege);
        }
        boolean supervisor = privilege != AddressSpace.USER;
        boolean mayRead = supervisor ? mayReadAsSupervisor(privilege) : walk.user;
        boolean mayWrite =
                mayRead && (walk.writable || supervisor && (cpu.cr0 & ControlBits.CR0_WP) == 0);
        boolean mayExecute = walk.executable && (supervisor ? mayFetchAsSupervisor() : walk.user);
        boolean allowed = fetch ? mayExecute : write ? mayWrite : mayRead;
        if (!allowed) {
            throw pageFault(linear, FAULT_PROTECTION, access, privilege);
        }
        return finish(linear, access, privilege, mayRead, mayWrite, mayExecute);
    }

    /// What is left after the guest's own paging has allowed an access: EPT, the flags of entries,
    /// the TLB.
    private long finish(
            long linear, int access, int privilege, boolean read, boolean write, boolean execute) {
        long physical = walk.physical & a20Mask;
        int shift = walk.shift;
        boolean mayRead = read;
        boolean mayWrite = write;
        boolean mayExecute = execute;
        Ept ept = cpu.vmx.ept;
        if (ept.isActive()) {
            physical = ept.page(physical, linear, eptAccess(access));
            mayRead &= ept.mayRead();
            mayWrite &= ept.mayWriteDirty();
            mayExecute &= ept.mayExecute(walk.user);
            shift = Math.min(shift, ept.shift());
        }
        walk.setFlags((access & FAULT_WRITE) != 0);
        fill(linear, physical, privilege, mayRead, mayWrite && walk.dirty, mayExecute, shift);
        return physical;
    }

    /// The access, and what the guest's paging says of the page.
    private long eptAccess(int access) {
        long kind =
                (access & FAULT_FETCH) != 0
                        ? EptViolationQualification.FETCH
                        : (access & FAULT_WRITE) != 0
                                ? EptViolationQualification.WRITE
                                : EptViolationQualification.READ;
        return kind
                | (walk.user ? EptViolationQualification.USER_MODE : 0)
                | (walk.writable ? EptViolationQualification.GUEST_WRITABLE : 0)
                | (walk.executable ? 0 : EptViolationQualification.GUEST_EXECUTE_DISABLE);
    }

    private boolean mayReadAsSupervisor(int privilege) {
        return !walk.user
                || (cpu.cr4 & ControlBits.CR4_SMAP) == 0
                || privilege == AddressSpace.SUPERVISOR_AC;
    }

    private boolean mayFetchAsSupervisor() {
        return !walk.user || (cpu.cr4 & ControlBits.CR4_SMEP) == 0;
    }

    private void fill(
            long linear,
            long physical,
            int privilege,
            boolean read,
            boolean write,
            boolean execute,
            int shift) {
        long host = memory.host(physical & -PAGE);
        boolean isPlain =
                host >= 0
                        && (physical & -PAGE) != cpu.apic.registerPage()
                        && (physical & -PAGE) != cpu.vmx.apic.accessPage();
        if (!isPlain || cpu.debug.watches(linear)) {
            return;
        }
        int page = memory.page(host);
        int flags = memory.flags(page);
        boolean direct = write && (flags & GuestMemory.HAS_CODE) == 0;
        if (direct) {
            memory.setFlags(page, GuestMemory.WRITABLE_IN_TLB);
        }
        space.context(privilege).enter(linear, host, read, direct, execute, shift);
    }

    private RuntimeException pageFault(long linear, int code, int access, int privilege) {
        int error = code | access & FAULT_WRITE;
        if (privilege == AddressSpace.USER) {
            error |= FAULT_USER;
        }
        boolean tellsFetch =
                (cpu.cr4 & ControlBits.CR4_SMEP) != 0
                        || (cpu.cr4 & ControlBits.CR4_PAE) != 0
                                && (cpu.efer & ControlBits.EFER_NXE) != 0;
        if ((access & FAULT_FETCH) != 0 && tellsFetch) {
            error |= FAULT_FETCH;
        }
        cpu.faultAddress = linear;
        return cpu.fault(Vector.PF, error);
    }

    // Instruction fetch

    /// Place in the address space reservation of the page that holds an instruction; -1 when it
    /// isn't RAM.
    ///
    /// @throws nestbox.cpu.core.GuestFault #PF
    public long fetchPage(long linear) {
        long page = context.executablePage(linear);
        return page >= 0 ? page : memory.host(translateFetch(linear) & -PAGE);
    }

    private long translateFetch(long linear) {
        long physical = translate(linear, FAULT_FETCH);
        if ((physical & -PAGE) == cpu.vmx.apic.accessPage()) {
            throw cpu.vmx.apic.fetch(physical);
        }
        return physical;
    }

    /// Reads one byte of an instruction from an address that isn't RAM.
    public int fetchDevice(long linear) {
        return (int) mmio.read(translateFetch(linear), 1);
    }

    // Data

    private void checkCanonical(int segment, long linear, int width) {
        if (cpu.isLongMode64() && !isCanonical(linear, width)) {
            throw cpu.fault(segment == Insn.SS ? Vector.SS : Vector.GP, 0);
        }
    }

    private static boolean isCanonical(long linear, int width) {
        return linear << 16 >> 16 == linear && linear + width - 1 << 16 >> 16 == linear + width - 1;
    }

    private void checkAlignment(long linear, int width) {
        if (alignmentChecked && (linear & width - 1) != 0) {
            throw cpu.fault(Vector.AC, 0);
        }
    }

    @Override
    public long read(int segment, long linear, int width) {
        checkCanonical(segment, linear, width);
        checkAlignment(linear, width);
        cpu.debug.onAccess(linear, width, false);
        return readLinear(linear, width, 0, privilege());
    }

    @Override
    public long readForWrite(int segment, long linear, int width) {
        checkCanonical(segment, linear, width);
        checkAlignment(linear, width);
        return readLinear(linear, width, FAULT_WRITE, privilege());
    }

    @Override
    public void write(int segment, long linear, int width, long value) {
        checkCanonical(segment, linear, width);
        checkAlignment(linear, width);
        cpu.debug.onAccess(linear, width, true);
        writeLinear(linear, width, value, privilege());
    }

    private long readLinear(long linear, int width, int access, int privilege) {
        int inFirst = (int) Math.min(width, PAGE - (linear & PAGE - 1));
        long first = translate(linear, inFirst, access, privilege);
        if ((first & -PAGE) == cpu.vmx.apic.accessPage()) {
            return readApicPage(first, width, access);
        }
        if (inFirst == width) {
            return readPhysical(first, width);
        }
        long second = translate(wrap(linear + inFirst), width - inFirst, access, privilege);
        long low = readBytes(first, inFirst);
        return low | readBytes(second, width - inFirst) << 8 * inFirst;
    }

    /// The APIC-access page of a guest.
    private long readApicPage(long physical, int width, int access) {
        if ((access & FAULT_WRITE) != 0) {
            return cpu.vmx.apic.readForWrite(physical, width);
        }
        return cpu.vmx.apic.read(physical, width);
    }

    private void writeLinear(long linear, int width, long value, int privilege) {
        int inFirst = (int) Math.min(width, PAGE - (linear & PAGE - 1));
        long first = translate(linear, inFirst, FAULT_WRITE, privilege);
        if ((first & -PAGE) == cpu.vmx.apic.accessPage()) {
            cpu.vmx.apic.write(first, width, value);
            return;
        }
        if (inFirst == width) {
            writePhysical(first, width, value);
            return;
        }
        long second = translate(wrap(linear + inFirst), width - inFirst, FAULT_WRITE, privilege);
        writeBytes(first, inFirst, value);
        writeBytes(second, width - inFirst, value >>> 8 * inFirst);
    }

    /// Translates for an access to so many bytes in one page.
    ///
    /// @return the physical address of the first
    private long translate(long linear, int length, int access, int privilege) {
        long physical = translate(linear, access, privilege);
        if ((access & FAULT_WRITE) != 0 && cpu.vmx.ept.hasSubPages()) {
            long last = linear + length - 1;
            for (long part = (linear | SUB_PAGE - 1) + 1; part <= last; part += SUB_PAGE) {
                translate(part, access, privilege);
            }
        }
        return physical;
    }

    /// Checks that a range may be written, before any of it is.
    public void checkWritable(int segment, long linear, int length) {
        checkCanonical(segment, linear, length);
        int inFirst = (int) Math.min(length, PAGE - (linear & PAGE - 1));
        translate(linear, inFirst, FAULT_WRITE, privilege());
        if (inFirst < length) {
            translate(wrap(linear + inFirst), length - inFirst, FAULT_WRITE, privilege());
        }
    }

    /// Checks that a range may be read, before anything else happens.
    public void checkReadable(int segment, long linear, int length) {
        checkCanonical(segment, linear, length);
        translate(linear, 0);
        if ((linear & PAGE - 1) + length > PAGE) {
            translate(wrap(linear + length - 1 & -PAGE), 0);
        }
    }

    private long wrap(long linear) {
        return cpu.isLongMode64() ? linear : linear & 0xFFFF_FFFFL;
    }

    /// Implicit supervisor accesses: descriptor tables and the TSS, whatever the CPL. SMAP applies
    /// without regard to EFLAGS.AC.
    public long readSystem(long linear, int width) {
        return readLinear(linear, width, 0, AddressSpace.SUPERVISOR);
    }

    public void writeSystem(long linear, int width, long value) {
        writeLinear(linear, width, value, AddressSpace.SUPERVISOR);
    }

    /// Faults if an implicit supervisor write of so many bytes would.
    public void checkSystemWrite(long linear, int length) {
        translate(linear, FAULT_WRITE, AddressSpace.SUPERVISOR);
        translate(wrap(linear + length - 1), FAULT_WRITE, AddressSpace.SUPERVISOR);
    }

    // Physical memory

    /// Reads a paging structure that isn't part of the translation of an address: in VMX non-root
    /// operation through EPT.
    public long readGuestPhysical(long physical, int width) {
        Ept ept = cpu.vmx.ept;
        return readPhysical(ept.isActive() ? ept.untranslated(physical) : physical, width);
    }

    private long readBytes(long physical, int count) {
        long value = 0;
        for (int i = 0; i < count; i++) {
            value |= (readPhysical(physical + i, 1) & 0xFF) << 8 * i;
        }
        return value;
    }

    private void writeBytes(long physical, int count, long value) {
        for (int i = 0; i < count; i++) {
            writePhysical(physical + i, 1, value >>> 8 * i & 0xFF);
        }
    }

    /// The page of the processor's own local APIC is answered by it, all else by the board.
    private long readDevice(long physical, int width) {
        return (physical & -PAGE) == cpu.apic.registerPage()
                ? cpu.apic.readRegister(physical & PAGE - 1, width)
                : mmio.read(physical, width);
    }

    private void writeDevice(long physical, int width, long value) {
        if ((physical & -PAGE) == cpu.apic.registerPage()) {
            cpu.apic.writeRegister(physical & PAGE - 1, width, value);
        } else {
            mmio.write(physical, width, value);
        }
    }

    /// @param width 1, 2, 4 or 8 bytes, within one page
    public long readPhysical(long physical, int width) {
        long host = memory.host(physical);
        if (host < 0) {
            return readDevice(physical, width);
        }
        return switch (width) {
            case 1 -> NativeSpace.SPACE.get(NativeSpace.I8, host) & 0xFF;
            case 2 -> NativeSpace.SPACE.get(NativeSpace.I16, host) & 0xFFFF;
            case 4 -> NativeSpace.SPACE.get(NativeSpace.I32, host) & 0xFFFF_FFFFL;
            default -> NativeSpace.SPACE.get(NativeSpace.I64, host);
        };
    }

    public void writePhysical(long physical, int width, long value) {
        long host = memory.host(physical);
        if (host < 0) {
            writeDevice(physical, width, value);
            return;
        }
        int flags = memory.flags(memory.page(host));
        if ((flags & GuestMemory.HAS_CODE) != 0) {
            code.written(physical, width);
        }
        switch (width) {
            case 1 -> NativeSpace.SPACE.set(NativeSpace.I8, host, (byte) value);
            case 2 -> NativeSpace.SPACE.set(NativeSpace.I16, host, (short) value);
            case 4 -> NativeSpace.SPACE.set(NativeSpace.I32, host, (int) value);
            default -> NativeSpace.SPACE.set(NativeSpace.I64, host, value);
        }
    }
}
