package nestbox.cpu.simd;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.StateBlock;
import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;
import nestbox.x86.IntegerSimd;
import nestbox.x86.OpcodeMap;
import nestbox.x86.OpcodeRow;
import nestbox.x86.OpcodeRow.Mod;
import nestbox.x86.Operand;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// What all integer SIMD instructions have in common, and the moves one by one.
class InstructionTest {
    /// ModRM: register 1 and [RSI]; registers 1 and 2.
    private static final int REG1_AT_RSI = 0x0E;

    private static final int REG1_REG2 = 0xCA;

    private static final Set<Operand> MMX_OPERANDS =
            EnumSet.of(Operand.Pq, Operand.Qd, Operand.Qq, Operand.Nq);
    private static final Set<Operand> XMM_OPERANDS =
            EnumSet.of(
                    Operand.Vx,
                    Operand.Wx,
                    Operand.Wq,
                    Operand.Wd,
                    Operand.Ww,
                    Operand.Ux,
                    Operand.Mx);
    private static final Set<IntegerSimd> UNALIGNED =
            EnumSet.of(
                    IntegerSimd.MOVDQU_LOAD,
                    IntegerSimd.MOVDQU_STORE,
                    IntegerSimd.LDDQU,
                    IntegerSimd.PCMPESTRI,
                    IntegerSimd.PCMPESTRM,
                    IntegerSimd.PCMPISTRI,
                    IntegerSimd.PCMPISTRM);

    private Machine machine;
    private Cpu cpu;

    @BeforeEach
    void start() {
        machine = new Machine();
        cpu = machine.cpu;
        cpu.set64(StateBlock.RSI, Machine.DATA);
        cpu.set64(StateBlock.RDI, Machine.DATA);
    }

    @AfterEach
    void stop() {
        machine.close();
    }

    static List<OpcodeRow> rows() {
        return OpcodeMap.rows().stream().filter(row -> row.op() instanceof IntegerSimd).toList();
    }

    static Stream<OpcodeRow> vectorRows() {
        return rows().stream().filter(row -> row.op() != IntegerSimd.CRC32);
    }

    private static boolean uses(OpcodeRow row, Set<Operand> kind) {
        return row.operands().stream().anyMatch(kind::contains) || row.op() == IntegerSimd.EMMS;
    }

    private static boolean usesMmx(OpcodeRow row) {
        return uses(row, MMX_OPERANDS);
    }

    private static boolean usesXmm(OpcodeRow row) {
        return uses(row, XMM_OPERANDS) && row.op() != IntegerSimd.EMMS;
    }

    private static boolean allowsMemory(OpcodeRow row) {
        return row.mod() != Mod.REGISTER
                && row.operands().stream()
                        .anyMatch(
                                operand ->
                                        operand.place() == Operand.Place.RM
                                                || operand.place() == Operand.Place.MEMORY);
    }

    private static byte[] encode(OpcodeRow row) {
        return Machine.encode(row, row.mod() == Mod.MEMORY ? REG1_AT_RSI : REG1_REG2, 0);
    }

    @Test
    void everyOperationHasARow() {
        Set<IntegerSimd> found =
                rows().stream()
                        .map(row -> (IntegerSimd) row.op())
                        .collect(Collectors.toCollection(() -> EnumSet.noneOf(IntegerSimd.class)));
        assertThat(found).isEqualTo(EnumSet.allOf(IntegerSimd.class));
    }

    // Availability

    @ParameterizedTest
    @MethodSource("vectorRows")
    void emulationMakesItUndefined(OpcodeRow row) {
        cpu.cr0 |= ControlBits.CR0_EM | ControlBits.CR0_TS;
        assertThat(machine.execute(encode(row))).hasValue(Vector.UD);
    }

    @ParameterizedTest
    @MethodSource("vectorRows")
    void taskSwitchedMakesItUnavailable(OpcodeRow row) {
        cpu.cr0 |= ControlBits.CR0_TS;
        assertThat(machine.execute(encode(row))).hasValue(Vector.NM);
    }

    @ParameterizedTest
    @MethodSource("vectorRows")
    void xmmRegistersNeedTheOperatingSystem(OpcodeRow row) {
        cpu.cr4 &= ~ControlBits.CR4_OSFXSR;
        OptionalInt expected = usesXmm(row) ? OptionalInt.of(Vector.UD) : OptionalInt.empty();
        assertThat(machine.execute(encode(row))).isEqualTo(expected);
    }

    @ParameterizedTest
    @MethodSource("rows")
    void aMissingFeatureMakesItUndefined(OpcodeRow row) {
        Cpuid feature = ((IntegerSimd) row.op()).feature();
        machine.features.remove(feature);
        boolean optional = feature != Cpuid.SSE2;
        assertThat(machine.execute(encode(row)))
                .isEqualTo(optional ? OptionalInt.of(Vector.UD) : OptionalInt.empty());
    }

    @ParameterizedTest
    @MethodSource("vectorRows")
    void pendingFloatingPointErrorStopsMmx(OpcodeRow row) {
        cpu.set16(StateBlock.X87_STATUS, 0x80);
        OptionalInt expected = usesMmx(row) ? OptionalInt.of(Vector.MF) : OptionalInt.empty();
        assertThat(machine.execute(encode(row))).isEqualTo(expected);
    }

    // x87 state

    @ParameterizedTest
    @MethodSource("vectorRows")
    void onlyMmxTakesOverTheFpu(OpcodeRow row) {
        cpu.set16(StateBlock.X87_STATUS, 0x3800);
        assertThat(machine.execute(encode(row))).isEmpty();

        boolean mmx = usesMmx(row);
        int tags = mmx && row.op() != IntegerSimd.EMMS ? 0xFF : 0;
        assertThat(cpu.get16(StateBlock.X87_STATUS)).isEqualTo(mmx ? 0 : 0x3800);
        assertThat(cpu.get16(StateBlock.X87_TAGS)).isEqualTo(tags);
    }

    @ParameterizedTest
    @MethodSource("vectorRows")
    void aWrittenMmxRegisterHasASignAndExponentOfOnes(OpcodeRow row) {
        assertThat(machine.execute(encode(row))).isEmpty();

        boolean writes =
                !row.operands().isEmpty()
                        && MMX_OPERANDS.contains(row.operands().get(0))
                        && row.op() != IntegerSimd.MASKMOV;
        boolean toRm = writes && row.operands().get(0) != Operand.Pq;
        for (int i = 0; i < 8; i++) {
            boolean written = writes && i == (toRm ? 2 : 1);
            assertThat(SPACE.get(I16, cpu.x87Register(i) + 8) == -1)
                    .as("MM%d", i)
                    .isEqualTo(written);
        }
    }

    @ParameterizedTest
    @MethodSource("vectorRows")
    void aFaultLeavesAllRegistersAlone(OpcodeRow row) {
        if (!allowsMemory(row)) {
            return;
        }
        cpu.set64(StateBlock.RSI, Machine.NOT_PRESENT);
        cpu.set16(StateBlock.X87_STATUS, 0x3800);
        byte[] before = Operands.bytes(cpu.base, StateBlock.SCRATCH);
        byte[] vectors = Operands.bytes(cpu.vector(0), 512);

        assertThat(machine.execute(Machine.encode(row, REG1_AT_RSI, 0))).hasValue(Vector.PF);

        assertThat(Operands.bytes(cpu.base, StateBlock.SCRATCH)).isEqualTo(before);
        assertThat(Operands.bytes(cpu.vector(0), 512)).isEqualTo(vectors);
    }

    // Memory operands

    @ParameterizedTest
    @MethodSource("vectorRows")
    void sixteenBytesOfMemoryMustBeAligned(OpcodeRow row) {
        if (!allowsMemory(row)) {
            return;
        }
        boolean whole = row.operands().contains(Operand.Wx) || row.operands().contains(Operand.Mx);
        boolean aligned = whole && !UNALIGNED.contains((IntegerSimd) row.op());
        for (int i = 1; i < 16; i++) {
            cpu.set64(StateBlock.RSI, Machine.DATA + i);
            assertThat(machine.execute(Machine.encode(row, REG1_AT_RSI, 0)))
                    .isEqualTo(aligned ? OptionalInt.of(Vector.GP) : OptionalInt.empty());
        }
    }

    /// Sources in memory mean the same as sources in registers.
    @ParameterizedTest
    @MethodSource("vectorRows")
    void memoryEqualsRegister(OpcodeRow row) {
        boolean store =
                !row.operands().isEmpty() && row.operands().get(0).place() == Operand.Place.RM;
        boolean general = row.operands().stream().anyMatch(o -> o == Operand.Ey);
        if (!allowsMemory(row) || row.mod() != Mod.ANY || store || general) {
            return;
        }
        Operands operands = new Operands(row.toString().hashCode());
        for (int round = 0; round < 50; round++) {
            int imm = operands.below(256);
            for (int i = 0; i < 3; i++) {
                operands.fill(cpu.vector(i), 16);
                operands.fill(cpu.x87Register(i), 8);
            }
            cpu.set64(StateBlock.RAX, operands.below(40) - 20);
            cpu.set64(StateBlock.RDX, operands.below(40) - 20);
            long source = usesMmx(row) ? cpu.x87Register(2) : cpu.vector(2);
            memoryFrom(source);
            byte[] state = Operands.bytes(cpu.base, StateBlock.SIZE);
            assertThat(machine.execute(Machine.encode(row, REG1_REG2, imm))).isEmpty();
            byte[] registers = registers();

            SPACE.asSlice(cpu.base, StateBlock.SIZE)
                    .copyFrom(java.lang.foreign.MemorySegment.ofArray(state));
            assertThat(machine.execute(Machine.encode(row, REG1_AT_RSI, imm))).isEmpty();

            assertThat(registers()).as("imm %x", imm).isEqualTo(registers);
        }
    }

    private void memoryFrom(long register) {
        machine.memory.writeLong(Machine.DATA, SPACE.get(I64, register));
        machine.memory.writeLong(Machine.DATA + 8, SPACE.get(I64, register + 8));
    }

    /// General, x87 and XMM registers and flags, without scratch memory.
    private byte[] registers() {
        byte[] low = Operands.bytes(cpu.base, StateBlock.SCRATCH);
        byte[] high = Operands.bytes(cpu.vector(0), 512);
        byte[] all = Arrays.copyOf(low, low.length + high.length);
        System.arraycopy(high, 0, all, low.length, high.length);
        return all;
    }

    @Test
    void aStoreAcrossAFaultingPageWritesNothing() {
        machine.xmm(1, -1, -1);
        cpu.set64(StateBlock.RSI, Machine.NOT_PRESENT - 8);
        assertThat(machine.execute(0xF3, 0x0F, 0x7F, REG1_AT_RSI)).hasValue(Vector.PF);
        assertThat(machine.memory.readLong(Machine.NOT_PRESENT - 8)).isZero();
    }

    // Moves

    @Test
    void movdExtendsWithZeros() {
        machine.xmm(1, -1, -1);
        cpu.set64(StateBlock.RDX, 0x8765_4321_8000_0001L);
        assertThat(machine.execute(0x66, 0x0F, 0x6E, REG1_REG2)).isEmpty();
        assertThat(machine.xmm(1))
                .containsExactly(1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        assertThat(machine.execute(0x0F, 0x6E, REG1_REG2)).isEmpty();
        assertThat(machine.mm(1)).isEqualTo(0x8000_0001L);
        assertThat(machine.execute(0x66, 0x48, 0x0F, 0x6E, REG1_REG2)).isEmpty();
        assertThat(SPACE.get(I64, cpu.vector(1))).isEqualTo(0x8765_4321_8000_0001L);
    }

    @Test
    void movdStoresADoublewordOrWithRexAQuadword() {
        machine.xmm(1, 0x8765_4321_8000_0001L, -1);
        cpu.set64(StateBlock.RDX, -1);
        assertThat(machine.execute(0x66, 0x0F, 0x7E, REG1_REG2)).isEmpty();
        assertThat(cpu.get64(StateBlock.RDX)).isEqualTo(0x8000_0001L);
        assertThat(machine.execute(0x66, 0x48, 0x0F, 0x7E, REG1_AT_RSI)).isEmpty();
        assertThat(machine.memory.readLong(Machine.DATA)).isEqualTo(0x8765_4321_8000_0001L);
    }

    @Test
    void movqClearsTheUpperHalf() {
        machine.xmm(1, 1, 2);
        machine.xmm(2, 3, 4);
        assertThat(machine.execute(0x66, 0x0F, 0xD6, REG1_REG2)).isEmpty();
        assertThat(SPACE.get(I64, cpu.vector(2))).isEqualTo(1);
        assertThat(SPACE.get(I64, cpu.vector(2) + 8)).isZero();
        machine.memory.writeLong(Machine.DATA + 8, 77);
        assertThat(machine.execute(0x66, 0x0F, 0xD6, REG1_AT_RSI)).isEmpty();
        assertThat(machine.memory.readLong(Machine.DATA)).isEqualTo(1);
        assertThat(machine.memory.readLong(Machine.DATA + 8)).isEqualTo(77);
        assertThat(machine.execute(0xF3, 0x0F, 0x7E, REG1_AT_RSI)).isEmpty();
        assertThat(SPACE.get(I64, cpu.vector(1) + 8)).isZero();
    }

    @Test
    void rexNamesTheUpperRegisters() {
        machine.xmm(10, 5, 6);
        assertThat(machine.execute(0x66, 0x45, 0x0F, 0x6F, 0xCA)).isEmpty();
        assertThat(machine.xmm(9)).isEqualTo(machine.xmm(10));
        machine.mm(2, 99);
        assertThat(machine.execute(0x45, 0x0F, 0x6F, 0xCA)).isEmpty();
        assertThat(machine.mm(1)).isEqualTo(99);
    }

    @Test
    void movesBetweenMmxAndXmm() {
        machine.mm(2, 0x1234);
        machine.xmm(1, -1, -1);
        assertThat(machine.execute(0xF3, 0x0F, 0xD6, REG1_REG2)).isEmpty();
        assertThat(SPACE.get(I64, cpu.vector(1))).isEqualTo(0x1234);
        assertThat(SPACE.get(I64, cpu.vector(1) + 8)).isZero();
        machine.xmm(2, 0x5678, -1);
        assertThat(machine.execute(0xF2, 0x0F, 0xD6, REG1_REG2)).isEmpty();
        assertThat(machine.mm(1)).isEqualTo(0x5678);
    }

    @Test
    void maskmovWritesOnlyTheMarkedBytes() {
        machine.xmm(1, 0x0807_0605_0403_0201L, 0x100F_0E0D_0C0B_0A09L);
        machine.xmm(2, 0x8000_0000_7F00_0080L, 0x0000_0000_0000_FF00L);
        cpu.set64(StateBlock.RDI, Machine.DATA + 3);
        assertThat(machine.execute(0x66, 0x0F, 0xF7, REG1_REG2)).isEmpty();
        assertThat(machine.memory.readLong(Machine.DATA + 3)).isEqualTo(0x0800_0000_0000_0001L);
        assertThat(machine.memory.readLong(Machine.DATA + 11)).isEqualTo(0x0A00L);
    }

    @Test
    void pmovmskbGathersAllSigns() {
        machine.xmm(2, 0x8000_0000_0000_0080L, 0xFF00_0000_0000_8000L);
        cpu.set64(StateBlock.RCX, -1);
        assertThat(machine.execute(0x66, 0x0F, 0xD7, REG1_REG2)).isEmpty();
        assertThat(cpu.get64(StateBlock.RCX)).isEqualTo(0x8281);
    }

    @Test
    void insertAndExtractChooseTheLaneByTheLowBits() {
        cpu.set64(StateBlock.RDX, 0xAAAA_BBBB_CCCC_DDDDL);
        machine.xmm(1, 0, 0);
        machine.execute(0x66, 0x0F, 0x3A, 0x20, REG1_REG2, 0xFF);
        machine.execute(0x66, 0x0F, 0xC4, REG1_REG2, 0xF8);
        machine.execute(0x66, 0x0F, 0x3A, 0x22, REG1_REG2, 0xFD);
        assertThat(SPACE.get(I64, cpu.vector(1))).isEqualTo(0xCCCC_DDDD_0000_DDDDL);
        assertThat(SPACE.get(I64, cpu.vector(1) + 8)).isEqualTo(0xDD00_0000_0000_0000L);
        machine.execute(0x66, 0x48, 0x0F, 0x3A, 0x22, REG1_REG2, 0x03);
        assertThat(SPACE.get(I64, cpu.vector(1) + 8)).isEqualTo(0xAAAA_BBBB_CCCC_DDDDL);
        cpu.set64(StateBlock.RDX, -1);
        machine.execute(0x66, 0x0F, 0x3A, 0x14, REG1_REG2, 0x1F);
        assertThat(cpu.get64(StateBlock.RDX)).isEqualTo(0xAA);
        machine.execute(0x66, 0x0F, 0x3A, 0x15, REG1_REG2, 0x1E);
        assertThat(cpu.get64(StateBlock.RDX)).isEqualTo(0xBBBB);
        machine.execute(0x66, 0x0F, 0x3A, 0x16, REG1_REG2, 0x07);
        assertThat(cpu.get64(StateBlock.RDX)).isEqualTo(0xAAAA_BBBBL);
        machine.execute(0x66, 0x48, 0x0F, 0x3A, 0x16, REG1_REG2, 0x01);
        assertThat(cpu.get64(StateBlock.RDX)).isEqualTo(0xAAAA_BBBB_CCCC_DDDDL);
        machine.execute(0x66, 0x0F, 0xC5, 0xD1, 0x0C);
        assertThat(cpu.get64(StateBlock.RDX)).isEqualTo(0xDDDD);
        machine.execute(0x66, 0x0F, 0x3A, 0x15, REG1_AT_RSI, 0x05);
        assertThat(machine.memory.readLong(Machine.DATA)).isEqualTo(0xCCCC);
    }

    // Flags

    @Test
    void ptestSetsZeroAndCarry() {
        machine.xmm(1, 0xF0, 0);
        machine.xmm(2, 0x0F, 0);
        cpu.statusFlags(RFlags.STATUS);
        machine.execute(0x66, 0x0F, 0x38, 0x17, REG1_REG2);
        assertThat(cpu.statusFlags()).isEqualTo(RFlags.ZF);
        machine.xmm(2, 0x30, 0);
        machine.execute(0x66, 0x0F, 0x38, 0x17, REG1_REG2);
        assertThat(cpu.statusFlags()).isEqualTo(RFlags.CF);
        machine.xmm(2, 0x30, 1);
        machine.execute(0x66, 0x0F, 0x38, 0x17, REG1_REG2);
        assertThat(cpu.statusFlags()).isZero();
    }

    @Test
    void pcmpistriFindsASubstring() {
        machine.xmm(1, 0x00_62_61L, 0);
        machine.xmm(2, 0x7A_7A_62_61_78_62_78_61L, -1);
        cpu.set64(StateBlock.RCX, -1);
        cpu.statusFlags(RFlags.AF | RFlags.PF);
        assertThat(machine.execute(0x66, 0x0F, 0x3A, 0x63, REG1_REG2, 0x0C)).isEmpty();
        assertThat(cpu.get64(StateBlock.RCX)).isEqualTo(4);
        assertThat(cpu.statusFlags()).isEqualTo(RFlags.CF | RFlags.SF);
    }

    @Test
    void pcmpestrmTakesLengthsFromWholeRegistersWithRex() {
        machine.xmm(1, 0x61, 0);
        machine.xmm(2, 0x6161, 0);
        cpu.set64(StateBlock.RAX, 0x1_0000_0001L);
        cpu.set64(StateBlock.RDX, 2);
        assertThat(machine.execute(0x66, 0x0F, 0x3A, 0x60, REG1_REG2, 0)).isEmpty();
        assertThat(SPACE.get(I64, cpu.vector(0))).isEqualTo(3);
        assertThat(cpu.statusFlags()).isEqualTo(RFlags.CF | RFlags.ZF | RFlags.SF | RFlags.OF);
        assertThat(machine.execute(0x66, 0x48, 0x0F, 0x3A, 0x60, REG1_REG2, 0)).isEmpty();
        assertThat(cpu.statusFlags()).isEqualTo(RFlags.CF | RFlags.ZF | RFlags.OF);
    }

    @Test
    void crc32TakesOperandsOfAllWidths() {
        cpu.set64(StateBlock.RCX, -1);
        cpu.set64(StateBlock.RDX, 0x3837_3635_3433_3231L);
        cpu.set64(StateBlock.RBX, 0x39);
        machine.execute(0xF2, 0x48, 0x0F, 0x38, 0xF1, REG1_REG2);
        machine.execute(0xF2, 0x0F, 0x38, 0xF0, 0xCB);
        assertThat(cpu.get64(StateBlock.RCX)).isEqualTo(~0xE306_9283 & 0xFFFF_FFFFL);

        cpu.set64(StateBlock.RCX, -1);
        machine.execute(0xF2, 0x0F, 0x38, 0xF1, REG1_REG2);
        cpu.set64(StateBlock.RDX, 0x39_3837_3635L);
        machine.execute(0x66, 0xF2, 0x0F, 0x38, 0xF1, REG1_REG2);
        cpu.set64(StateBlock.RDX, 0x39_3837L);
        machine.execute(0xF2, 0x0F, 0x38, 0xF0, 0xCA);
        cpu.set64(StateBlock.RDX, 0x38_00L);
        machine.execute(0xF2, 0x0F, 0x38, 0xF0, 0xCE);
        machine.execute(0xF2, 0x0F, 0x38, 0xF0, 0xCB);
        assertThat(cpu.get64(StateBlock.RCX)).isEqualTo(~0xE306_9283 & 0xFFFF_FFFFL);
    }
}
