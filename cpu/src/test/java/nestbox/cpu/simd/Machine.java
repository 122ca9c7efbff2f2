package nestbox.cpu.simd;

import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.I8;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.BareModel;
import nestbox.cpu.core.BlockCache;
import nestbox.cpu.core.Bus;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.NoInterrupts;
import nestbox.cpu.core.Segment;
import nestbox.cpu.decode.Decoder;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.NativeSpace;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;
import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;
import nestbox.x86.OpcodeRow;
import nestbox.x86.OpcodeRow.Mandatory;

import java.io.ByteArrayOutputStream;
import java.util.EnumSet;
import java.util.OptionalInt;
import java.util.Set;

/// A processor in 64-bit mode that executes one instruction at a time, with a fault as the result
/// instead of its delivery.
///
/// The first 2 MiB are mapped to themselves, page by page, so that tests can take pages away.
final class Machine {
    /// A page for memory operands; the next one belongs to it, and the one after is not present.
    static final long DATA = 0x1_0000;

    static final long NOT_PRESENT = DATA + 0x2000;

    private static final long PAGE_TABLES = 0x8000;
    private static final long PRESENT_WRITABLE = 3;

    final Cpu cpu;
    final GuestMemory memory = new GuestMemory(16L << 20);
    final Set<Cpuid> features = EnumSet.allOf(Cpuid.class);
    private final Decoder decoder = new Decoder();
    private final long code = NativeSpace.allocate(4096);

    Machine() {
        Bus bus = new Bus(memory, new MmioSpace(), new PortSpace(), new BlockCache(memory));
        cpu = new Cpu(0, bus, new BareModel(features), new VirtualClock());
        cpu.apic = new NoInterrupts();
        for (long table = 0; table < 3; table++) {
            long next = PAGE_TABLES + 0x1000 * (table + 1);
            memory.writeLong(PAGE_TABLES + 0x1000 * table, next | PRESENT_WRITABLE);
        }
        for (long page = 0; page < 512; page++) {
            long entry = PAGE_TABLES + 0x3000 + 8 * page;
            boolean present = page != NOT_PRESENT >> 12;
            memory.writeLong(entry, present ? page << 12 | PRESENT_WRITABLE : 0);
        }
        cpu.segments[Insn.CS].set(8, 0, 0xFFFF_FFFFL, 0xA09B);
        for (Segment segment : cpu.segments) {
            if (segment != cpu.segments[Insn.CS]) {
                segment.set(16, 0, 0xFFFF_FFFFL, 0xC093);
            }
        }
        cpu.cr0 = ControlBits.CR0_PE | ControlBits.CR0_PG | ControlBits.CR0_ET | ControlBits.CR0_NE;
        cpu.cr4 = ControlBits.CR4_PAE | ControlBits.CR4_OSFXSR;
        cpu.cr3 = PAGE_TABLES;
        cpu.efer = ControlBits.EFER_LME | ControlBits.EFER_LMA;
        cpu.mmu.flushAll();
        cpu.stateChanged();
    }

    void close() {
        cpu.close();
        memory.close();
        NativeSpace.free(code, 4096);
    }

    /// Executes one instruction.
    ///
    /// @return the vector of its fault
    OptionalInt execute(byte... bytes) {
        for (int i = 0; i < bytes.length; i++) {
            SPACE.set(I8, code + i, bytes[i]);
        }
        Insn insn = decoder.decode(code, bytes.length, 0, cpu.mode);
        try {
            insn.handler.execute(cpu, insn);
            return OptionalInt.empty();
        } catch (GuestFault fault) {
            return OptionalInt.of(fault.vector());
        }
    }

    OptionalInt execute(int... bytes) {
        byte[] narrow = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            narrow[i] = (byte) bytes[i];
        }
        return execute(narrow);
    }

    /// Bytes of a row's encoding without REX.
    static byte[] encode(OpcodeRow row, int modRm, int immediate) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        if (row.mandatory() != Mandatory.NONE) {
            bytes.write(prefix(row.mandatory()));
        }
        bytes.write(0x0F);
        if (row.map() > 1) {
            bytes.write(row.map() == 2 ? 0x38 : 0x3A);
        }
        bytes.write(row.opcode());
        if (row.hasModRm()) {
            bytes.write(row.extension() < 0 ? modRm : modRm & ~0x38 | row.extension() << 3);
        }
        bytes.write(immediate);
        return bytes.toByteArray();
    }

    private static int prefix(Mandatory mandatory) {
        return switch (mandatory) {
            case P66 -> 0x66;
            case PF3 -> 0xF3;
            case PF2 -> 0xF2;
            case ANY, NO_REP, NONE -> throw new IllegalArgumentException(mandatory.name());
        };
    }

    byte[] xmm(int number) {
        return Operands.bytes(cpu.vector(number), 16);
    }

    void xmm(int number, long low, long high) {
        SPACE.set(I64, cpu.vector(number), low);
        SPACE.set(I64, cpu.vector(number) + 8, high);
    }

    long mm(int number) {
        return SPACE.get(I64, cpu.x87Register(number));
    }

    void mm(int number, long value) {
        SPACE.set(I64, cpu.x87Register(number), value);
    }
}
