package nestbox.cpu.sse;

import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.Stepper;
import nestbox.cpu.core.StateBlock;
import nestbox.x86.ControlBits;
import nestbox.x86.Vector;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SseTest {
    private static final int DATA = 0x2000;

    private final Stepper stepper = new Stepper(false);

    @AfterEach
    void close() {
        stepper.close();
    }

    private void run(String hex) {
        assertThat(stepper.run(hex)).as(hex).isEqualTo(Stepper.NO_FAULT);
    }

    private void set(int register, long low, long high) {
        SPACE.set(I64, stepper.cpu.vector(register), low);
        SPACE.set(I64, stepper.cpu.vector(register) + 8, high);
    }

    private void singles(int register, float a, float b, float c, float d) {
        set(register, pair(a, b), pair(c, d));
    }

    private void doubles(int register, double a, double b) {
        set(register, Double.doubleToRawLongBits(a), Double.doubleToRawLongBits(b));
    }

    private static long pair(float low, float high) {
        return Float.floatToRawIntBits(low) & 0xFFFF_FFFFL
                | (long) Float.floatToRawIntBits(high) << 32;
    }

    private long low(int register) {
        return SPACE.get(I64, stepper.cpu.vector(register));
    }

    private long high(int register) {
        return SPACE.get(I64, stepper.cpu.vector(register) + 8);
    }

    private void expectSingles(int register, float a, float b, float c, float d) {
        assertThat(low(register)).isEqualTo(pair(a, b));
        assertThat(high(register)).isEqualTo(pair(c, d));
    }

    private void expectDoubles(int register, double a, double b) {
        assertThat(Double.longBitsToDouble(low(register))).isEqualTo(a);
        assertThat(Double.longBitsToDouble(high(register))).isEqualTo(b);
    }

    private int mxcsr() {
        return stepper.cpu.get32(StateBlock.MXCSR);
    }

    @Test
    void packedAndScalarArithmetic() {
        singles(0, 1, 2, 3, 4);
        singles(1, 10, 20, 30, 40);
        run("0F 58 C1"); // addps
        expectSingles(0, 11, 22, 33, 44);
        run("F3 0F 5C C1"); // subss
        expectSingles(0, 1, 22, 33, 44);
        doubles(2, 9, 16);
        run("66 0F 51 DA"); // sqrtpd xmm3, xmm2
        expectDoubles(3, 3, 4);
        run("F2 0F 5E DA"); // divsd
        assertThat(Double.longBitsToDouble(low(3))).isEqualTo(3.0 / 9);
        assertThat(mxcsr()).isEqualTo(0x1FA0);
    }

    @Test
    void horizontalOperations() {
        singles(0, 1, 2, 3, 4);
        singles(1, 10, 20, 30, 40);
        run("F2 0F 7C C1"); // haddps
        expectSingles(0, 3, 7, 30, 70);
        run("F2 0F D0 C1"); // addsubps
        expectSingles(0, -7, 27, 0, 110);
        doubles(2, 5, 3);
        run("66 0F 7D D2"); // hsubpd xmm2, xmm2
        expectDoubles(2, 2, 2);
        singles(3, 1, 2, 3, 4);
        run("66 0F 3A 40 DB 75"); // dpps xmm3, xmm3: elements 0 to 2 into 0 and 2
        expectSingles(3, 14, 0, 14, 0);
    }

    @Test
    void anUnmaskedExceptionKeepsTheDestination() {
        stepper.cpu.set32(StateBlock.MXCSR, 0x1F80 & ~0x200); // ZM clear
        singles(0, 1, 2, 3, 4);
        singles(1, 3, 1, 1, 0);
        assertThat(stepper.run("0F 5E C1")).isEqualTo(Vector.XM); // divps
        expectSingles(0, 1, 2, 3, 4);
        assertThat(mxcsr()).as("not PE, which comes later").isEqualTo(0x1D84);
        stepper.cpu.cr4 &= ~ControlBits.CR4_OSXMMEXCPT;
        assertThat(stepper.run("0F 5E C1")).isEqualTo(Vector.UD);
    }

    @Test
    void availability() {
        stepper.cpu.cr0 |= ControlBits.CR0_TS;
        assertThat(stepper.run("0F 58 C1")).isEqualTo(Vector.NM);
        assertThat(stepper.run("0F 28 C1")).isEqualTo(Vector.NM);
        stepper.cpu.cr0 |= ControlBits.CR0_EM;
        assertThat(stepper.run("0F 58 C1")).isEqualTo(Vector.UD);
        stepper.cpu.cr0 &= ~(ControlBits.CR0_EM | ControlBits.CR0_TS);
        stepper.cpu.cr4 &= ~ControlBits.CR4_OSFXSR;
        assertThat(stepper.run("0F 28 C1")).isEqualTo(Vector.UD);
    }

    @Test
    void alignment() {
        assertThat(stepper.run("0F 28 05 04 20 00 00")).isEqualTo(Vector.GP); // movaps
        assertThat(stepper.run("0F 58 05 08 20 00 00")).isEqualTo(Vector.GP); // addps
        assertThat(stepper.run("0F 29 05 01 20 00 00")).isEqualTo(Vector.GP);
        run("0F 10 05 04 20 00 00"); // movups
        run("F3 0F 58 05 01 20 00 00"); // addss
    }

    @Test
    void comparisons() {
        doubles(0, 1, Double.NaN);
        doubles(1, 2, 0);
        run("66 0F C2 C1 01"); // cmpltpd
        assertThat(low(0)).isEqualTo(-1);
        assertThat(high(0)).isZero();
        assertThat(mxcsr() & 1).as("a signaling predicate").isEqualTo(1);
        doubles(0, 1, 0);
        run("66 0F 2E C1"); // ucomisd
        assertThat(stepper.cpu.statusFlags()).isEqualTo(1);
        doubles(0, Double.NaN, 0);
        run("66 0F 2F C1"); // comisd
        assertThat(stepper.cpu.statusFlags()).isEqualTo(0x45);
    }

    @Test
    void conversions() {
        set(1, 0xFFFF_FFFF_0000_0007L, 0x0000_0003_8000_0000L);
        run("0F 5B C1"); // cvtdq2ps
        expectSingles(0, 7, -1, Integer.MIN_VALUE, 3);
        run("F3 0F E6 C1"); // cvtdq2pd
        expectDoubles(0, 7, -1);
        run("66 0F 5A D0"); // cvtpd2ps xmm2
        expectSingles(2, 7, -1, 0, 0);
        singles(1, 2.5f, -2.5f, 3.5f, Float.NaN);
        run("66 0F 5B C1"); // cvtps2dq
        assertThat(low(0)).isEqualTo(0xFFFF_FFFE_0000_0002L);
        assertThat(high(0)).isEqualTo(0x8000_0000_0000_0004L);
        doubles(1, -2.75, 1e10);
        run("F2 0F 2C C1"); // cvttsd2si eax
        assertThat(stepper.cpu.get32(StateBlock.RAX)).isEqualTo(-2);
        run("66 0F E6 C1"); // cvttpd2dq
        assertThat(low(0)).isEqualTo(0x8000_0000_FFFF_FFFEL);
        assertThat(high(0)).isZero();
        run("F3 0F 2A C0"); // cvtsi2ss xmm0, eax
        assertThat((int) low(0)).isEqualTo(Float.floatToRawIntBits(-2));
    }

    @Test
    void mmxConversionsTakeTheFpuOver() {
        run("D9 E8"); // fld1
        singles(1, 1.75f, -8, 0, 0);
        run("0F 2C C1"); // cvttps2pi mm0, xmm1
        assertThat(stepper.cpu.get8(StateBlock.X87_TAGS)).isEqualTo(0xFF);
        assertThat(SPACE.get(I64, stepper.cpu.x87Register(0))).isEqualTo(0xFFFF_FFF8_0000_0001L);
        run("66 0F 2A D0"); // cvtpi2pd xmm2, mm0
        expectDoubles(2, 1, -8);
    }

    @Test
    void moves() {
        singles(0, 1, 2, 3, 4);
        singles(1, 5, 6, 7, 8);
        run("F3 0F 10 C1"); // movss xmm0, xmm1
        expectSingles(0, 5, 2, 3, 4);
        run("0F 12 C1"); // movhlps
        expectSingles(0, 7, 8, 3, 4);
        run("0F 16 C1"); // movlhps
        expectSingles(0, 7, 8, 5, 6);
        run("0F 17 05 00 20 00 00"); // movhps [2000]
        assertThat(stepper.memory.readLong(DATA)).isEqualTo(pair(5, 6));
        run("F2 0F 10 15 00 20 00 00"); // movsd xmm2, [2000]
        expectSingles(2, 5, 6, 0, 0);
        run("F3 0F 16 C1"); // movshdup
        expectSingles(0, 6, 6, 8, 8);
        run("F3 0F 12 C1"); // movsldup
        expectSingles(0, 5, 5, 7, 7);
        run("F2 0F 12 C1"); // movddup
        expectSingles(0, 5, 6, 5, 6);
        singles(0, -1, 2, -3, -0f);
        run("0F 50 C0"); // movmskps
        assertThat(stepper.cpu.get32(StateBlock.RAX)).isEqualTo(0b1101);
    }

    @Test
    void shuffles() {
        singles(0, 1, 2, 3, 4);
        singles(1, 5, 6, 7, 8);
        run("0F C6 C1 1B"); // shufps
        expectSingles(0, 4, 3, 6, 5);
        run("0F 14 C1"); // unpcklps
        expectSingles(0, 4, 5, 3, 6);
        run("0F 15 C1"); // unpckhps
        expectSingles(0, 3, 7, 6, 8);
        run("66 0F 3A 21 C1 9C"); // insertps: element 2 to 1, zero 2 and 3
        expectSingles(0, 3, 7, 0, 0);
        run("66 0F 3A 0C C1 05"); // blendps
        expectSingles(0, 5, 7, 7, 0);
        run("66 0F 3A 17 C0 01"); // extractps eax
        assertThat(stepper.cpu.get32(StateBlock.RAX)).isEqualTo(Float.floatToRawIntBits(7));
        singles(0, -1, 1, -1, 1);
        singles(2, 1, 2, 3, 4);
        run("66 0F 38 14 D1"); // blendvps xmm2, xmm1
        expectSingles(2, 5, 2, 7, 4);
    }

    @Test
    void mxcsrRejectsReservedBits() {
        stepper.memory.writeInt(DATA, 0x1_1F80);
        assertThat(stepper.run("0F AE 15 00 20 00 00")).isEqualTo(Vector.GP);
        stepper.memory.writeInt(DATA, 0x9FC0);
        run("0F AE 15 00 20 00 00 0F AE 1D 10 20 00 00");
        assertThat(stepper.memory.readInt(DATA + 16)).isEqualTo(0x9FC0);
    }
}
