package nestbox.cpu.xsave;

import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.Stepper;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.StateBlock;
import nestbox.x86.ControlBits;
import nestbox.x86.Vector;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class StateSavesTest {
    private static final long AREA = 0x2000;
    private static final String FXSAVE = "0F AE 04 25 00 20 00 00";
    private static final String FXRSTOR = "0F AE 0C 25 00 20 00 00";
    private static final String XSAVE = "48 0F AE 24 25 00 20 00 00";
    private static final String XSAVEOPT = "48 0F AE 34 25 00 20 00 00";
    private static final String XSAVEC = "48 0F C7 24 25 00 20 00 00";
    private static final String XRSTOR = "48 0F AE 2C 25 00 20 00 00";
    private static final String XRSTORS = "48 0F C7 1C 25 00 20 00 00";
    private static final long XSTATE_BV = AREA + 512;
    private static final long XCOMP_BV = AREA + 520;

    private final Stepper stepper = new Stepper(true);
    private final Cpu cpu = stepper.cpu;

    StateSavesTest() {
        cpu.xcr0 = ControlBits.XCR0_X87 | ControlBits.XCR0_SSE;
        cpu.set64(StateBlock.RAX, -1);
        cpu.set64(StateBlock.RDX, -1);
    }

    @AfterEach
    void close() {
        stepper.close();
    }

    private void run(String hex) {
        assertThat(stepper.run(hex)).as(hex).isEqualTo(Stepper.NO_FAULT);
    }

    private void someState() {
        run("D9 E8 D9 EB"); // fld1, fldpi
        for (int i = 0; i < 16; i++) {
            SPACE.set(I64, cpu.vector(i), 100L + i);
            SPACE.set(I64, cpu.vector(i) + 8, 200L + i);
        }
        cpu.set32(StateBlock.MXCSR, 0x9F80);
    }

    private void otherState() {
        run("DB E3 D9 EE");
        SPACE.set(I64, cpu.vector(15), 0L);
        cpu.set32(StateBlock.MXCSR, 0x1F80);
    }

    private void expectSomeState() {
        assertThat(cpu.get8(StateBlock.X87_TAGS)).isEqualTo(0xC0);
        assertThat(SPACE.get(I64, cpu.x87Register(6))).isEqualTo(0xC90F_DAA2_2168_C235L);
        assertThat(SPACE.get(I64, cpu.vector(15))).isEqualTo(115);
        assertThat(cpu.get32(StateBlock.MXCSR)).isEqualTo(0x9F80);
    }

    @Test
    void fxsaveAndBack() {
        someState();
        run(FXSAVE);
        assertThat(stepper.memory.readShort(AREA)).isEqualTo(0x37F);
        assertThat(stepper.memory.readByte(AREA + 4)).isEqualTo(0xC0);
        assertThat(stepper.memory.readInt(AREA + 28)).isEqualTo(0xFFFF);
        assertThat(stepper.memory.readLong(AREA + 32)).isEqualTo(0xC90F_DAA2_2168_C235L);
        assertThat(stepper.memory.readLong(AREA + 160 + 240)).isEqualTo(115);
        otherState();
        run(FXRSTOR);
        expectSomeState();
    }

    @Test
    void fxrstorRejectsReservedMxcsrBits() {
        run(FXSAVE);
        stepper.memory.writeInt(AREA + 24, 0x10000);
        assertThat(stepper.run(FXRSTOR)).isEqualTo(Vector.GP);
        assertThat(stepper.run("0F AE 04 25 08 20 00 00")).isEqualTo(Vector.GP);
        cpu.cr0 |= ControlBits.CR0_TS;
        assertThat(stepper.run(FXSAVE)).isEqualTo(Vector.NM);
    }

    @Test
    void xsaveAndBack() {
        someState();
        run(XSAVE);
        assertThat(stepper.memory.readLong(XSTATE_BV)).isEqualTo(3);
        otherState();
        run(XRSTOR);
        expectSomeState();
    }

    @Test
    void onlyRequestedComponentsMove() {
        someState();
        run(XSAVE);
        otherState();
        cpu.set64(StateBlock.RAX, 1);
        run(XRSTOR);
        assertThat(SPACE.get(I64, cpu.vector(15))).isZero();
        assertThat(cpu.get8(StateBlock.X87_TAGS)).isEqualTo(0xC0);
    }

    @Test
    void absentComponentsAreInitialized() {
        someState();
        run(XSAVE);
        stepper.memory.writeLong(XSTATE_BV, 0);
        run(XRSTOR);
        assertThat(SPACE.get(I64, cpu.vector(15))).isZero();
        assertThat(cpu.get8(StateBlock.X87_TAGS)).isZero();
        assertThat(cpu.get32(StateBlock.MXCSR)).as("loaded all the same").isEqualTo(0x9F80);
        assertThat(StateSaves.inUse(cpu)).isEqualTo(ControlBits.XCR0_SSE);
    }

    @Test
    void xsaveoptLeavesInitialStateOut() {
        SPACE.set(I64, cpu.vector(3), 7L);
        stepper.memory.writeShort(AREA, 0x5555);
        run(XSAVEOPT);
        assertThat(stepper.memory.readLong(XSTATE_BV)).isEqualTo(2);
        assertThat(stepper.memory.readShort(AREA)).isEqualTo(0x5555);
    }

    @Test
    void compactedAreas() {
        someState();
        run(XSAVEC);
        assertThat(stepper.memory.readLong(XCOMP_BV)).isEqualTo(1L << 63 | 3);
        otherState();
        run(XRSTORS);
        expectSomeState();
        stepper.memory.writeLong(XSTATE_BV, 0);
        run(XRSTOR);
        assertThat(cpu.get32(StateBlock.MXCSR)).isEqualTo(0x1F80);
    }

    @Test
    void headersAreChecked() {
        run(XSAVE);
        stepper.memory.writeLong(XSTATE_BV, 1 << 5);
        assertThat(stepper.run(XRSTOR)).isEqualTo(Vector.GP);
        stepper.memory.writeLong(XSTATE_BV, 1);
        stepper.memory.writeLong(XCOMP_BV, 1);
        assertThat(stepper.run(XRSTOR)).isEqualTo(Vector.GP);
        stepper.memory.writeLong(XCOMP_BV, 1L << 63);
        assertThat(stepper.run(XRSTOR)).as("a component without a place").isEqualTo(Vector.GP);
        stepper.memory.writeLong(XCOMP_BV, 0);
        assertThat(stepper.run(XRSTORS)).isEqualTo(Vector.GP);
        run(XRSTOR);
    }

    @Test
    void availability() {
        cpu.cr4 &= ~ControlBits.CR4_OSXSAVE;
        assertThat(stepper.run(XSAVE)).isEqualTo(Vector.UD);
        cpu.cr4 |= ControlBits.CR4_OSXSAVE;
        cpu.cr0 |= ControlBits.CR0_TS;
        assertThat(stepper.run(XSAVE)).isEqualTo(Vector.NM);
    }
}
