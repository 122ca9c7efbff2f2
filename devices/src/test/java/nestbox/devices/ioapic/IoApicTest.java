package nestbox.devices.ioapic;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class IoApicTest {
    private record Message(long address, int data) {}

    private final List<Message> messages = new ArrayList<>();
    private final IoApic ioapic =
            new IoApic((address, data) -> messages.add(new Message(address, data)));

    private int read(int register) {
        ioapic.write(0, 4, register);
        return (int) ioapic.read(0x10, 4);
    }

    private void write(int register, int value) {
        ioapic.write(0, 4, register);
        ioapic.write(0x10, 4, value);
    }

    private void entry(int pin, long value) {
        write(0x11 + 2 * pin, (int) (value >>> 32));
        write(0x10 + 2 * pin, (int) value);
    }

    @Test
    void registersAfterReset() {
        assertThat(read(0)).isZero();
        assertThat(read(1)).isEqualTo(0x0017_0020);
        for (int pin = 0; pin < 24; pin++) {
            assertThat(read(0x10 + 2 * pin)).isEqualTo(0x1_0000);
            assertThat(read(0x11 + 2 * pin)).isZero();
        }
        write(0, -1);
        assertThat(read(0)).isEqualTo(0x0F00_0000);
        assertThat(read(2)).isEqualTo(0x0F00_0000);
    }

    @Test
    void thereMayBeMorePins() {
        IoApic large = new IoApic((address, data) -> messages.add(new Message(address, data)), 48);
        large.write(0, 4, 1);
        assertThat(large.read(0x10, 4)).isEqualTo(0x002F_0020);
        for (int pin : new int[] {17, 40, 47}) {
            large.write(0, 4, 0x10 + 2 * pin);
            large.write(0x10, 4, 0x30 + pin);
            assertThat(messages).as("active high, and low").isEmpty();
            large.input(pin).pulse();
            assertThat(messages).containsExactly(new Message(0xFEE0_0000L, 0x4030 + pin));
            messages.clear();
        }
        assertThat(large.save().redirectionTable()).hasSize(48);
    }

    @Test
    void readOnlyBitsStay() {
        entry(3, -1L);
        assertThat(read(0x16)).isEqualTo(0x1_AFFF);
        assertThat(read(0x17)).isEqualTo(0xFFFF_0000);
    }

    @Test
    void edgeBecomesAMessageToTheDestination() {
        entry(4, 0x0300_0000_0000_0031L);
        ioapic.input(4).set(true);
        ioapic.input(4).set(true);
        ioapic.input(4).set(false);
        assertThat(messages).containsExactly(new Message(0xFEE0_3000L, 0x4031));
    }

    @Test
    void logicalLowestPriorityAndExtendedDestination() {
        entry(4, 0xFF12_0000_0000_0931L);
        ioapic.input(4).pulse();
        assertThat(messages).containsExactly(new Message(0xFEEF_F12CL, 0x4131));
    }

    @Test
    void edgeOnAMaskedPinIsLost() {
        entry(4, 0x1_0031);
        ioapic.input(4).set(true);
        entry(4, 0x31);
        assertThat(messages).isEmpty();
    }

    @Test
    void levelIsSentAgainAfterItsEndWhileActive() {
        entry(9, 0x8041);
        ioapic.input(9).set(true);
        assertThat(messages).containsExactly(new Message(0xFEE0_0000L, 0xC041));
        assertThat(read(0x10 + 18)).isEqualTo(0xC041);
        ioapic.input(9).set(false);
        ioapic.input(9).set(true);
        assertThat(messages).hasSize(1);
        ioapic.endOfInterrupt(0x40);
        assertThat(messages).hasSize(1);
        ioapic.endOfInterrupt(0x41);
        assertThat(messages).hasSize(2);
        ioapic.input(9).set(false);
        ioapic.write(0x40, 4, 0x41);
        assertThat(messages).hasSize(2);
        assertThat(read(0x10 + 18)).isEqualTo(0x8041);
    }

    @Test
    void levelWaitsForItsMask() {
        entry(9, 0x1_8041);
        ioapic.input(9).set(true);
        assertThat(messages).isEmpty();
        entry(9, 0x8041);
        assertThat(messages).hasSize(1);
        entry(9, 0x1_8041);
        ioapic.endOfInterrupt(0x41);
        assertThat(messages).hasSize(1);
        assertThat(read(0x10 + 18)).isEqualTo(0x1_8041);
    }

    @Test
    void edgeModeClearsRemoteIrr() {
        entry(9, 0x8041);
        ioapic.input(9).set(true);
        entry(9, 0x1_0041);
        entry(9, 0x1_8041);
        assertThat(read(0x10 + 18)).isEqualTo(0x1_8041);
    }

    @Test
    void pciPinsAreActiveLow() {
        entry(16, 0xA042);
        assertThat(messages).isEmpty();
        ioapic.input(16).set(true);
        assertThat(messages).hasSize(1);
        entry(17, 0x8043); // wrong polarity: active at rest
        assertThat(messages).hasSize(2);
    }

    @Test
    void externalInterruptAndNmiAreEdges() {
        entry(0, 0x8700);
        ioapic.input(0).set(true);
        assertThat(messages).containsExactly(new Message(0xFEE0_0000L, 0x4700));
        assertThat(read(0x10)).isEqualTo(0x8700);
        entry(1, 0x0400);
        ioapic.input(1).set(true);
        assertThat(messages.getLast()).isEqualTo(new Message(0xFEE0_0000L, 0x4400));
    }

    @Test
    void restoredStateIsTheSame() {
        entry(9, 0x0500_0000_0000_8041L);
        ioapic.input(9).set(true);
        IoApic other = new IoApic((address, data) -> messages.add(new Message(address, data)));
        other.restore(ioapic.save());
        assertThat(other.save()).isEqualTo(ioapic.save());
        other.endOfInterrupt(0x41);
        assertThat(messages).hasSize(2);
    }
}
