package nestbox.devices.pic;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.Wire;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PicTest {
    private static final int MASTER = 0x20;
    private static final int SLAVE = 0xA0;

    private final Wire intr = new Wire();
    private final Pic pic = new Pic(intr);

    @BeforeEach
    void initialize() {
        initialize(0x01);
    }

    private void initialize(int icw4) {
        initialize(icw4, 0x01);
    }

    private void initialize(int masterIcw4, int slaveIcw4) {
        write(MASTER, 0x11, 0x20, 0x04, masterIcw4);
        write(SLAVE, 0x11, 0x28, 0x02, slaveIcw4);
        pic.write(MASTER + 1, 0);
        pic.write(SLAVE + 1, 0);
    }

    private void write(int port, int icw1, int icw2, int icw3, int icw4) {
        pic.write(port, icw1);
        pic.write(port + 1, icw2);
        pic.write(port + 1, icw3);
        pic.write(port + 1, icw4);
    }

    private void raise(int irq) {
        pic.input(irq).set(true);
    }

    private void lower(int irq) {
        pic.input(irq).set(false);
    }

    private int inService(int port) {
        pic.write(port, 0x0B);
        return pic.read(port);
    }

    private int requests(int port) {
        pic.write(port, 0x0A);
        return pic.read(port);
    }

    @Test
    void nothingIsRequestedBeforeInitialization() {
        pic.reset();
        raise(3);
        assertThat(intr.asserted).isFalse();
    }

    @Test
    void maskIsReadBackAsWritten() {
        pic.write(MASTER + 1, 0xFB);
        pic.write(SLAVE + 1, 0x5A);
        assertThat(pic.read(MASTER + 1)).isEqualTo(0xFB);
        assertThat(pic.read(SLAVE + 1)).isEqualTo(0x5A);
    }

    @Test
    void edgeIsRequestedOnce() {
        raise(4);
        assertThat(intr.asserted).isTrue();
        assertThat(pic.acknowledge()).isEqualTo(0x24);
        assertThat(intr.asserted).isFalse();
        assertThat(inService(MASTER)).isEqualTo(0x10);
        pic.write(MASTER, 0x20);
        assertThat(intr.asserted).isFalse();
        lower(4);
        raise(4);
        assertThat(pic.acknowledge()).isEqualTo(0x24);
    }

    @Test
    void requestThatWentAwayGivesTheDefaultVector() {
        raise(4);
        lower(4);
        assertThat(intr.asserted).isFalse();
        assertThat(pic.acknowledge()).isEqualTo(0x27);
        assertThat(inService(MASTER)).isZero();
    }

    @Test
    void levelIsRequestedAgainAfterItsEnd() {
        pic.write(0x4D0, 0xFF);
        assertThat(pic.read(0x4D0)).isEqualTo(0xF8);
        raise(5);
        assertThat(pic.acknowledge()).isEqualTo(0x25);
        assertThat(intr.asserted).isFalse();
        pic.write(MASTER, 0x65);
        assertThat(pic.acknowledge()).isEqualTo(0x25);
        lower(5);
        pic.write(MASTER, 0x65);
        assertThat(intr.asserted).isFalse();
    }

    @Test
    void slaveIsReachedThroughTheCascade() {
        raise(8);
        assertThat(requests(MASTER)).isEqualTo(4);
        assertThat(pic.acknowledge()).isEqualTo(0x28);
        assertThat(inService(MASTER)).isEqualTo(4);
        assertThat(inService(SLAVE)).isEqualTo(1);
        raise(14);
        assertThat(intr.asserted).isFalse();
        pic.write(SLAVE, 0x20);
        pic.write(MASTER, 0x20);
        assertThat(pic.acknowledge()).isEqualTo(0x2E);
    }

    @Test
    void slaveRequestThatWentAwayLeavesTheMasterInService() {
        pic.write(0x4D1, 0xFF);
        assertThat(pic.read(0x4D1)).isEqualTo(0xDE);
        raise(9);
        lower(9);
        assertThat(pic.acknowledge()).isEqualTo(0x27);
    }

    @Test
    void higherPriorityInterruptsLowerOnlyNested() {
        raise(4);
        pic.acknowledge();
        raise(6);
        assertThat(intr.asserted).isFalse();
        raise(1);
        assertThat(pic.acknowledge()).isEqualTo(0x21);
        assertThat(inService(MASTER)).isEqualTo(0x12);
        pic.write(MASTER, 0x20);
        assertThat(inService(MASTER)).isEqualTo(0x10);
        pic.write(MASTER, 0x20);
        assertThat(pic.acknowledge()).isEqualTo(0x26);
    }

    @Test
    void rotationGivesTheEndedInputTheLowestPriority() {
        raise(3);
        pic.acknowledge();
        pic.write(MASTER, 0xA0);
        lower(3);
        raise(3);
        raise(4);
        assertThat(pic.acknowledge()).isEqualTo(0x24);
        pic.write(MASTER, 0x20);
        assertThat(pic.acknowledge()).isEqualTo(0x23);
        pic.write(MASTER, 0xE0 | 3);
        assertThat(inService(MASTER)).isZero();
        pic.write(MASTER, 0xC0 | 5); // IR6 is highest now
        raise(0);
        raise(6);
        assertThat(pic.acknowledge()).isEqualTo(0x26);
    }

    @Test
    void automaticEndLeavesNothingInService() {
        initialize(0x03);
        raise(2 + 1);
        assertThat(pic.acknowledge()).isEqualTo(0x23);
        assertThat(inService(MASTER)).isZero();
        pic.write(MASTER, 0x80); // rotate in automatic EOI mode
        raise(5);
        assertThat(pic.acknowledge()).isEqualTo(0x25);
        raise(4);
        raise(6);
        assertThat(pic.acknowledge()).isEqualTo(0x26);
        assertThat(pic.acknowledge()).isEqualTo(0x24);
    }

    @Test
    void automaticEndInTheSlaveLosesNoRequest() {
        initialize(0x03, 0x03);
        raise(9);
        raise(10);
        assertThat(pic.acknowledge()).isEqualTo(0x29);
        assertThat(intr.asserted).isTrue();
        assertThat(pic.acknowledge()).isEqualTo(0x2A);
        assertThat(intr.asserted).isFalse();
    }

    @Test
    void specialMaskModeLetsLowerPrioritiesThrough() {
        raise(1);
        pic.acknowledge();
        raise(6);
        assertThat(intr.asserted).isFalse();
        pic.write(MASTER + 1, 0x02);
        pic.write(MASTER, 0x68);
        assertThat(pic.acknowledge()).isEqualTo(0x26);
        pic.write(MASTER, 0x20); // not the masked one
        assertThat(inService(MASTER)).isEqualTo(0x02);
        pic.write(MASTER, 0x48);
        pic.write(MASTER, 0x20);
        assertThat(inService(MASTER)).isZero();
    }

    @Test
    void specialFullyNestedModeLetsTheSlaveNest() {
        initialize(0x11);
        raise(12);
        assertThat(pic.acknowledge()).isEqualTo(0x2C);
        raise(3);
        assertThat(intr.asserted).isFalse();
        raise(9);
        assertThat(pic.acknowledge()).isEqualTo(0x29);
        assertThat(inService(SLAVE)).isEqualTo(0x12);
    }

    @Test
    void pollAcknowledges() {
        pic.write(MASTER, 0x0C);
        assertThat(pic.read(MASTER)).isZero();
        raise(6);
        pic.write(MASTER, 0x0C);
        assertThat(pic.read(MASTER)).isEqualTo(0x86);
        assertThat(intr.asserted).isFalse();
        assertThat(inService(MASTER)).isEqualTo(0x40);
    }

    @Test
    void withoutIcw4TheCallAddressIsTheVector() {
        pic.write(MASTER, 0x14); // interval 4
        pic.write(MASTER + 1, 0x20);
        pic.write(MASTER + 1, 0x04);
        raise(3);
        assertThat(pic.acknowledge()).isEqualTo(3 << 2);
    }

    @Test
    void restoredPairContinues() {
        raise(4);
        pic.acknowledge();
        raise(1);
        Wire otherIntr = new Wire();
        Pic other = new Pic(otherIntr);
        other.restore(pic.save());
        assertThat(other.save()).isEqualTo(pic.save());
        assertThat(otherIntr.asserted).isTrue();
        assertThat(other.acknowledge()).isEqualTo(0x21);
    }
}
