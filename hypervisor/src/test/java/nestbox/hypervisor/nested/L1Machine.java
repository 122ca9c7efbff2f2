package nestbox.hypervisor.nested;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.Processors;
import nestbox.cpu.VmxHost;
import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.MsrAccess;
import nestbox.cpu.model.CpuModel;
import nestbox.hypervisor.Resume;
import nestbox.hypervisor.emulate.Access;
import nestbox.hypervisor.emulate.GuestException;
import nestbox.hypervisor.emulate.GuestLinear;
import nestbox.hypervisor.emulate.GuestPhysical;
import nestbox.hypervisor.emulate.GuestState;
import nestbox.hypervisor.memory.Bitmap;
import nestbox.hypervisor.memory.EptTables;
import nestbox.hypervisor.memory.PagePool;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;

/// A processor, an L0 that does no more than it must, and an L1 in 64-bit mode whose instructions
/// tests give one by one. L1's physical addresses aren't the host's, so that what isn't translated
/// is found out. L1 stops with VMCALL, which is also where VM exits of L2 lead.
final class L1Machine implements VmxHost, Parent, AutoCloseable {
    static final long L1_CODE = 0x1000;
    static final long L1_EXIT = 0x2000;
    static final long VMXON_REGION = 0x1_0000;
    static final long REGION = 0x1_1000;
    static final long OTHER_REGION = 0x1_2000;
    static final long SHADOW_REGION = 0x1_3000;
    static final long MSR_BITMAP = 0x1_4000;
    static final long IO_BITMAPS = 0x1_5000;
    static final long APIC_PAGE = 0x1_7000;
    static final long ACCESS_PAGE = 0x1_8000;
    static final long LIST = 0x1_9000;
    static final long L1_DATA = 0x1_A000;
    static final long L1_STACK = 0x1_C000;
    static final long IDT = 0x1_D000;
    static final long LOG = 0x1_E000;
    static final long L2_CODE = 0x2_0000;
    static final long L2_HANDLER = 0x2_1000;
    static final long L2_DATA = 0x2_2000;
    static final long L2_STACK = 0x2_5000;
    static final long PAGE_TABLES = 0x10_0000;

    /// The tables of PAE paging.
    static final long PDPT = 0x12_0000;

    static final long EPT12 = 0x11_0000;
    static final long L1_RAM = 16 << 20;
    static final long HOST_OFFSET = 16 << 20;

    /// Ports and MSRs in which L0 is interested.
    static final int PORT_OF_L0 = 0x64;

    static final int MSR_OF_L0 = Msr.IA32_APIC_BASE.number();

    private static final long L0_MEMORY = 40 << 20;
    private static final String STOP = "0F 01 C1";

    final GuestMemory memory = new GuestMemory(64 << 20);
    final PortSpace ports = new PortSpace();
    final VirtualClock clock = new VirtualClock();
    final Processors processors;
    final VmxRoot root;
    final PagePool pages;
    final EptTables ept01;
    final Nested nested;

    /// Exits of L2 that were L0's.
    final List<ExitReason> ofL0 = new ArrayList<>();

    /// L1's address of the last EPT violation that was L0's.
    long addressOfL0 = -1;

    /// All exits.
    int exits;

    /// What comes up before the next VM entry to L2, once.
    Function<Nested, Nested.Event> beforeL2 = nothing -> Nested.Event.FOR_L2;

    /// L0 kicks L2 once.
    boolean kicks;

    /// L0 answers L2's accesses to MSRs with #GP.
    boolean refuses;

    /// Exits that are L0's don't matter: L2 is stopped by a limit.
    boolean keepsGoing;

    Optional<String> shutDown = Optional.empty();

    private final boolean wide;
    private final long vmcs01;
    private final Bitmap msrBitmap;
    private final Bitmap ioBitmapA;
    private final Bitmap ioBitmapB;
    private final GuestLinear linear;
    private boolean starts;
    private boolean stopped;

    L1Machine() {
        this(CpuModel.server());
    }

    L1Machine(CpuModel model) {
        this(model, true);
    }

    /// @param wide whether L1 is in 64-bit mode; else it's in protected mode with PAE paging
    L1Machine(CpuModel model, boolean wide) {
        this.wide = wide;
        processors = new Processors(1, model, memory, new MmioSpace(), ports, clock);
        processors.reset();
        root = processors.bootstrap().vmxRoot();
        pages = new PagePool(memory, L0_MEMORY, 8 << 20);
        ept01 = new EptTables(pages);
        ept01.map(0, HOST_OFFSET, L1_RAM, EptTables.RAM);
        msrBitmap = new Bitmap(pages, false);
        msrBitmap.set(MSR_OF_L0, true);
        ioBitmapA = new Bitmap(pages, false);
        ioBitmapA.set(PORT_OF_L0, true);
        ioBitmapB = new Bitmap(pages, false);
        root.begin(this, pages.takeOwn());
        long vmxon = pages.takeOwn();
        vmcs01 = pages.takeOwn();
        for (long region : new long[] {vmxon, vmcs01}) {
            memory.writeInt(region, root.capabilities().revision());
        }
        root.vmxon(vmxon);
        root.vmclear(vmcs01);
        root.vmptrld(vmcs01);
        linear = new GuestLinear(new GuestState(root), memory, new Ram());
        setUp();
        nested = Nested.of(this);
        writeInt(VMXON_REGION, Capabilities12.REVISION);
        writeInt(REGION, Capabilities12.REVISION);
        writeInt(OTHER_REGION, Capabilities12.REVISION);
        writeInt(SHADOW_REGION, Capabilities12.REVISION | 1 << 31);
        code(L1_EXIT, STOP);
        // Code at selector 8, data at 16, in a GDT at 0.
        writeLong(8, 0x00AF_9B00_0000_FFFFL);
        writeLong(16, 0x00CF_9300_0000_FFFFL);
    }

    private final class Ram implements GuestPhysical {
        @Override
        public long ram(long address, boolean write) {
            return ept01.ram(address, 1).orElse(NOT_RAM);
        }

        @Override
        public long read(long address, int width) {
            return -1;
        }

        @Override
        public void write(long address, int width, long value) {}
    }

    private void setUp() {
        for (ControlWord word : ControlWord.values()) {
            root.vmwrite(word.field(), word.reserved1());
        }
        VmxControl[] controls = {
            SecondaryControl.ENABLE_EPT,
            SecondaryControl.UNRESTRICTED_GUEST,
            SecondaryControl.ENABLE_VPID,
            SecondaryControl.ENABLE_RDTSCP,
            PrimaryControl.USE_IO_BITMAPS,
            PrimaryControl.USE_MSR_BITMAPS,
            ExitControl.HOST_ADDRESS_SPACE_SIZE,
            ExitControl.SAVE_DEBUG_CONTROLS,
            ExitControl.SAVE_EFER,
            ExitControl.LOAD_EFER,
            ExitControl.SAVE_PAT,
            ExitControl.LOAD_PAT,
            EntryControl.LOAD_DEBUG_CONTROLS,
            EntryControl.LOAD_EFER,
            EntryControl.LOAD_PAT
        };
        for (VmxControl control : controls) {
            set01(control);
        }
        if (wide) {
            set01(EntryControl.IA_32E_MODE_GUEST);
        }
        root.writeHostState();
        root.vmwrite(HOST_PAT, 0x0007_0406_0007_0406L);
        root.vmwrite(GUEST_PAT, 0x0007_0406_0007_0406L);
        root.vmwrite(VMCS_LINK_POINTER, -1);
        root.vmwrite(EPT_POINTER, ept01.pointer());
        root.vmwrite(VIRTUAL_PROCESSOR_IDENTIFIER, vpid(0));
        root.vmwrite(MSR_BITMAPS, msrBitmap.address());
        root.vmwrite(IO_BITMAP_A, ioBitmapA.address());
        root.vmwrite(IO_BITMAP_B, ioBitmapB.address());
        root.vmwrite(CR0_GUEST_HOST_MASK, ControlBits.CR0_NE);
        root.vmwrite(CR0_READ_SHADOW, ControlBits.CR0_NE);
        root.vmwrite(CR4_GUEST_HOST_MASK, ControlBits.CR4_VMXE);
        root.vmwrite(CR4_READ_SHADOW, ControlBits.CR4_VMXE);
        pageTables(PAGE_TABLES, 0x83, 3);
        writeLong(PDPT, PAGE_TABLES + 0x2000 | 1);
        root.vmwrite(GUEST_PDPTE0, readLong(PDPT));
        state((field, value) -> root.vmwrite(field, value));
    }

    /// Where a field and its value go.
    interface Sink {
        void put(VmcsField field, long value);
    }

    /// A guest with flat segments, at CPL 0, as wide as L1.
    private void state(Sink sink) {
        sink.put(GUEST_CR0, ControlBits.CR0_PE | ControlBits.CR0_PG | ControlBits.CR0_NE | 0x10);
        sink.put(GUEST_CR3, cr3());
        sink.put(GUEST_CR4, ControlBits.CR4_PAE | ControlBits.CR4_VMXE);
        long mode = wide ? ControlBits.EFER_LME | ControlBits.EFER_LMA : 0;
        sink.put(GUEST_EFER, mode | ControlBits.EFER_NXE);
        int code = wide ? 0xA09B : 0xC09B;
        for (int i = 0; i < 8; i++) {
            sink.put(GUEST_ES_SELECTOR.plus(i), i == 1 ? 8 : i == 6 ? 0 : i == 7 ? 24 : 16);
            sink.put(GUEST_ES_BASE.plus(i), 0);
            sink.put(GUEST_ES_LIMIT.plus(i), i >= 6 ? 0x67 : 0xFFFF_FFFFL);
            sink.put(
                    GUEST_ES_ACCESS_RIGHTS.plus(i),
                    i == 1 ? code : i == 6 ? 0x1_0000 : i == 7 ? 0x8B : 0xC093);
        }
        sink.put(GUEST_IDTR_BASE, IDT);
        sink.put(GUEST_IDTR_LIMIT, 0xFFF);
        sink.put(GUEST_GDTR_LIMIT, 0xFFF);
        sink.put(GUEST_DR7, 0x400);
        sink.put(GUEST_RFLAGS, 2);
    }

    private long cr3() {
        return wide ? PAGE_TABLES : PDPT;
    }

    void set01(VmxControl control) {
        control.word().activation().ifPresent(this::set01);
        VmcsField field = control.word().field();
        root.vmwrite(field, root.vmread(field) | control.mask());
    }

    // L1's memory

    void writeLong(long address, long value) {
        memory.writeLong(address + HOST_OFFSET, value);
    }

    long readLong(long address) {
        return memory.readLong(address + HOST_OFFSET);
    }

    void writeInt(long address, int value) {
        memory.writeInt(address + HOST_OFFSET, value);
    }

    int readInt(long address) {
        return memory.readInt(address + HOST_OFFSET);
    }

    void code(long address, String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
        memory.write(address + HOST_OFFSET, bytes, 0, bytes.length);
    }

    /// The first GiB, mapped to itself by large pages.
    void pageTables(long at, long leaf, long table) {
        writeLong(at, at + 0x1000 | table);
        writeLong(at + 0x1000, at + 0x2000 | table);
        for (int i = 0; i < 512; i++) {
            writeLong(at + 0x2000 + 8 * i, (long) i << 21 | leaf);
        }
    }

    /// The EPT12 entry of the 2 MiB page of an address.
    static long eptEntry(long address) {
        return EPT12 + 0x2000 + 8 * (address >> 21);
    }

    /// Maps the first 2 MiB in EPT12 by pages of 4 KiB.
    ///
    /// @return where the entry of the address is
    long eptPage(long address) {
        long table = EPT12 + 0x4000;
        for (int i = 0; i < 512; i++) {
            writeLong(table + 8 * i, (long) i << 12 | 0x37);
        }
        writeLong(eptEntry(0), table | 7);
        return table + 8 * (address >> 12 & 0x1FF);
    }

    // L1's instructions

    /// Runs code of L1 until it stops.
    L1Machine run(String hex) {
        code(L1_CODE, hex + STOP);
        root.vmwrite(GUEST_RIP, L1_CODE);
        starts = true;
        stopped = false;
        for (int i = 0; i < 200 && !stopped; i++) {
            processors.turn();
        }
        if (!stopped && !keepsGoing) {
            throw new AssertionError("L1 doesn't stop");
        }
        return this;
    }

    /// An instruction whose operand is a pointer in memory, at `[rax]`.
    L1Machine run(String hex, long pointer) {
        writeLong(L1_DATA, pointer);
        root.register(0, L1_DATA);
        return run(hex);
    }

    L1Machine on() {
        run("F3 0F C7 30", VMXON_REGION);
        return run("66 0F C7 30", REGION).run("0F C7 30", REGION);
    }

    L1Machine vmwrite(long encoding, long value) {
        access("0F 79 C8", encoding, value);
        return this;
    }

    long vmread(long encoding) {
        return access("0F 78 C8", encoding, 0);
    }

    /// VMREAD to or VMWRITE from RAX of the field in RCX; the registers stay as they are.
    ///
    /// @return what is in RAX then
    private long access(String hex, long encoding, long value) {
        long rax = root.register(0);
        long rcx = root.register(1);
        root.register(0, value);
        root.register(1, encoding);
        run(hex);
        long result = root.register(0);
        root.register(0, rax);
        root.register(1, rcx);
        return result;
    }

    L1Machine set(VmcsField field, long value) {
        vmwrite(field.encoding(), value);
        if (!wide && field.width() == VmcsField.Width.BITS_64) {
            vmwrite(field.encoding() + 1, value >>> 32);
        }
        return this;
    }

    long get(VmcsField field) {
        return vmread(field.encoding());
    }

    L1Machine on(VmxControl... controls) {
        for (VmxControl control : controls) {
            control.word().activation().ifPresent(this::on);
            set(control.word().field(), get(control.word().field()) | control.mask());
        }
        return this;
    }

    L1Machine launch() {
        return run("0F 01 C2");
    }

    L1Machine resume() {
        return run("0F 01 C3");
    }

    /// The status flags that a VMX instruction has left: 0, CF or ZF.
    long status() {
        return root.vmread(GUEST_RFLAGS) & RFlags.STATUS;
    }

    long error() {
        return get(INSTRUCTION_ERROR);
    }

    Optional<ExitReason> exitReason() {
        return ExitReason.of(get(EXIT_REASON));
    }

    /// A VMCS12 that is ready for VMLAUNCH, without EPT.
    L1Machine baseline() {
        for (ControlWord word : ControlWord.values()) {
            if (nested.capabilities().has(word.field())) {
                set(word.field(), word.reserved1());
            }
        }
        if (wide) {
            on(ExitControl.HOST_ADDRESS_SPACE_SIZE, EntryControl.IA_32E_MODE_GUEST);
        }
        set(VMCS_LINK_POINTER, -1);
        set(HOST_CR0, root.vmread(GUEST_CR0));
        set(HOST_CR3, cr3()).set(HOST_CR4, root.vmread(GUEST_CR4));
        set(HOST_CS_SELECTOR, 8).set(HOST_SS_SELECTOR, 16).set(HOST_TR_SELECTOR, 24);
        set(HOST_IDTR_BASE, IDT);
        set(HOST_RIP, L1_EXIT).set(HOST_RSP, L1_STACK);
        state(this::set);
        return set(GUEST_RSP, L2_STACK).set(GUEST_RIP, L2_CODE);
    }

    /// With EPT that maps all of L1's memory to itself, by large pages.
    L1Machine ept() {
        pageTables(EPT12, 0xB7, 7);
        return on(SecondaryControl.ENABLE_EPT).set(EPT_POINTER, EPT12 | 6 | 3 << 3);
    }

    L1Machine l2(String hex) {
        code(L2_CODE, hex);
        return this;
    }

    /// VMXON, a VMCS12, and L2's program.
    static L1Machine guest(String hex) {
        return new L1Machine().on().baseline().l2(hex);
    }

    // L0

    @Override
    public void exited() {
        exits++;
        if (keepsGoing && (exits > 300 || shutDown.isPresent())) {
            stopped = true;
            return;
        }
        ExitReason reason = ExitReason.of(root.vmread(EXIT_REASON)).orElseThrow();
        Resume resume;
        try {
            resume = handle(reason);
        } catch (GuestException exception) {
            if (nested.isInL2() && nested.exception(exception)) {
                resume = Resume.SAME_INSTRUCTION;
            } else {
                inject(exception);
                resume = Resume.SAME_INSTRUCTION;
            }
        }
        switch (resume) {
            case NEXT_INSTRUCTION ->
                    root.vmwrite(
                            GUEST_RIP,
                            root.vmread(GUEST_RIP) + root.vmread(EXIT_INSTRUCTION_LENGTH));
            case SAME_INSTRUCTION -> {}
            case BLOCK, STOP -> stopped = true;
        }
        if (nested.isInL2()) {
            event();
        }
        if (!stopped) {
            enter();
        }
    }

    private void event() {
        if (kicks) {
            kicks = false;
            root.signalInit();
        }
        Function<Nested, Nested.Event> now = beforeL2;
        beforeL2 = nothing -> Nested.Event.FOR_L2;
        Nested.Event event = now.apply(nested);
        if (event == Nested.Event.LATER) {
            beforeL2 = now;
        }
        stopped &= nested.isInL2();
    }

    private void inject(GuestException exception) {
        InterruptionInformation event =
                InterruptionInformation.of(InterruptionType.HARDWARE_EXCEPTION, exception.vector());
        boolean code = exception.vector() >= 10 && exception.vector() <= 14;
        root.vmwrite(
                ENTRY_INTERRUPTION_INFORMATION, (code ? event.withErrorCode() : event).toLong());
        root.vmwrite(ENTRY_EXCEPTION_ERROR_CODE, exception.errorCode());
    }

    private Resume handle(ExitReason reason) {
        if (nested.isInL2()) {
            Optional<Resume> done = nested.exit(reason);
            if (done.isPresent()) {
                return done.get();
            }
            ofL0.add(reason);
            if (reason == ExitReason.EPT_VIOLATION) {
                addressOfL0 = nested.guestPhysicalAddress();
            }
            if (refuses) {
                throw GuestException.generalProtection();
            }
            return switch (reason) {
                case RDMSR, WRMSR, IO_INSTRUCTION, HLT, EPT_VIOLATION -> Resume.NEXT_INSTRUCTION;
                case INVALID_GUEST_STATE, EPT_MISCONFIGURATION ->
                        throw new AssertionError(reason + ": " + root.entryFailure());
                default -> Resume.SAME_INSTRUCTION;
            };
        }
        return switch (reason) {
            case VMCALL -> Resume.STOP;
            case VMCLEAR,
                    VMLAUNCH,
                    VMPTRLD,
                    VMPTRST,
                    VMREAD,
                    VMRESUME,
                    VMWRITE,
                    VMXOFF,
                    VMXON,
                    INVEPT,
                    INVVPID ->
                    nested.instruction(reason);
            case INIT_SIGNAL -> Resume.SAME_INSTRUCTION;
            case CPUID -> Resume.NEXT_INSTRUCTION;
            default -> {
                if (!keepsGoing) {
                    throw new AssertionError(reason + " of L1");
                }
                yield Resume.STOP;
            }
        };
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

    // Parent

    @Override
    public VmxRoot root() {
        return root;
    }

    @Override
    public long vmcs01() {
        return vmcs01;
    }

    @Override
    public EptTables memory() {
        return ept01;
    }

    @Override
    public int vpid(int context) {
        return 0x100 + context;
    }

    @Override
    public PagePool pages() {
        return pages;
    }

    @Override
    public MsrAccess msrs() {
        return new MsrAccess() {
            @Override
            public OptionalLong read(int number) {
                return number == Msr.IA32_FEATURE_CONTROL.number()
                        ? OptionalLong.of(5)
                        : root.readMsr(number);
            }

            @Override
            public boolean write(int number, long value) {
                return root.writeMsr(number, value);
            }
        };
    }

    @Override
    public long msrBitmap01() {
        return msrBitmap.address();
    }

    @Override
    public long ioBitmapA01() {
        return ioBitmapA.address();
    }

    @Override
    public long ioBitmapB01() {
        return ioBitmapB.address();
    }

    @Override
    public long linear(int segment, long offset, int width, boolean write) {
        return linear.linear(segment, offset, width, write ? Access.WRITE : Access.READ);
    }

    @Override
    public long readLinear(long address, int width) {
        return linear.read(address, width);
    }

    @Override
    public void writeLinear(long address, int width, long value) {
        linear.write(address, width, value);
    }

    @Override
    public boolean hasVirtualApic() {
        return false;
    }

    @Override
    public Resume shutDown(String reason) {
        shutDown = Optional.of(reason);
        return Resume.STOP;
    }

    @Override
    public void close() {
        processors.close();
        memory.close();
    }
}
