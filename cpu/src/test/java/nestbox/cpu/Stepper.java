package nestbox.cpu;

import static nestbox.platform.NativeSpace.I8;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.cpu.decode.Decoder;
import nestbox.cpu.model.CpuModel;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.NativeSpace;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;
import nestbox.x86.ControlBits;

import java.util.HexFormat;

/// A processor whose instructions are decoded and executed one by one, without delivering what they
/// raise. It runs flat 32-bit code at CPL 0, or 64-bit code if asked to.
public final class Stepper implements AutoCloseable {
    public static final int NO_FAULT = -2;
    private static final long PAGE_TABLES = 0x10_0000;
    private static final long RAM = 8 << 20;

    @SuppressWarnings("exports") // tests are not a module of their own
    public final Cpu cpu;

    public final GuestMemory memory = new GuestMemory(RAM);
    public final Processors processors;
    private final long code = NativeSpace.allocate(4096);
    private final Decoder decoder = new Decoder();

    public Stepper(boolean longMode) {
        processors =
                new Processors(
                        1,
                        CpuModel.server(),
                        memory,
                        new MmioSpace(),
                        new PortSpace(),
                        new VirtualClock());
        cpu = processors.bootstrap().cpu();
        // Identity-mapped by one page of 1 GiB.
        memory.writeLong(PAGE_TABLES, PAGE_TABLES + 0x1000 | 3);
        memory.writeLong(PAGE_TABLES + 0x1000, 0x83);
        StartState start = new StartState(longMode, 0x1000, 0, 0, 0, PAGE_TABLES, 0, 0, 8, 16);
        processors.bootstrap().start(start);
        cpu.cr4 |= ControlBits.CR4_OSFXSR | ControlBits.CR4_OSXMMEXCPT | ControlBits.CR4_OSXSAVE;
        cpu.stateChanged();
        cpu.fpu.initialize();
    }

    /// Executes instructions given as hexadecimal bytes.
    ///
    /// @return the vector of the fault that ended them, or NO_FAULT
    public int run(String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
        for (int i = 0; i < bytes.length; i++) {
            SPACE.set(I8, code + i, bytes[i]);
        }
        int at = 0;
        while (at < bytes.length) {
            Insn insn = decoder.decode(code + at, bytes.length - at, at, cpu.mode);
            try {
                insn.handler.execute(cpu, insn);
            } catch (GuestFault fault) {
                return fault.vector();
            }
            at = insn.end;
        }
        return NO_FAULT;
    }

    @Override
    public void close() {
        processors.close();
        memory.close();
        NativeSpace.free(code, 4096);
    }
}
