package nestbox.conformance.oracle;

import nestbox.cpu.core.BareModel;
import nestbox.cpu.core.BlockCache;
import nestbox.cpu.core.Bus;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.NoInterrupts;
import nestbox.cpu.core.StateBlock;
import nestbox.cpu.model.Implemented;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.NativeSpace;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;
import nestbox.x86.ControlBits;
import nestbox.x86.Vector;
import nestbox.x86.vmx.Activity;

import java.util.Arrays;

/// Our processor, at CPL 3 in IA-32e mode with paging, as a program under Linux finds its own.
final class InterpretedProcessor implements Engine {
    private static final long LIMIT = 100_000;
    private static final int USER_CODE_RIGHTS = 0xA0FB;
    private static final int USER_CODE32_RIGHTS = 0xC0FB;
    private static final int USER_DATA_RIGHTS = 0xC0F3;
    private static final int BUSY_TSS_RIGHTS = 0x8B;
    private static final long ALL = 0xFFFF_FFFFL;

    private final GuestMemory memory = new GuestMemory(AddressMap.RAM);
    private final Cpu cpu;
    private final byte[] filler = new byte[State.INSTRUCTION_LIMIT];
    private final byte[] data = new byte[Layout.DATA_SIZE];

    InterpretedProcessor() {
        AddressMap.build(memory);
        BlockCache code = new BlockCache(memory);
        Bus bus = new Bus(memory, new MmioSpace(), new PortSpace(), code);
        cpu = new Cpu(0, bus, new BareModel(Implemented.FEATURES), new VirtualClock());
        cpu.apic = new NoInterrupts();
        Arrays.fill(filler, Layout.INT3);
        enterLongMode();
    }

    private void enterLongMode() {
        cpu.cr0 =
                ControlBits.CR0_PE
                        | ControlBits.CR0_MP
                        | ControlBits.CR0_ET
                        | ControlBits.CR0_NE
                        | ControlBits.CR0_WP
                        | ControlBits.CR0_AM
                        | ControlBits.CR0_PG;
        cpu.cr3 = AddressMap.ROOT;
        cpu.cr4 =
                ControlBits.CR4_PAE
                        | ControlBits.CR4_OSFXSR
                        | ControlBits.CR4_OSXMMEXCPT
                        | ControlBits.CR4_FSGSBASE
                        | ControlBits.CR4_OSXSAVE;
        cpu.xcr0 = ControlBits.XCR0_X87 | ControlBits.XCR0_SSE;
        cpu.efer =
                ControlBits.EFER_LME
                        | ControlBits.EFER_LMA
                        | ControlBits.EFER_NXE
                        | ControlBits.EFER_SCE;
        cpu.gdtr.set(AddressMap.KERNEL + AddressMap.GDT, AddressMap.GDT_LIMIT);
        cpu.idtr.set(AddressMap.KERNEL + AddressMap.IDT, AddressMap.IDT_LIMIT);
        long tss = AddressMap.KERNEL + AddressMap.TSS;
        cpu.tr.set(AddressMap.TASK, tss, AddressMap.TSS_LIMIT, BUSY_TSS_RIGHTS);
        cpu.ldtr.setNull(0);
    }

    @Override
    public State run(Case test) {
        State before = test.before();
        loadMemory(before);
        loadRegisters(before);
        loadFloatingPoint(before);
        cpu.activity = Activity.ACTIVE;
        for (long end = cpu.executed() + LIMIT; isRunning() && cpu.executed() < end; ) {
            cpu.run(LIMIT); // It also returns after PAUSE.
        }
        State after = new State();
        saveOutcome(after);
        saveRegisters(after);
        saveFloatingPoint(after);
        saveMemory(after);
        writeCode(before.rip(), filler);
        return after;
    }

    private boolean isRunning() {
        return cpu.activity == Activity.ACTIVE;
    }

    private void loadMemory(State before) {
        writeCode(before.rip(), before.instruction());
        for (Layout.Window window : Layout.windows()) {
            for (int i = 0; i < window.size(); i++) {
                data[(int) (window.address() - Layout.DATA) + i] =
                        before.memory(window.offset() + i);
            }
        }
        memory.write(AddressMap.DATA, data, 0, data.length);
        Arrays.fill(data, (byte) 0);
    }

    private void writeCode(long rip, byte[] bytes) {
        int offset = (int) (rip - Layout.CODE);
        int length = Math.min(bytes.length, Layout.PAGE - offset);
        memory.write(AddressMap.CODE + offset, bytes, 0, length);
    }

    private void saveMemory(State after) {
        memory.read(AddressMap.DATA, data, 0, data.length);
        for (Layout.Window window : Layout.windows()) {
            for (int i = 0; i < window.size(); i++) {
                int at = (int) (window.address() - Layout.DATA) + i;
                after.memory(window.offset() + i, data[at]);
                data[at] = 0;
            }
        }
        boolean stray = false;
        for (int i = 0; i < data.length; i++) {
            stray |= data[i] != 0;
            data[i] = 0;
        }
        after.strayWrite(stray);
    }

    private void loadRegisters(State before) {
        for (int i = 0; i < 16; i++) {
            cpu.set64(8 * i, before.gpr(i));
        }
        cpu.rip(before.rip());
        cpu.cpl = 3;
        for (int i : new int[] {Insn.ES, Insn.DS}) {
            if (before.code32()) {
                cpu.segments[i].set(Layout.DATA_SELECTOR, 0, ALL, USER_DATA_RIGHTS);
            } else {
                cpu.segments[i].setNull(0);
            }
        }
        if (before.code32()) {
            cpu.segments[Insn.CS].set(Layout.CODE32_SELECTOR, 0, ALL, USER_CODE32_RIGHTS);
        } else {
            cpu.segments[Insn.CS].set(Layout.CODE_SELECTOR, 0, ALL, USER_CODE_RIGHTS);
        }
        cpu.segments[Insn.SS].set(Layout.DATA_SELECTOR, 0, ALL, USER_DATA_RIGHTS);
        cpu.segments[Insn.FS].setNull(0);
        cpu.segments[Insn.FS].base = before.fsBase();
        cpu.segments[Insn.GS].setNull(0);
        cpu.segments[Insn.GS].base = before.gsBase();
        cpu.cr2 = 0;
        cpu.rflags(before.rflags());
        cpu.stateChanged();
    }

    private void saveOutcome(State after) {
        int vector = AddressMap.vector(cpu.rip());
        if (cpu.activity != Activity.HLT || vector < 0 || vector > 255) {
            after.outcome(State.TIMED_OUT, 0, 0);
            return;
        }
        int size = Vector.hasErrorCode(vector) ? 48 : 40;
        long frame = AddressMap.STACK_TOP - size;
        int error = size == 48 ? memory.readInt(frame) : 0;
        after.outcome(vector, error, vector == Vector.PF ? cpu.cr2 : 0);
        long rip = AddressMap.STACK_TOP - 40;
        after.rip(memory.readLong(rip));
        after.rflags(memory.readLong(rip + 16));
        after.gpr(Encoding.RSP, memory.readLong(rip + 24));
    }

    private void saveRegisters(State after) {
        for (int i = 0; i < 16; i++) {
            if (i != Encoding.RSP) {
                after.gpr(i, cpu.get64(8 * i));
            }
        }
        after.fsBase(cpu.segments[Insn.FS].base);
        after.gsBase(cpu.segments[Insn.GS].base);
    }

    private void loadFloatingPoint(State before) {
        cpu.set64(StateBlock.X87_CONTROL, before.fcw());
        cpu.set64(StateBlock.X87_STATUS, before.fsw());
        cpu.set64(StateBlock.X87_TAGS, before.ftw());
        cpu.set64(StateBlock.MXCSR, before.mxcsr());
        for (int i = 0; i < 8; i++) {
            long register = cpu.x87Register(i + (before.fsw() >> 11) & 7);
            set(register, before.significand(i));
            set(register + 8, before.signExponent(i));
        }
        for (int i = 0; i < 16; i++) {
            set(cpu.vector(i), before.xmm(i, 0));
            set(cpu.vector(i) + 8, before.xmm(i, 1));
        }
    }

    private void saveFloatingPoint(State after) {
        after.fcw(cpu.get16(StateBlock.X87_CONTROL));
        after.fsw(cpu.get16(StateBlock.X87_STATUS));
        after.ftw(cpu.get8(StateBlock.X87_TAGS));
        after.mxcsr(cpu.get32(StateBlock.MXCSR));
        for (int i = 0; i < 8; i++) {
            long register = cpu.x87Register(i + (after.fsw() >> 11) & 7);
            after.st(i, (int) get(register + 8) & 0xFFFF, get(register));
        }
        for (int i = 0; i < 16; i++) {
            after.xmm(i, 0, get(cpu.vector(i)));
            after.xmm(i, 1, get(cpu.vector(i) + 8));
        }
    }

    private static long get(long at) {
        return NativeSpace.SPACE.get(NativeSpace.I64, at);
    }

    private static void set(long at, long value) {
        NativeSpace.SPACE.set(NativeSpace.I64, at, value);
    }

    @Override
    public void close() {
        memory.close();
    }
}
