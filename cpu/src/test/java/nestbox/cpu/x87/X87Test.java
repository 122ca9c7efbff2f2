package nestbox.cpu.x87;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.Stepper;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Restart;
import nestbox.cpu.core.StateBlock;
import nestbox.cpu.fp.Extended;
import nestbox.x86.ControlBits;
import nestbox.x86.Vector;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class X87Test {
    private static final int DATA = 0x2000;
    private static final long INDEFINITE = 0xC000_0000_0000_0000L;
    private static final long ONE = 1L << 63;

    private final Stepper stepper = new Stepper(false);

    @AfterEach
    void close() {
        stepper.close();
    }

    private void run(String hex) {
        assertThat(stepper.run(hex)).as(hex).isEqualTo(Stepper.NO_FAULT);
    }

    private int status() {
        return stepper.cpu.get16(StateBlock.X87_STATUS);
    }

    private Fpu fpu() {
        return stepper.cpu.fpu;
    }

    private void control(int word) {
        stepper.memory.writeShort(DATA, word);
        run("D9 2D 00 20 00 00"); // fldcw [2000]
    }

    private double pop() {
        run("DD 1D 00 20 00 00"); // fstp qword [2000]
        return Double.longBitsToDouble(stepper.memory.readLong(DATA));
    }

    private void push(double value) {
        stepper.memory.writeLong(DATA, Double.doubleToRawLongBits(value));
        run("DD 05 00 20 00 00"); // fld qword [2000]
    }

    @Test
    void arithmeticBetweenRegisters() {
        push(3);
        push(8);
        run("D8 E1"); // fsub st0, st1: 8 - 3
        assertThat(pop()).isEqualTo(5);
        push(8);
        run("D8 E9"); // fsubr st0, st1: 3 - 8
        assertThat(pop()).isEqualTo(-5);
        push(8);
        run("DC E1"); // fsubr st1, st0: st1 = 8 - 3
        run("DE F9"); // fdivp: st1 = 5 / 8
        assertThat(pop()).isEqualTo(0.625);
        push(3);
        push(8);
        run("DE E9"); // fsubp: 3 - 8
        assertThat(pop()).isEqualTo(-5);
        assertThat(stepper.cpu.get8(StateBlock.X87_TAGS)).isZero();
    }

    @Test
    void arithmeticWithMemory() {
        push(10);
        stepper.memory.writeShort(DATA, -4);
        run("DE 0D 00 20 00 00"); // fimul word
        stepper.memory.writeInt(DATA, 100);
        run("DA 2D 00 20 00 00"); // fisubr dword: 100 + 40
        stepper.memory.writeInt(DATA, Float.floatToRawIntBits(0.5f));
        run("D8 35 00 20 00 00"); // fdiv float
        assertThat(pop()).isEqualTo(280);
    }

    @Test
    void aSignalingNanInMemoryLosesAgainstAQuietOne() {
        stepper.memory.writeLong(DATA, 0x7FF0_0000_0000_0001L);
        fpu().push(INDEFINITE | 5, 0x7FFF);
        run("DC 05 00 20 00 00"); // fadd qword
        assertThat(fpu().significand(0)).isEqualTo(INDEFINITE | 5);
        assertThat(status() & 0x3F).isEqualTo(1);
    }

    @Test
    void aDenormalInMemoryIsFlagged() {
        push(1);
        stepper.memory.writeInt(DATA, 1);
        run("D8 05 00 20 00 00"); // fadd float
        assertThat(status() & 0x3F).isEqualTo(0x22);
    }

    @Test
    void stackOverflowAndUnderflowTellThemselvesApartByC1() {
        run("D8 C1"); // fadd st0, st1 on an empty stack
        assertThat(status() & 0x2FF).isEqualTo(0x41);
        assertThat(fpu().significand(0)).isEqualTo(INDEFINITE);
        run("DB E3"); // fninit
        for (int i = 0; i < 8; i++) {
            run("D9 E8"); // fld1
        }
        assertThat(status() & 0xFF).isZero();
        run("D9 E8");
        assertThat(status() & 0x2FF).isEqualTo(0x241);
        assertThat(fpu().significand(0)).isEqualTo(INDEFINITE);
    }

    @Test
    void anUnmaskedErrorIsReportedByTheNextWaitingInstruction() {
        control(0x37B); // ZM clear
        push(1);
        run("D9 EE"); // fldz
        run("DE F9"); // fdivp: 1 / 0
        assertThat(status() & 0x8084).isEqualTo(0x8084);
        assertThat(fpu().top()).as("neither stored nor popped").isEqualTo(6);
        assertThat(stepper.run("D9 E8")).isEqualTo(Vector.MF);
        assertThat(stepper.run("9B")).isEqualTo(Vector.MF);
        run("DF E0"); // fnstsw ax
        assertThat(stepper.cpu.get16(StateBlock.RAX)).isEqualTo(status());
        run("DB E2"); // fnclex
        run("9B");
        assertThat(status() & 0x80FF).isZero();
    }

    @Test
    void withoutNativeErrorsThePcTakesAnInterrupt() {
        boolean[] line = new boolean[1];
        stepper.processors.bootstrap().connectFloatError(asserted -> line[0] = asserted);
        stepper.cpu.cr0 &= ~ControlBits.CR0_NE;
        control(0x37B);
        run("D9 E8 D9 EE DE F9");
        assertThat(line[0]).isFalse();
        long before = stepper.cpu.executed();
        assertThat(stepper.run("9B")).isEqualTo(Restart.VECTOR);
        assertThat(line[0]).isTrue();
        assertThat(stepper.cpu.executed()).as("time passes").isGreaterThan(before);
        stepper.processors.bootstrap().ignoreFloatError();
        assertThat(line[0]).isFalse();
        run("9B DB E2");
    }

    @Test
    void unmaskingASetFlagMakesAnError() {
        push(1);
        stepper.memory.writeInt(DATA, Float.floatToRawIntBits(3));
        run("D8 35 00 20 00 00"); // fdiv: inexact
        assertThat(status() & 0xA0).isEqualTo(0x20);
        control(0x35F);
        assertThat(status() & 0xA0).isEqualTo(0xA0);
    }

    @Test
    void theFpuMayBeAbsentOrSwitchedLazily() {
        stepper.cpu.cr0 |= ControlBits.CR0_TS;
        assertThat(stepper.run("D9 E8")).isEqualTo(Vector.NM);
        run("9B"); // MP clear
        stepper.cpu.cr0 |= ControlBits.CR0_MP;
        assertThat(stepper.run("9B")).isEqualTo(Vector.NM);
        stepper.cpu.cr0 &= ~ControlBits.CR0_TS;
        stepper.cpu.cr0 |= ControlBits.CR0_EM;
        assertThat(stepper.run("DB E3")).isEqualTo(Vector.NM);
        run("9B");
    }

    @Test
    void comparisonsSetConditionsOrFlags() {
        push(2);
        push(1);
        run("D8 D1"); // fcom st1
        assertThat(status() & 0x4700).isEqualTo(0x100);
        run("DB F1"); // fcomi
        assertThat(stepper.cpu.statusFlags()).isEqualTo(1);
        run("DA E9"); // fucompp
        assertThat(status() & 0x4700).isEqualTo(0x100);
        assertThat(fpu().isEmpty(0)).isTrue();
        run("D9 E4"); // ftst of an empty register
        assertThat(status() & 0x4500).isEqualTo(0x4500);
    }

    @Test
    void fxamNamesWhatARegisterHolds() {
        run("D9 E5");
        assertThat(status() & 0x4700).as("empty").isEqualTo(0x4100);
        run("D9 EE D9 E0 D9 E5");
        assertThat(status() & 0x4700).as("-0").isEqualTo(0x4200);
        run("D9 E8 D9 E5");
        assertThat(status() & 0x4700).as("1").isEqualTo(0x400);
        fpu().push(1, 0);
        run("D9 E5");
        assertThat(status() & 0x4700).as("denormal").isEqualTo(0x4400);
        fpu().push(ONE, 0x7FFF);
        run("D9 E5");
        assertThat(status() & 0x4700).as("infinity").isEqualTo(0x500);
        fpu().push(INDEFINITE, 0xFFFF);
        run("D9 E5");
        assertThat(status() & 0x4700).as("NaN").isEqualTo(0x300);
    }

    @Test
    void conditionalMoves() {
        push(2);
        push(1);
        stepper.cpu.statusFlags(1);
        run("DA C9"); // fcmove: ZF clear
        assertThat(fpu().significand(0)).isEqualTo(ONE);
        run("DA C1"); // fcmovb: CF set
        assertThat(pop()).isEqualTo(2);
    }

    @Test
    void integersAndDecimals() {
        stepper.memory.writeLong(DATA, -123_456_789_012L);
        run("DF 2D 00 20 00 00"); // fild qword
        run("DF 35 10 20 00 00"); // fbstp
        assertThat(stepper.memory.readLong(DATA + 16)).isEqualTo(0x0000_1234_5678_9012L);
        assertThat(stepper.memory.readShort(DATA + 24)).isEqualTo(0x8000);
        run("DF 25 10 20 00 00"); // fbld
        run("DB 15 00 20 00 00"); // fist dword: out of range
        assertThat(stepper.memory.readInt(DATA)).isEqualTo(Integer.MIN_VALUE);
        assertThat(status() & 0x3F).isEqualTo(1);
        push(-2.75);
        run("DF 0D 00 20 00 00"); // fisttp word
        assertThat((short) stepper.memory.readShort(DATA)).isEqualTo((short) -2);
    }

    @Test
    void aWithheldStoreKeepsMemoryAndStack() {
        control(0x37E); // IM clear
        fpu().push(ONE, 0x7FFF);
        stepper.memory.writeInt(DATA, 42);
        run("DB 1D 00 20 00 00"); // fistp of infinity
        assertThat(stepper.memory.readInt(DATA)).isEqualTo(42);
        assertThat(fpu().isEmpty(0)).isFalse();
    }

    @Test
    void aWithheldStoreStillChecksMemory() {
        control(0x37E);
        fpu().push(ONE, 0x7FFF);
        stepper.cpu.segments[Insn.DS].set(16, 0, 0x1FFF, 0x4093);
        stepper.cpu.stateChanged();
        assertThat(stepper.run("DB 1D 00 20 00 00")).isEqualTo(Vector.GP);
        assertThat(status() & 1).isZero();
    }

    @Test
    void anUnmaskedInvalidComparisonHasAnOutcomeButDoesNotPop() {
        control(0x37E);
        fpu().push(ONE, Extended.BIAS);
        fpu().push(INDEFINITE, 0x7FFF);
        run("DE D9"); // fcompp
        assertThat(status() & 0x4500).isEqualTo(0x4500);
        assertThat(fpu().top()).isEqualTo(6);
    }

    @Test
    void aDenormalIsLoadedEvenIfThatIsUnmasked() {
        control(0x37D);
        stepper.memory.writeLong(DATA, 1);
        run("DD 05 00 20 00 00");
        assertThat(fpu().significand(0)).isEqualTo(ONE);
        assertThat(stepper.run("9B")).isEqualTo(Vector.MF);
    }

    @Test
    void theUnlistedFstpStoresWhateverIsThere() {
        run("D9 DB"); // fstp st3 on an empty stack
        assertThat(status() & 0x41).isZero();
        assertThat(stepper.cpu.get8(StateBlock.X87_TAGS)).isZero();
    }

    @Test
    void remainderReportsTheQuotient() {
        push(3);
        push(23);
        run("D9 F8"); // fprem: 23 = 7 * 3 + 2
        assertThat(status() & 0x4700).isEqualTo(0x4300);
        assertThat(pop()).isEqualTo(2);
    }

    @Test
    void trigonometryPushesOrRefuses() {
        push(0);
        run("D9 FB"); // fsincos
        assertThat(pop()).isEqualTo(1);
        run("D9 F2"); // fptan
        assertThat(pop()).isEqualTo(1);
        push(0x1p63);
        run("D9 FE"); // fsin
        assertThat(status() & 0x400).isEqualTo(0x400);
        assertThat(pop()).isEqualTo(0x1p63);
        push(12);
        run("D9 F4"); // fxtract
        assertThat(pop()).isEqualTo(1.5);
        assertThat(pop()).isEqualTo(3);
    }

    @Test
    void constantsFollowTheRoundingControl() {
        run("D9 EB");
        assertThat(fpu().significand(0)).isEqualTo(0xC90F_DAA2_2168_C235L);
        control(0x77F); // down
        run("D9 EB");
        assertThat(fpu().significand(0)).isEqualTo(0xC90F_DAA2_2168_C234L);
        control(0xB7F); // up
        run("D9 E9");
        assertThat(fpu().significand(0)).isEqualTo(0xD49A_784B_CD1B_8AFFL);
    }

    @Test
    void environmentsGoToMemoryAndBack() {
        push(0);
        push(1.5);
        fpu().push(ONE, 0x7FFF);
        stepper.cpu.rip(0x1234);
        run("D8 0D 00 20 00 00"); // fmul float [2000]
        run("D9 35 00 21 00 00"); // fnstenv
        assertThat(stepper.memory.readInt(0x2100)).isEqualTo(0xFFFF_037F);
        assertThat(stepper.memory.readInt(0x2108)).as("tags").isEqualTo(0xFFFF_4BFF);
        assertThat(stepper.memory.readInt(0x210C)).as("FIP").isEqualTo(0x1234);
        assertThat(stepper.memory.readInt(0x2110) >>> 16).as("FOP").isEqualTo(0x00D);
        run("DD 35 00 21 00 00"); // fnsave
        assertThat(fpu().top()).isZero();
        assertThat(stepper.cpu.get8(StateBlock.X87_TAGS)).isZero();
        run("DD 25 00 21 00 00"); // frstor
        assertThat(fpu().top()).isEqualTo(5);
        run("DD D8"); // fstp st0
        assertThat(pop()).isEqualTo(1.5);
    }

    @Test
    void theSixteenBitEnvironmentHasSevenWords() {
        push(1);
        stepper.memory.writeShort(0x210E, 0x5555);
        run("66 D9 35 00 21 00 00");
        assertThat(stepper.memory.readShort(0x2100)).isEqualTo(0x37F);
        assertThat(stepper.memory.readShort(0x2104)).isEqualTo(0x3FFF);
        assertThat(stepper.memory.readShort(0x210E)).isEqualTo(0x5555);
    }
}
