package nestbox.hypervisor.emulate;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.Processors;
import nestbox.cpu.VmxHost;
import nestbox.cpu.VmxRoot;
import nestbox.cpu.model.CpuModel;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;
import nestbox.x86.ControlBits;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

import java.util.Set;
import java.util.function.Predicate;

/// A processor whose guest sees 2 MiB of memory over and over, wherever an address points: pages of
/// code, of paging structures, and everywhere else one of two pages of data. So random operands hit
/// something.
///
/// The guest runs until it exits; which exits are handled and resumed, the test says.
final class GuestMachine implements VmxHost, AutoCloseable {
    /// How the guest executes.
    enum Mode {
        LONG(8, true),
        COMPATIBILITY(4, true),
        PAE(4, true),
        PAGED_32(4, true),
        FLAT_32(4, false),
        PROTECTED_16(2, false),
        REAL(2, false);

        final int codeSize;
        final boolean paged;

        Mode(int codeSize, boolean paged) {
            this.codeSize = codeSize;
            this.paged = paged;
        }
    }

    static final long PAGE = GuestMemory.PAGE_SIZE;

    /// Guest-physical and linear addresses, modulo 2 MiB.
    static final long CODE = 0x1_0000;

    static final int CODE_PAGES = 2;
    static final long TABLES = 0x2_0000;
    static final int TABLE_PAGES = 8;

    /// Host-physical addresses.
    static final long MEMORY = 0x10_0000;

    static final long DATA = 0x20_0000;

    static final int DATA_BYTES = 2 * (int) PAGE;
    private static final int CODE_BYTES = CODE_PAGES * (int) PAGE;
    private static final long ALIAS = 0x1F_FFFF;
    private static final long VMXON_REGION = 0x1000;
    private static final long VMCS_REGION = 0x2000;
    private static final long HOST_TABLES = 0x3000;
    private static final long EPT_WITH_DATA = 0x1_0000;
    private static final long EPT_WITHOUT_DATA = 0x2_0000;
    private static final int VIRTUAL_8086_OR_REAL = 0x93;

    final GuestMemory memory = new GuestMemory(8 << 20);
    final PortSpace ports = new PortSpace();
    final Processors processors;
    final VmxRoot root;
    private Predicate<ExitReason> handler = reason -> false;
    private boolean starts;
    private boolean stopped;

    GuestMachine() {
        processors =
                new Processors(
                        1, CpuModel.server(), memory, new MmioSpace(), ports, new VirtualClock());
        processors.reset();
        root = processors.bootstrap().vmxRoot();
        root.begin(this, HOST_TABLES);
        for (long region : new long[] {VMXON_REGION, VMCS_REGION}) {
            memory.writeInt(region, root.capabilities().revision());
        }
        root.vmxon(VMXON_REGION);
        root.vmclear(VMCS_REGION);
        root.vmptrld(VMCS_REGION);
        eptTables(EPT_WITH_DATA);
        eptTables(EPT_WITHOUT_DATA);
        hideData(0);
    }

    // Memory

    /// The physical page that stands at an address of the guest.
    static long host(long guestPhysical) {
        long at = guestPhysical & ALIAS & -PAGE;
        boolean code = at >= CODE && at < CODE + CODE_PAGES * PAGE;
        return code || isTable(at) ? MEMORY + at : DATA + (at & PAGE);
    }

    private static boolean isTable(long guestPhysical) {
        long at = guestPhysical & ALIAS;
        return at >= TABLES && at < TABLES + TABLE_PAGES * PAGE;
    }

    static boolean isData(long host) {
        return host >= DATA;
    }

    /// All memory of the guest zero.
    void clear() {
        byte[] empty = new byte[(int) (TABLE_PAGES * PAGE)];
        memory.write(MEMORY + CODE, empty, 0, CODE_BYTES);
        memory.write(MEMORY + TABLES, empty, 0, empty.length);
        memory.write(DATA, empty, 0, DATA_BYTES);
    }

    /// The memory of the guest.
    ///
    /// @param tables whether with paging structures
    byte[] contents(boolean tables) {
        byte[] bytes = new byte[CODE_BYTES + DATA_BYTES + (int) (TABLE_PAGES * PAGE)];
        memory.read(MEMORY + CODE, bytes, 0, CODE_BYTES);
        memory.read(DATA, bytes, CODE_BYTES, DATA_BYTES);
        if (tables) {
            memory.read(
                    MEMORY + TABLES, bytes, CODE_BYTES + DATA_BYTES, (int) (TABLE_PAGES * PAGE));
        }
        return bytes;
    }

    /// Four levels of tables, the upper three of which lead to the next everywhere.
    private void eptTables(long at) {
        for (int level = 0; level < 3; level++) {
            for (int i = 0; i < 512; i++) {
                memory.writeLong(at + level * PAGE + 8 * i, at + (level + 1) * PAGE | 7);
            }
        }
        for (int i = 0; i < 512; i++) {
            memory.writeLong(at + 3 * PAGE + 8 * i, host(i * PAGE) | 0x37);
        }
    }

    /// Chooses which of the two data pages aren't mapped, by bits; 0 for none.
    void hideData(int which) {
        for (int i = 0; which != 0 && i < 512; i++) {
            long host = host(i * PAGE);
            boolean hidden = isData(host) && (which >> (host - DATA) / PAGE & 1) != 0;
            memory.writeLong(EPT_WITHOUT_DATA + 3 * PAGE + 8 * i, hidden ? 0 : host | 0x37);
        }
        long ept = which == 0 ? EPT_WITH_DATA : EPT_WITHOUT_DATA;
        root.vmwrite(EPT_POINTER, ept | 6 | 3 << 3);
        root.inveptSingle(ept | 6 | 3 << 3);
    }

    /// Paging structures that lead from everywhere to all of the memory but themselves, for the
    /// user as well.
    void pageTables(Mode mode) {
        int levels = mode == Mode.PAGED_32 ? 2 : mode == Mode.PAE ? 3 : 4;
        int entry = mode == Mode.PAGED_32 ? 4 : 8;
        for (int level = 0; level < levels; level++) {
            boolean last = level == levels - 1;
            boolean pdpt = mode == Mode.PAE && level == 0;
            for (int i = 0; i < PAGE / entry; i++) {
                long table = TABLES + (level + 1) * PAGE;
                long page = isTable(i * PAGE) ? 0 : i * PAGE;
                long value = (last ? page : table) & ALIAS | (pdpt ? 1 : 7);
                if (entry == 8) {
                    memory.writeLong(MEMORY + TABLES + level * PAGE + 8 * i, value);
                } else {
                    memory.writeInt(MEMORY + TABLES + level * PAGE + 4 * i, (int) value);
                }
            }
        }
        for (int i = 0; i < 4; i++) {
            root.vmwrite(GUEST_PDPTE0.plus(i), mode == Mode.PAE ? TABLES + PAGE | 1 : 0);
        }
    }

    // The VMCS

    void mode(Mode mode, int cpl) {
        for (ControlWord word : ControlWord.values()) {
            root.vmwrite(word.field(), word.reserved1());
        }
        root.writeHostState();
        set(ExitControl.HOST_ADDRESS_SPACE_SIZE);
        set(ExitControl.SAVE_EFER);
        set(ExitControl.LOAD_EFER);
        set(EntryControl.LOAD_EFER);
        set(SecondaryControl.ENABLE_EPT);
        set(SecondaryControl.UNRESTRICTED_GUEST);
        root.vmwrite(EXCEPTION_BITMAP, -1);
        root.vmwrite(VMCS_LINK_POINTER, -1);
        boolean ia32e = Set.of(Mode.LONG, Mode.COMPATIBILITY).contains(mode);
        if (ia32e) {
            set(EntryControl.IA_32E_MODE_GUEST);
        }
        long efer = ControlBits.EFER_NXE | ControlBits.EFER_SCE;
        efer |= ia32e ? ControlBits.EFER_LME | ControlBits.EFER_LMA : 0;
        root.vmwrite(GUEST_EFER, efer);
        long cr0 = ControlBits.CR0_NE | ControlBits.CR0_ET | ControlBits.CR0_WP;
        cr0 |= mode == Mode.REAL ? 0 : ControlBits.CR0_PE;
        cr0 |= mode.paged ? ControlBits.CR0_PG : 0;
        root.vmwrite(GUEST_CR0, cr0);
        root.vmwrite(GUEST_CR3, TABLES);
        boolean pae = ia32e || mode == Mode.PAE;
        root.vmwrite(GUEST_CR4, ControlBits.CR4_VMXE | (pae ? ControlBits.CR4_PAE : 0));
        int size = mode == Mode.LONG ? 0xA000 : mode.codeSize == 4 ? 0xC000 : 0;
        int rights = VIRTUAL_8086_OR_REAL | cpl << 5;
        segment(GuestState.CS, 8 | cpl, 0, rights | 8 | size);
        for (int data : new int[] {0, 2, 3, 4, 5}) {
            segment(data, 16 | cpl, 0, rights | (size & 0x8000) | (size != 0 ? 0x4000 : 0));
        }
        segment(6, 0, 0, 0x1_0000);
        segment(7, 24, 0, 0x8B);
        root.vmwrite(GUEST_TR_LIMIT, 0xFFFF);
        root.vmwrite(GUEST_GDTR_LIMIT, 0xFFFF);
        root.vmwrite(GUEST_IDTR_LIMIT, 0xFFFF);
        root.vmwrite(GUEST_DR7, 0x400);
        root.vmwrite(GUEST_INTERRUPTIBILITY_STATE, 0);
        root.vmwrite(GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
    }

    void segment(int number, long selector, long base, long rights) {
        root.vmwrite(GUEST_ES_SELECTOR.plus(number), selector);
        root.vmwrite(GUEST_ES_BASE.plus(number), base);
        boolean pages = (rights & 0x8000) != 0;
        root.vmwrite(GUEST_ES_LIMIT.plus(number), pages ? 0xFFFF_FFFFL : 0xFFFF);
        root.vmwrite(GUEST_ES_ACCESS_RIGHTS.plus(number), rights);
    }

    void set(VmxControl control) {
        control.word().activation().ifPresent(this::set);
        VmcsField field = control.word().field();
        root.vmwrite(field, root.vmread(field) | control.mask());
    }

    // Running

    /// Runs the guest.
    ///
    /// @param resumes handles an exit; false ends the run
    void run(Predicate<ExitReason> resumes) {
        handler = resumes;
        starts = true;
        stopped = false;
        for (int i = 0; i < 100 && !stopped; i++) {
            processors.turn();
        }
        if (!stopped) {
            throw new AssertionError("the guest doesn't stop");
        }
    }

    @Override
    public void exited() {
        ExitReason reason = ExitReason.of(root.vmread(EXIT_REASON)).orElseThrow();
        if (handler.test(reason)) {
            enter();
        } else {
            stopped = true;
        }
    }

    @Override
    public void idle() {
        if (starts) {
            starts = false;
            enter();
        }
    }

    private void enter() {
        root.enter()
                .ifPresent(
                        error -> {
                            throw new AssertionError(error + ": " + root.entryFailure());
                        });
    }

    @Override
    public void close() {
        processors.close();
        memory.close();
    }
}
