package nestbox.hypervisor.emulate;

import static nestbox.x86.vmx.VmcsField.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.hypervisor.emulate.GuestMachine.Mode;
import nestbox.platform.PortIo;
import nestbox.x86.Alu;
import nestbox.x86.Bits;
import nestbox.x86.ControlBits;
import nestbox.x86.Move;
import nestbox.x86.Op;
import nestbox.x86.OpcodeMap;
import nestbox.x86.OpcodeRow;
import nestbox.x86.OpcodeRow.Mandatory;
import nestbox.x86.OpcodeRow.Size64;
import nestbox.x86.Operand;
import nestbox.x86.Operand.Place;
import nestbox.x86.RFlags;
import nestbox.x86.StringOp;
import nestbox.x86.Vector;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.PrimaryControl;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.function.Function;

/// An instruction whose operands L0 emulates does what the processor does with operands in RAM.
class InstructionEmulatorTest {
    private static final long SEED = 0x5EED_0016;
    private static final int CASES = 1000;
    private static final int GENERAL_REGISTERS = 16;
    private static final String VMCALL = "VMCALL";
    private static final List<OpcodeRow> ROWS =
            OpcodeMap.rows().stream().filter(InstructionEmulatorTest::isEmulated).toList();

    private static boolean isEmulated(OpcodeRow row) {
        Set<Op> others =
                Set.of(
                        Alu.MUL,
                        Alu.IMUL1,
                        Alu.IMUL,
                        Alu.DIV,
                        Alu.IDIV,
                        Bits.BSF,
                        Bits.BSR,
                        Bits.POPCNT,
                        Bits.BSWAP,
                        Move.NOP,
                        Move.PREFETCH,
                        Move.LEA,
                        Move.LOAD_FAR,
                        Move.BOUND,
                        Move.ARPL,
                        Move.MOV_TO_SREG);
        boolean family =
                row.op() instanceof Alu || row.op() instanceof Bits || row.op() instanceof Move;
        boolean inMemory =
                row.mod() != OpcodeRow.Mod.REGISTER
                        && row.operands().stream()
                                .map(Operand::place)
                                .anyMatch(Set.of(Place.RM, Place.MEMORY, Place.OFFSET)::contains);
        boolean string = row.op() instanceof StringOp op && op.compareTo(StringOp.INS) < 0;
        return family && inMemory && !others.contains(row.op()) || string;
    }

    /// What an instruction left behind.
    private record Outcome(String end, long[] registers, long flags, long rip, byte[] memory) {
        @Override
        public String toString() {
            StringBuilder text = new StringBuilder(end);
            for (int i = 0; i < registers.length; i++) {
                text.append("\n r%d=%016x".formatted(i, registers[i]));
            }
            text.append("\n flags=%x rip=%x".formatted(flags, rip));
            text.append(" memory %08x".formatted(Arrays.hashCode(memory)));
            return text.toString();
        }
    }

    /// The guest's state before an instruction.
    private record Case(
            Mode mode,
            int cpl,
            byte[] code,
            boolean string,
            long offset,
            long random,
            int hidden) {}

    private final GuestMachine machine = new GuestMachine();
    private long emulated;
    private Function<InstructionEmulator, Emulated> emulator = InstructionEmulator::emulate;
    private Optional<Attempts<Wanted>> later = Optional.empty();
    private long waits;
    private boolean trapsPorts;
    private int portAccesses;

    /// As if accesses outside RAM had to wait for somebody else.
    @ParameterizedTest
    @EnumSource(Mode.class)
    void doesTheSameInSeveralAttempts(Mode mode) {
        Attempts<Wanted> attempts = new Attempts<>();
        emulator = instructions -> inAttempts(attempts, instructions);
        later = Optional.of(attempts);
        doesWhatTheProcessorDoes(mode);
        assertThat(waits).isGreaterThan(emulated);
    }

    /// Across the end of RAM, where only a part of the operand has to wait.
    @ParameterizedTest
    @ValueSource(strings = {"0103", "480103", "F00FC10B", "0FC70B", "FF33", "488703", "8F03"})
    void whatIsHalfDoneIsTakenBack(String instruction) {
        Attempts<Wanted> attempts = new Attempts<>();
        emulator = instructions -> inAttempts(attempts, instructions);
        try (machine) {
            for (int i = 0; i < 64; i++) {
                // MOV RBX, address; the instruction; VMCALL.
                String address =
                        "%02X%02X000000000000".formatted(0xF8 + i % 8, i / 8 % 2 << 4 | 0xF);
                byte[] code = HexFormat.of().parseHex("48BB" + address + instruction + "0F01C1");
                int hidden = 1 + i / 16 % 2;
                Case each = new Case(Mode.LONG, 0, code, false, GuestMachine.CODE, i, hidden);
                later = Optional.empty();
                Outcome expected = run(each, 0);
                later = Optional.of(attempts);
                Outcome actual = run(each, hidden);
                assertThat(actual.toString())
                        .as("%s, %s", instruction, each)
                        .isEqualTo(expected.toString());
                assertThat(actual.memory)
                        .as("%s, %s", instruction, each)
                        .isEqualTo(expected.memory);
            }
        }
        assertThat(waits).isPositive();
    }

    private Emulated inAttempts(Attempts<Wanted> attempts, InstructionEmulator instructions) {
        attempts.done();
        while (true) {
            attempts.begin();
            try {
                return instructions.emulate();
            } catch (Attempts.Unanswered _) {
                Wanted wanted = attempts.asked();
                waits++;
                attempts.answer(wanted.write ? 0 : device(wanted));
                if (wanted.write) {
                    put(wanted.at, wanted.width, wanted.value);
                }
            }
        }
    }

    /// An access that somebody else makes.
    ///
    /// @param at physical address on the board
    private record Wanted(long at, int width, boolean write, long value) {}

    private long device(Wanted wanted) {
        long value = 0;
        for (int i = 0; i < wanted.width; i++) {
            value |= (long) machine.memory.readByte(wanted.at + i) << 8 * i;
        }
        return value;
    }

    private void put(long at, int width, long value) {
        for (int i = 0; i < width; i++) {
            machine.memory.writeByte(at + i, (int) (value >>> 8 * i));
        }
    }

    @ParameterizedTest
    @EnumSource(Mode.class)
    void doesWhatTheProcessorDoes(Mode mode) {
        SplittableRandom random = new SplittableRandom(SEED + mode.ordinal());
        System.out.printf("%s: seed %x%n", mode, SEED + mode.ordinal());
        Set<String> seen = new TreeSet<>();
        try (machine) {
            for (int i = 0; i < CASES; i++) {
                Case instruction = random(mode, row(mode, random), random);
                Outcome expected = run(instruction, 0);
                long before = emulated;
                Outcome actual = run(instruction, instruction.hidden);
                assertThat(actual.toString())
                        .as("case %d %s", i, HexFormat.of().formatHex(instruction.code))
                        .isEqualTo(expected.toString());
                assertThat(actual.memory).as("case %d", i).isEqualTo(expected.memory);
                if (emulated != before) {
                    seen.add(expected.end);
                }
            }
        }
        // Most cases get as far as the emulator, and both ends are seen.
        assertThat(emulated).isGreaterThan(CASES / 3);
        assertThat(seen).contains(VMCALL);
    }

    // One case

    private Outcome run(Case instruction, int hidden) {
        SplittableRandom random = new SplittableRandom(instruction.random);
        machine.clear();
        machine.mode(instruction.mode, instruction.cpl);
        if (trapsPorts) {
            machine.set(PrimaryControl.UNCONDITIONAL_IO_EXITING);
        }
        machine.pageTables(instruction.mode);
        fillData(random);
        byte[] code = instruction.code;
        machine.memory.write(GuestMachine.MEMORY + instruction.offset, code, 0, code.length);
        registers(instruction, random);
        machine.hideData(hidden);
        long base = instruction.mode.codeSize == 2 ? GuestMachine.CODE : 0;
        machine.root.vmwrite(GUEST_RIP, instruction.offset - base);
        GuestState guest = new GuestState(machine.root);
        GuestLinear linear = new GuestLinear(guest, machine.memory, new Aliased(hidden));
        InstructionEmulator instructions = new InstructionEmulator(linear);
        List<String> raised = new ArrayList<>();
        machine.run(reason -> resume(reason, guest, instructions, raised));
        return outcome(guest, raised);
    }

    private boolean resume(
            ExitReason reason,
            GuestState guest,
            InstructionEmulator instructions,
            List<String> raised) {
        if (reason != ExitReason.EPT_VIOLATION && reason != ExitReason.IO_INSTRUCTION) {
            return false;
        }
        emulated++;
        try {
            switch (emulator.apply(instructions)) {
                case Emulated.Completed(int length) -> {
                    long mask = guest.is64Bit() ? -1 : 0xFFFF_FFFFL;
                    guest.write(GUEST_RIP, guest.read(GUEST_RIP) + length & mask);
                    guest.write(GUEST_RFLAGS, guest.flags() & ~RFlags.RF);
                }
                case Emulated.Interrupted() -> {}
                case Emulated.Unsupported(String text) -> throw new AssertionError(text);
            }
            return true;
        } catch (GuestException exception) {
            raised.add(end(exception.vector(), exception.errorCode(), exception.address()));
            return false;
        }
    }

    private Outcome outcome(GuestState guest, List<String> raised) {
        String end = VMCALL;
        if (!raised.isEmpty()) {
            end = raised.getFirst();
        } else if (guest.read(EXIT_REASON) == ExitReason.EXCEPTION_OR_NMI.number()) {
            int vector = (int) guest.read(EXIT_INTERRUPTION_INFORMATION) & 0xFF;
            int error =
                    Vector.hasErrorCode(vector)
                            ? (int) guest.read(EXIT_INTERRUPTION_ERROR_CODE)
                            : 0;
            end = end(vector, error, vector == Vector.PF ? guest.read(EXIT_QUALIFICATION) : 0);
        }
        long[] registers = new long[GENERAL_REGISTERS];
        Arrays.setAll(registers, guest::register);
        long flags = guest.flags() & ~RFlags.RF;
        // An instruction that faults may have set accessed flags, or not.
        boolean tables = end.equals(VMCALL);
        return new Outcome(end, registers, flags, guest.read(GUEST_RIP), machine.contents(tables));
    }

    private static String end(int vector, int errorCode, long address) {
        return "%s(%x) %x".formatted(Vector.name(vector), errorCode, address);
    }

    /// The aliased memory, with some of its data outside RAM.
    private final class Aliased implements GuestPhysical {
        private final int hidden;

        Aliased(int hidden) {
            this.hidden = hidden;
        }

        @Override
        public long ram(long address, boolean write) {
            long page = GuestMachine.host(address);
            boolean isHidden =
                    GuestMachine.isData(page)
                            && (hidden >> (page - GuestMachine.DATA) / GuestMachine.PAGE & 1) != 0;
            return isHidden ? NOT_RAM : page + (address & GuestMachine.PAGE - 1);
        }

        @Override
        public long read(long address, int width) {
            Wanted wanted = new Wanted(place(address, width), width, false, 0);
            return later.map(each -> each.access(wanted)).orElseGet(() -> device(wanted));
        }

        @Override
        public void write(long address, int width, long value) {
            long at = place(address, width);
            later.ifPresentOrElse(
                    each -> each.access(new Wanted(at, width, true, value)),
                    () -> put(at, width, value));
        }

        @Override
        public void iterated() {
            later.ifPresent(Attempts::done);
        }

        private long place(long address, int width) {
            long offset = address & GuestMachine.PAGE - 1;
            assertThat(width).isIn(1, 2, 4, 8);
            assertThat(offset + width).isLessThanOrEqualTo(GuestMachine.PAGE);
            assertThat(ram(address, true)).isEqualTo(NOT_RAM);
            return GuestMachine.host(address) + offset;
        }
    }

    // Random cases

    private static OpcodeRow row(Mode mode, SplittableRandom random) {
        OpcodeRow row = ROWS.get(random.nextInt(ROWS.size()));
        while (mode == Mode.LONG ? row.isInvalidIn64() : row.isOnly64()) {
            row = ROWS.get(random.nextInt(ROWS.size()));
        }
        return row;
    }

    private static Case random(Mode mode, OpcodeRow row, SplittableRandom random) {
        int cpl = mode == Mode.REAL || random.nextBoolean() ? 0 : 3;
        byte[] code = encode(row, mode.codeSize, random);
        boolean nearEnd = random.nextInt(8) == 0;
        long offset = GuestMachine.CODE + (nearEnd ? 0xFF1 : 0) + random.nextInt(16);
        boolean string = row.op() instanceof StringOp;
        int hidden = 1 + random.nextInt(3);
        return new Case(mode, cpl, code, string, offset, random.nextLong(), hidden);
    }

    private void fillData(SplittableRandom random) {
        byte[] data = new byte[(int) (2 * GuestMachine.PAGE)];
        int every = random.nextInt(4) == 0 ? random.nextInt(256) : -1;
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) (every >= 0 ? every : random.nextInt(256));
        }
        machine.memory.write(GuestMachine.DATA, data, 0, data.length);
        for (int register : new int[] {GuestState.RAX, GuestState.RDX}) {
            long value = every >= 0 ? every * 0x0101_0101_0101_0101L : random.nextLong();
            machine.root.register(register, value);
        }
    }

    private void registers(Case instruction, SplittableRandom random) {
        GuestState guest = new GuestState(machine.root);
        for (int i = 0; i < GENERAL_REGISTERS; i++) {
            boolean kept = i == GuestState.RAX || i == GuestState.RDX;
            if (!kept || random.nextInt(4) == 0) {
                guest.register(i, randomAddress(random));
            }
        }
        if (instruction.string) {
            guest.register(GuestState.RCX, random.nextInt(600));
        }
        long flags =
                RFlags.FIXED
                        | RFlags.IOPL
                        | random.nextLong() & (RFlags.STATUS | RFlags.DF | RFlags.AC);
        guest.write(GUEST_RFLAGS, flags);
        if (random.nextInt(4) == 0) {
            guest.write(GUEST_CR0, guest.read(GUEST_CR0) | ControlBits.CR0_AM);
        }
        Mode mode = instruction.mode;
        for (int segment : new int[] {0, 2, 3, 4, 5}) {
            if (mode == Mode.REAL) {
                long selector = random.nextInt(0x1_0000);
                guest.write(GUEST_ES_SELECTOR.plus(segment), selector);
                guest.write(GUEST_ES_BASE.plus(segment), selector << 4);
            } else if (mode != Mode.LONG || segment >= GuestState.FS) {
                guest.write(GUEST_ES_BASE.plus(segment), random.nextInt() & 0xFFFF_FFFFL);
                restrict(guest, segment, random);
            }
        }
        if (mode.codeSize == 2) {
            guest.write(GUEST_CS_BASE, GuestMachine.CODE);
            guest.write(
                    GUEST_CS_SELECTOR,
                    mode == Mode.REAL ? GuestMachine.CODE >> 4 : 8 | instruction.cpl);
        }
    }

    /// Makes some segments short, expand-down, read-only or unusable.
    private static void restrict(GuestState guest, int segment, SplittableRandom random) {
        var rights = GUEST_ES_ACCESS_RIGHTS.plus(segment);
        switch (random.nextInt(16)) {
            case 0 -> {
                guest.write(GUEST_ES_LIMIT.plus(segment), random.nextInt() & 0x7FFF_F000L | 0xFFF);
                guest.write(rights, guest.read(rights) | 0x8000);
            }
            case 1 -> guest.write(rights, guest.read(rights) | 4);
            case 2 -> {
                if (segment != GuestState.SS) {
                    guest.write(rights, guest.read(rights) & ~2);
                }
            }
            case 3 -> {
                if (segment != GuestState.SS) {
                    guest.write(rights, guest.read(rights) | 0x1_0000);
                }
            }
            default -> {}
        }
    }

    private static long randomAddress(SplittableRandom random) {
        return switch (random.nextInt(8)) {
            case 0 -> random.nextLong();
            case 1 -> random.nextInt(0x1_0000);
            case 2, 3, 4 -> random.nextLong() << 18 >> 18;
            default -> random.nextInt() & 0xFFFF_FFFFL;
        };
    }

    /// Encodes an instruction with a memory operand, and VMCALL behind it.
    private static byte[] encode(OpcodeRow row, int codeSize, SplittableRandom random) {
        ByteArrayOutputStream code = new ByteArrayOutputStream();
        boolean string = row.op() instanceof StringOp;
        boolean mandatory66 = row.mandatory() == Mandatory.P66;
        boolean plain = row.mandatory() != Mandatory.ANY && row.mandatory() != Mandatory.NO_REP;
        boolean other = !plain && random.nextInt(3) == 0;
        boolean otherAddress = random.nextInt(5) == 0;
        if (other || mandatory66) {
            code.write(0x66);
        }
        if (otherAddress) {
            code.write(0x67);
        }
        if (random.nextInt(4) == 0) {
            code.write(new int[] {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65}[random.nextInt(6)]);
        }
        if (string && random.nextBoolean()) {
            code.write(random.nextBoolean() ? 0xF2 : 0xF3);
        }
        if (row.isLockable() && random.nextInt(4) == 0) {
            code.write(0xF0);
        }
        int rex = codeSize == 8 && random.nextBoolean() ? 0x40 | random.nextInt(16) : 0;
        if (rex != 0) {
            code.write(rex);
        }
        if (row.map() > 0) {
            code.write(0x0F);
        }
        if (row.map() > 1) {
            code.write(row.map() == 2 ? 0x38 : 0x3A);
        }
        code.write(row.opcode());
        int narrow = codeSize == 8 ? 4 : 6 - codeSize;
        int addressSize = otherAddress ? narrow : codeSize;
        int operandSize = operandSize(row, codeSize, other, rex);
        if (row.hasModRm()) {
            modRm(row, addressSize, code, random);
        }
        for (Operand operand : row.operands()) {
            int width =
                    switch (operand.place()) {
                        case IMMEDIATE -> operand.width(operandSize);
                        case OFFSET -> addressSize;
                        default -> 0;
                    };
            long value = random.nextBoolean() ? random.nextLong() : random.nextLong() << 20 >> 20;
            for (int i = 0; i < width; i++) {
                code.write((int) (value >>> 8 * i));
            }
        }
        code.writeBytes(new byte[] {0x0F, 0x01, (byte) 0xC1});
        return code.toByteArray();
    }

    private static int operandSize(OpcodeRow row, int codeSize, boolean other, int rex) {
        if (codeSize != 8) {
            return other ? 6 - codeSize : codeSize;
        }
        boolean wide = (rex & 8) != 0 || row.size64() == Size64.DEFAULT_64 && !other;
        return wide ? 8 : other ? 2 : 4;
    }

    private static void modRm(
            OpcodeRow row, int addressSize, ByteArrayOutputStream code, SplittableRandom random) {
        int mod = random.nextInt(3);
        int reg = row.extension() >= 0 ? row.extension() : random.nextInt(8);
        int rm = random.nextInt(8);
        code.write(mod << 6 | reg << 3 | rm);
        boolean direct = mod == 0 && rm == (addressSize == 2 ? 6 : 5);
        if (addressSize != 2 && rm == 4) {
            int sib = random.nextInt(256);
            code.write(sib);
            direct = mod == 0 && (sib & 7) == 5;
        }
        int bytes = mod == 1 ? 1 : mod == 2 || direct ? addressSize == 2 ? 2 : 4 : 0;
        for (int i = 0; i < bytes; i++) {
            code.write(random.nextInt(256));
        }
    }

    /// INS and OUTS, which exit for their ports.
    @ParameterizedTest
    @EnumSource(Mode.class)
    void portStringsDoWhatTheProcessorDoes(Mode mode) {
        SplittableRandom random = new SplittableRandom(SEED - mode.ordinal());
        System.out.printf("%s: seed %x%n", mode, SEED - mode.ordinal());
        List<OpcodeRow> rows =
                OpcodeMap.rows().stream()
                        .filter(row -> Set.of(StringOp.INS, StringOp.OUTS).contains(row.op()))
                        .toList();
        try (machine) {
            machine.ports.map(0, 0x1_0000, new CountingPorts());
            for (int i = 0; i < CASES / 2; i++) {
                Case instruction = random(mode, rows.get(random.nextInt(rows.size())), random);
                emulator = this::portString;
                Outcome expected = run(instruction, 0);
                portAccesses = 0;
                trapsPorts = true;
                Outcome actual = run(instruction, instruction.hidden);
                trapsPorts = false;
                assertThat(actual.toString())
                        .as("case %d %s", i, HexFormat.of().formatHex(instruction.code))
                        .isEqualTo(expected.toString());
                assertThat(actual.memory).as("case %d", i).isEqualTo(expected.memory);
                portAccesses = 0;
            }
        }
        assertThat(emulated).isGreaterThan(CASES / 3);
    }

    private Emulated portString(InstructionEmulator emulator) {
        return emulator.emulatePortString(machine.ports);
    }

    /// Gives each access a number that tells it from others, and keeps what was written.
    private final class CountingPorts implements PortIo {
        @Override
        public int read(int port, int size) {
            portAccesses = 31 * portAccesses + port * 8 + size;
            return portAccesses;
        }

        @Override
        public void write(int port, int size, int value) {
            portAccesses = 31 * (31 * portAccesses + port * 8 + size) + value;
        }
    }

    /// A guest can change its code before L0 looks at it.
    @ParameterizedTest
    @EnumSource(Mode.class)
    void anyBytesAreHarmless(Mode mode) {
        SplittableRandom random = new SplittableRandom(SEED + 100 + mode.ordinal());
        System.out.printf("%s: seed %x%n", mode, SEED + 100 + mode.ordinal());
        Set<String> ends = new TreeSet<>();
        try (machine) {
            for (int i = 0; i < 20 * CASES; i++) {
                if (i % CASES == 0) {
                    machine.clear();
                    machine.mode(mode, random.nextBoolean() && mode != Mode.REAL ? 3 : 0);
                    machine.pageTables(mode);
                }
                byte[] code = new byte[16];
                random.nextBytes(code);
                int at = random.nextInt(0x1000);
                machine.memory.write(GuestMachine.MEMORY + GuestMachine.CODE + at, code, 0, 16);
                machine.root.vmwrite(GUEST_CS_BASE, GuestMachine.CODE);
                long base = mode == Mode.LONG ? GuestMachine.CODE : 0;
                machine.root.vmwrite(GUEST_RIP, base + at);
                machine.root.register(random.nextInt(16), randomAddress(random));
                ends.add(attempt());
            }
        }
        assertThat(ends).contains("Completed", "Unsupported", Vector.name(Vector.UD));
    }

    private String attempt() {
        GuestState guest = new GuestState(machine.root);
        GuestLinear linear = new GuestLinear(guest, machine.memory, new Aliased(3));
        try {
            return new InstructionEmulator(linear).emulate().getClass().getSimpleName();
        } catch (GuestException exception) {
            return Vector.name(exception.vector());
        }
    }

    @Test
    void refusesWhatItDoesNotKnow() {
        try (machine) {
            machine.mode(Mode.FLAT_32, 0);
            byte[] code = HexFormat.of().parseHex("0f100500000000"); // MOVUPS XMM0, [0]
            machine.memory.write(GuestMachine.MEMORY + GuestMachine.CODE, code, 0, code.length);
            machine.root.vmwrite(GUEST_RIP, GuestMachine.CODE);
            GuestState guest = new GuestState(machine.root);
            GuestLinear linear = new GuestLinear(guest, machine.memory, new Aliased(3));
            assertThat(new InstructionEmulator(linear).emulate())
                    .isInstanceOf(Emulated.Unsupported.class);
        }
    }
}
