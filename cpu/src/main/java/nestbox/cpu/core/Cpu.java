package nestbox.cpu.core;

import nestbox.cpu.control.EventDelivery;
import nestbox.cpu.control.Segmentation;
import nestbox.cpu.paging.Mmu;
import nestbox.cpu.sse.SseUnit;
import nestbox.cpu.system.ControlRegisters;
import nestbox.cpu.system.Msrs;
import nestbox.cpu.system.TimeStampCounter;
import nestbox.cpu.vmx.Vmx;
import nestbox.cpu.x87.Fpu;
import nestbox.platform.Clock;
import nestbox.platform.NativeSpace;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.Activity;

/// A logical processor: the registers that aren't in the [StateBlock], the modes that follow from
/// them, and how instructions reach operands.
///
/// What instructions *do* is elsewhere, in one class for each family; what happens between them is
/// in [Interpreter].
public final class Cpu extends LinearMemory {
    /// Bytes of the address space reservation that a processor takes.
    public static final long MEMORY = SIZE + 4096;

    public final GuestFault fault = new GuestFault();

    /// Linear address of the page fault that is being raised; CR2 once it is delivered.
    public long faultAddress;

    /// ES CS SS DS FS GS.
    public final Segment[] segments = new Segment[6];

    public final Segment ldtr = new Segment();
    public final Segment tr = new Segment();
    public final DescriptorTable gdtr = new DescriptorTable();
    public final DescriptorTable idtr = new DescriptorTable();

    public long cr0;
    public long cr2;
    public long cr3;
    public long cr4;
    public long efer;
    public long xcr0 = ControlBits.XCR0_X87;

    /// The four page-directory-pointer entries of PAE paging, loaded with CR3.
    public final long[] pdpte = new long[4];

    /// Current privilege level: 0 in real-address mode, 3 in virtual-8086 mode.
    public int cpl;

    /// See [Modes].
    public int mode;

    /// Bits of RSP that the stack uses: 16, 32 or all.
    public long stackMask;

    public Activity activity = Activity.ACTIVE;

    /// Events are held back until one more instruction is complete: after STI, and after a load of
    /// SS, which holds back debug exceptions as well.
    public boolean blockedBySti;

    public boolean blockedByMovSs;

    /// The current instruction is the only one of its block, so that what it leaves behind comes
    /// directly after it.
    public boolean runsAlone;

    /// The next instruction must be the only one of its block.
    boolean nextRunsAlone;

    /// What held events back when the current instruction began, as bits of
    /// [nestbox.x86.vmx.Interruptibility]. A VM exit of the instruction reports it.
    public int heldBack;

    /// A repeated string instruction has given way before its last iteration: what is delivered
    /// now pushes RF set.
    public boolean betweenIterations;
    public boolean nmiBlocked;
    public boolean nmiPending;

    /// The processor looks at events before the next instruction.
    private boolean attention;

    private long sliceEnd;
    private boolean paused;

    public final MonitoredLine monitored = new MonitoredLine();

    public final Waiting waiting;

    private long randomState;

    public final Bus bus;
    public final int number;
    public final DebugRegisters debug;
    public final Mmu mmu;
    public final Segmentation segmentation;
    public final EventDelivery delivery;
    public final Msrs msrs;
    public final ControlRegisters controls;
    public final TimeStampCounter tsc;
    public final Fpu fpu;
    public final SseUnit sse;
    public final Vmx vmx;
    public final Features features;
    /// Set once by the board, before the processor runs.
    public InterruptController apic;

    private final Interpreter interpreter;

    /// @param number 0 for the bootstrap processor
    public Cpu(int number, Bus bus, Features features, Clock clock) {
        super(NativeSpace.allocate(MEMORY));
        this.number = number;
        randomState = number;
        this.bus = bus;
        this.features = features;
        for (int i = 0; i < segments.length; i++) {
            segments[i] = new Segment();
        }
        debug = new DebugRegisters(this);
        mmu = new Mmu(this, bus.memory(), bus.mmio(), bus.code(), features.physicalAddressBits());
        segmentation = new Segmentation(this);
        delivery = new EventDelivery(this);
        msrs = new Msrs(this);
        controls = new ControlRegisters(this);
        tsc = new TimeStampCounter(clock, features.tscHertz());
        waiting = new Waiting(this, clock);
        fpu = new Fpu(this);
        sse = new SseUnit(this);
        vmx = new Vmx(this, clock);
        interpreter = new Interpreter(this);
    }

    /// The state after power-up, RESET or INIT. SDM Vol. 3A, Table 10-1. (INIT spares some of it;
    /// see [#init].)
    public void reset() {
        apic.reset(true);
        NativeSpace.SPACE.asSlice(base + MXCSR, SIZE - MXCSR).fill((byte) 0);
        msrs.reset();
        tsc.reset();
        vmx.reset();
        cr4 = 0;
        xcr0 = ControlBits.XCR0_X87;
        set64(MXCSR, 0x1F80);
        set64(X87_CONTROL, 0x40);
        init();
        cr0 = ControlBits.CR0_CD | ControlBits.CR0_NW | ControlBits.CR0_ET;
        nmiPending = false;
        stateChanged();
    }

    /// The state after INIT: as after reset, but for caches, x87 and vector state and most MSRs.
    public void init() {
        apic.reset(false);
        for (int i = 0; i < 16; i++) {
            set64(8 * i, 0);
        }
        set64(ZERO, 0);
        set64(RDX, features.signature());
        rip(0xFFF0);
        set64(FLAGS_REST, RFlags.FIXED);
        statusFlags(0);
        for (Segment segment : segments) {
            segment.set(0, 0, 0xFFFF, Segment.REAL_MODE_RIGHTS);
        }
        segments[Insn.CS].set(0xF000, 0xFFFF_0000L, 0xFFFF, 0x9B);
        ldtr.set(0, 0, 0xFFFF, 0x82);
        tr.set(0, 0, 0xFFFF, 0x8B);
        gdtr.set(0, 0xFFFF);
        idtr.set(0, 0xFFFF);
        cr0 = cr0 & (ControlBits.CR0_CD | ControlBits.CR0_NW) | ControlBits.CR0_ET;
        cr2 = 0;
        cr3 = 0;
        cr4 = 0;
        efer = 0;
        cpl = 0;
        debug.reset();
        waiting.forget();
        activity = number == 0 ? Activity.ACTIVE : Activity.WAIT_FOR_SIPI;
        blockedBySti = false;
        blockedByMovSs = false;
        nmiBlocked = false;
        mmu.flushAll();
        mmu.switchTo(0);
        stateChanged();
    }

    /// A startup IPI: real-address mode at a page below 1 MiB.
    public void startup(int vector) {
        segments[Insn.CS].set(vector << 8, (long) vector << 12, 0xFFFF, 0x9B);
        rip(0);
        activity = Activity.ACTIVE;
        stateChanged();
        attention();
    }

    /// Gives the memory of state and TLBs back.
    public void close() {
        NativeSpace.free(base, MEMORY);
    }

    // Running

    /// Runs until so many instructions were retired, or the processor stops being active.
    public void run(long instructions) {
        sliceEnd = get64(EXECUTED) + instructions;
        attention = true;
        set64(STOP_AT, 0);
        interpreter.run();
    }

    /// Ends the current run before the next block at the latest after `instructions` more.
    public void limitSlice(long instructions) {
        sliceEnd = Math.min(sliceEnd, get64(EXECUTED) + instructions);
        if (!attention) {
            set64(STOP_AT, sliceEnd);
        }
    }

    /// Makes the processor look at events before the next block.
    public void attention() {
        attention = true;
        set64(STOP_AT, 0);
    }

    /// Lets time pass as if so many instructions had been retired, for one that does the work of
    /// many.
    public void spend(long instructions) {
        set64(EXECUTED, get64(EXECUTED) + instructions);
    }

    /// For an access that something may follow before the next instruction: leaves the block, to
    /// execute the instruction again as the only one of a block.
    ///
    /// @throws GuestFault unless it is that already
    public void requireAlone() {
        if (!runsAlone) {
            nextRunsAlone = true;
            throw fault.of(Restart.VECTOR, 0);
        }
    }

    /// PAUSE: another processor may be the one that this one waits for.
    public void pause() {
        paused = true;
        limitSlice(0);
        attention();
    }

    /// Whether the last run ended with PAUSE or MWAIT; reading it forgets it.
    public boolean takePaused() {
        boolean was = paused;
        paused = false;
        return was;
    }

    /// The next number for RDRAND and RDSEED: a fixed sequence, so that runs repeat.
    public long nextRandom() {
        randomState += 0x9E37_79B9_7F4A_7C15L;
        long z = randomState;
        z = (z ^ z >>> 30) * 0xBF58_476D_1CE4_E5B9L;
        z = (z ^ z >>> 27) * 0x94D0_49BB_1331_11EBL;
        return z ^ z >>> 31;
    }

    void clearAttention() {
        attention = false;
        set64(STOP_AT, sliceEnd);
    }

    /// Whether the current run has had its instructions.
    public boolean isSliceOver() {
        return get64(EXECUTED) >= sliceEnd;
    }

    /// Makes a software TLB the one in use.
    public void tlb(long[] entries) {
        tlb = entries;
    }

    @Override
    protected SlowMemory slow() {
        return mmu;
    }

    public long executed() {
        return get64(EXECUTED);
    }

    // Modes

    public boolean isProtected() {
        return (cr0 & ControlBits.CR0_PE) != 0;
    }

    public boolean isVirtual8086() {
        return (get64(FLAGS_REST) & RFlags.VM) != 0;
    }

    /// Real-address or virtual-8086 mode: segment bases are selectors × 16.
    public boolean isRealOrVirtual() {
        return !isProtected() || isVirtual8086();
    }

    /// IA-32e mode, 64-bit or compatibility.
    public boolean isLongMode() {
        return (efer & ControlBits.EFER_LMA) != 0;
    }

    public boolean isLongMode64() {
        return (mode & Modes.CODE_SIZE) == Modes.CODE_64;
    }

    /// Whether ES needs no segment check.
    public boolean isEsFlat() {
        return (mode & Modes.FLAT_DATA) != 0;
    }

    public int iopl() {
        return (int) (get64(FLAGS_REST) >>> 12) & 3;
    }

    /// To be called after any change of segment registers, CPL, CR0, CR4, EFER or EFLAGS.VM/AC:
    /// derives the mode word, the operands' segment bases and the TLB in use.
    public void stateChanged() {
        Segment cs = segments[Insn.CS];
        boolean code64 = isLongMode() && cs.isLong();
        int word;
        if (code64) {
            word = Modes.CODE_64 | Modes.FLAT_DATA | Modes.FLAT_CODE;
            stackMask = -1;
        } else {
            word = cs.isBig() ? Modes.CODE_32 : Modes.CODE_16;
            boolean flat =
                    segments[Insn.ES].isFlat()
                            && segments[Insn.SS].isFlat()
                            && segments[Insn.DS].isFlat();
            if (flat) {
                word |= Modes.FLAT_DATA;
            }
            if (cs.base == 0 && cs.limit == 0xFFFF_FFFFL) {
                word |= Modes.FLAT_CODE;
            }
            stackMask = segments[Insn.SS].isBig() ? 0xFFFF_FFFFL : 0xFFFF;
        }
        for (int i = 0; i < segments.length; i++) {
            boolean zero = code64 && i < Insn.FS;
            set64(SEGMENT_BASES + 8 * i, zero ? 0 : segments[i].base);
        }
        mode = vmx.isNonRoot() ? word | Modes.NON_ROOT : word;
        mmu.selectContext();
        updateSingleStep();
    }

    /// To be called when EFLAGS.TF or DR7 changed.
    public void updateSingleStep() {
        boolean single =
                (get64(FLAGS_REST) & RFlags.TF) != 0 || debug.isArmed() || vmx.events.isStepping();
        mode = single ? mode | Modes.SINGLE : mode & ~Modes.SINGLE;
        attention();
    }

    /// Sets all of RFLAGS, with what follows from it.
    public void rflags(long flags) {
        long old = get64(FLAGS_REST);
        long rest = flags & RFlags.ALL & ~RFlags.STATUS | RFlags.FIXED;
        statusFlags(flags);
        set64(FLAGS_REST, rest);
        long changed = old ^ rest;
        if ((changed & (RFlags.VM | RFlags.AC | RFlags.TF)) != 0) {
            stateChanged();
        }
        if ((changed & rest & RFlags.IF) != 0 || (rest & RFlags.VIP) != 0) {
            attention();
        }
    }

    // Faults

    /// The exception to throw.
    public GuestFault fault(int vector, int errorCode) {
        return fault.of(vector, errorCode);
    }

    public GuestFault undefined() {
        return fault.of(Vector.UD, 0);
    }

    public GuestFault generalProtection() {
        return fault.of(Vector.GP, 0);
    }

    // Operands

    public long effectiveAddress(Insn insn) {
        return get64(insn.baseRegister)
                        + (get64(insn.indexRegister) << insn.scale)
                        + insn.displacement
                & insn.addressMask;
    }

    /// Linear address of the memory operand, after the segment checks.
    public long linear(Insn insn, int width, boolean write) {
        long offset = effectiveAddress(insn);
        if (insn.flat) {
            return offset + get64(SEGMENT_BASES + 8 * insn.segment);
        }
        return segmentation.linear(insn.segment, offset, width, write);
    }

    /// Linear address of an offset in a segment, after the segment checks.
    ///
    /// @param flat [Insn#flat]
    public long linear(int segment, boolean flat, long offset, int width, boolean write) {
        return flat
                ? offset + get64(SEGMENT_BASES + 8 * segment)
                : segmentation.linear(segment, offset, width, write);
    }

    /// Reads the memory operand.
    ///
    /// @param width 1, 2, 4 or 8 bytes
    /// @return the value, zero-extended
    public long load(Insn insn, int width) {
        return read(insn.segment, linear(insn, width, false), width);
    }

    /// Writes the memory operand.
    public void store(Insn insn, int width, long value) {
        write(insn.segment, linear(insn, width, true), width, value);
    }

    /// Reads the ModRM operand, a general register or memory.
    ///
    /// @param register the register's offset if it is one: [Insn#source] or [Insn#destination]
    public long loadRm(Insn insn, int register, int width) {
        return insn.isMemory ? load(insn, width) : get(register, width);
    }

    /// Writes the ModRM operand, a general register or memory.
    public void storeRm(Insn insn, int register, int width, long value) {
        if (insn.isMemory) {
            store(insn, width, value);
        } else {
            set(register, width, value);
        }
    }

    /// Where to read the ModRM operand of a vector instruction: the vector register itself, or a
    /// copy of the memory operand, as an offset in the address space reservation.
    ///
    /// @param bytes 1, 2, 4, 8 or 16
    /// @param aligned whether 16-byte memory operands must be aligned, else #GP(0)
    public long vectorSource(Insn insn, int bytes, boolean aligned) {
        return insn.isMemory ? loadToScratch(insn, bytes, aligned) : vector(insn.rm);
    }

    /// Like [#vectorSource] for an MMX register.
    public long mmxSource(Insn insn, int bytes) {
        return insn.isMemory ? loadToScratch(insn, bytes, false) : x87Register(insn.rm & 7);
    }

    private long loadToScratch(Insn insn, int bytes, boolean aligned) {
        long linear = linear(insn, bytes, false);
        long scratch = base + SCRATCH;
        if (bytes <= 8) {
            NativeSpace.SPACE.set(
                    NativeSpace.I64, base + SCRATCH, read(insn.segment, linear, bytes));
            return scratch;
        }
        if (aligned && (linear & 15) != 0) {
            throw generalProtection();
        }
        long low = read64(insn.segment, linear);
        NativeSpace.SPACE.set(
                NativeSpace.I64, base + SCRATCH + 8, read64(insn.segment, linear + 8));
        NativeSpace.SPACE.set(NativeSpace.I64, base + SCRATCH, low);
        return scratch;
    }

    /// Writes 16 bytes from a place in the address space reservation to the memory operand.
    public void storeVector(Insn insn, long from, boolean aligned) {
        long linear = linear(insn, 16, true);
        if (aligned && (linear & 15) != 0) {
            throw generalProtection();
        }
        if ((linear & 4095) > 4096 - 16) {
            mmu.checkWritable(insn.segment, linear, 16);
        }
        write64(insn.segment, linear, NativeSpace.SPACE.get(NativeSpace.I64, from));
        write64(insn.segment, linear + 8, NativeSpace.SPACE.get(NativeSpace.I64, from + 8));
    }

    /// Reads an operand that will be written: its faults are those of the write, which can't fault
    /// any more afterwards.
    public long readForWrite(int segment, long linear, int width) {
        return writable(segment, linear, width) >= 0
                ? read(segment, linear, width)
                : mmu.readForWrite(segment, linear, width);
    }

    /// Checks that a range may be written, before any of it is.
    public void checkWritable(int segment, long linear, int length) {
        if (writable(segment, linear, length) < 0) {
            mmu.checkWritable(segment, linear, length);
        }
    }

    // Stack

    /// Linear address of a place on the stack, after the segment check.
    public long stackLinear(long offset, int width, boolean write) {
        if ((mode & Modes.FLAT_DATA) != 0) {
            return offset & stackMask;
        }
        return segmentation.linear(Insn.SS, offset & stackMask, width, write);
    }

    /// Sets the bits of RSP that the stack uses.
    public void rsp(long value) {
        if (stackMask == 0xFFFF) {
            set16(RSP, (int) value);
        } else {
            set64(RSP, value & stackMask);
        }
    }

    public void push(int width, long value) {
        long top = get64(RSP) - width;
        write(Insn.SS, stackLinear(top, width, true), width, value);
        rsp(top);
    }

    public long pop(int width) {
        long top = get64(RSP);
        long value = read(Insn.SS, stackLinear(top, width, false), width);
        rsp(top + width);
        return value;
    }
}
