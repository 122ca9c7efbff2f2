package nestbox.cpu.apic;

import static nestbox.cpu.apic.ApicRegister.*;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class X2apicTest {
    private static final long BASE = 0xFEE0_0100L;
    private static final long DISABLED = BASE;
    private static final long INVALID = BASE | 1 << 10;
    private static final long XAPIC = BASE | 1 << 11;
    private static final long X2APIC = BASE | 1 << 11 | 1 << 10;

    private final ApicBoard board = new ApicBoard(0x25, 0x26).x2apic();
    private final LocalApic apic = board.apic();

    @Test
    void onlyTheTransitionsOfTheFigureAreAllowed() {
        LocalApic fresh = new ApicBoard(0).apic();
        assertThat(fresh.writeApicBase(INVALID)).isFalse();
        assertThat(fresh.writeApicBase(X2APIC)).isTrue();
        assertThat(fresh.writeApicBase(XAPIC)).isFalse();
        assertThat(fresh.writeApicBase(INVALID)).isFalse();
        assertThat(fresh.writeApicBase(X2APIC)).isTrue();
        assertThat(fresh.writeApicBase(DISABLED)).isTrue();
        assertThat(fresh.writeApicBase(X2APIC)).isFalse();
        assertThat(fresh.writeApicBase(INVALID)).isFalse();
        assertThat(fresh.apicBase()).isEqualTo(DISABLED);
        assertThat(fresh.writeApicBase(XAPIC)).isTrue();
        assertThat(fresh.writeApicBase(DISABLED)).isTrue();
    }

    @Test
    void baseHasReservedBits() {
        LocalApic fresh = new ApicBoard(0).apic();
        for (int bit : new int[] {0, 1, 7, 9, 39, 52, 63}) {
            assertThat(fresh.writeApicBase(XAPIC | 1L << bit)).as("bit %d", bit).isFalse();
        }
        assertThat(fresh.writeApicBase(0x7F_1234_5800L)).isTrue();
        assertThat(fresh.page()).isEqualTo(0x7F_1234_5000L);
    }

    @Test
    void resetLeavesX2apicModeAndInitDoesNot() {
        apic.init();
        assertThat(apic.mode()).isEqualTo(ApicMode.X2APIC);
        apic.reset();
        assertThat(apic.mode()).isEqualTo(ApicMode.XAPIC);
        assertThat(board.read(ID)).isEqualTo(0x25 << 24);
    }

    @Test
    void idHas32BitsAndDeterminesTheLogicalId() {
        ApicBoard big = new ApicBoard(0x12345).x2apic();
        assertThat(big.read(ID)).isEqualTo(0x12345);
        assertThat(big.read(LOGICAL_DESTINATION)).isEqualTo(0x1234 << 16 | 1 << 5);
    }

    @Test
    void everyMsrFollowsTheAccessRights() {
        for (int msr = FIRST_MSR; msr <= LAST_MSR; msr++) {
            int slot = msr - FIRST_MSR;
            boolean exists = ApicRegister.isRegister(slot);
            boolean readable = exists && ApicRegister.at(slot).x2apic().readable();
            boolean writable = exists && ApicRegister.at(slot).x2apic().writable();
            assertThat(apic.readMsr(msr) != LocalApic.FAULT)
                    .as("RDMSR %x", msr)
                    .isEqualTo(readable);
            assertThat(apic.writeMsr(msr, 0)).as("WRMSR %x", msr).isEqualTo(writable);
        }
    }

    @Test
    void reservedBitsFault() {
        for (ApicRegister register : ApicRegister.values()) {
            if (!register.x2apic().writable() || register == INTERRUPT_COMMAND) {
                continue;
            }
            for (int bit = 0; bit < 64; bit++) {
                boolean readOnly = register.name().startsWith("LVT") && (bit == 12 || bit == 14);
                boolean expected =
                        bit < 32 && (register.writableBits() >>> bit & 1) != 0 || readOnly;
                assertThat(apic.writeMsr(register.msr(), 1L << bit))
                        .as("%s bit %d", register, bit)
                        .isEqualTo(expected);
            }
        }
        for (int bit : new int[] {13, 16, 17, 20, 31}) {
            assertThat(apic.writeMsr(0x830, 1L << bit)).as("ICR bit %d", bit).isFalse();
        }
    }

    @Test
    void msrsExistInX2apicModeOnly() {
        LocalApic fresh = new ApicBoard(0).apic();
        assertThat(fresh.readMsr(0x802)).isEqualTo(LocalApic.FAULT);
        assertThat(fresh.writeMsr(0x80B, 0)).isFalse();
        assertThat(apic.page()).isEqualTo(-1);
    }

    @Test
    void icrIsOneRegisterOf64Bits() {
        assertThat(apic.writeMsr(0x830, 0x26L << 32 | 0x4000 | 0x51)).isTrue();
        assertThat(apic.readMsr(0x830)).isEqualTo(0x26L << 32 | 0x4000 | 0x51);
        assertThat(board.pending()).containsExactly(-1, 0x51);
    }

    @Test
    void selfIpiReachesTheSender() {
        assertThat(apic.writeMsr(0x83F, 0xEE)).isTrue();
        assertThat(board.pending()).containsExactly(0xEE, -1);
        apic.writeMsr(0x83F, 0xE);
        apic.writeMsr(0x828, 0);
        assertThat(apic.readMsr(0x828)).isEqualTo(0x60);
    }

    @Test
    void logicalDestinationIsAClusterAndASetWithin() {
        board.apic().writeMsr(0x830, 0x0002_0060L << 32 | 0x800 | 0x71);
        assertThat(board.pending()).containsExactly(0x71, 0x71);
        board.drain();
        board.apic().writeMsr(0x830, 0x0002_0040L << 32 | 0x800 | 0x72);
        assertThat(board.pending()).containsExactly(-1, 0x72);
        board.drain();
        board.apic().writeMsr(0x830, 0x0001_0060L << 32 | 0x800 | 0x73);
        assertThat(board.pending()).containsExactly(-1, -1);
    }

    @Test
    void broadcastIsAllOnes() {
        board.apic().writeMsr(0x830, -1L << 32 | 0x81);
        assertThat(board.pending()).containsExactly(0x81, 0x81);
        board.drain();
        board.bus.message(0xFEEF_F000L, 0x82);
        assertThat(board.pending()).as("8 bits of a device").containsExactly(0x82, 0x82);
    }

    @Test
    void disablingForgetsEverything() {
        board.raise(0x40);
        apic.writeApicBase(DISABLED);
        assertThat(apic.highestPending()).isEqualTo(-1);
        assertThat(board.core().requested).isFalse();
        apic.writeApicBase(XAPIC);
        assertThat(board.read(SPURIOUS_VECTOR)).isEqualTo(0xFF);
        assertThat(apic.highestPending()).isEqualTo(-1);
    }
}
