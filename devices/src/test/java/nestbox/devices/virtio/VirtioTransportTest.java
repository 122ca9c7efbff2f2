package nestbox.devices.virtio;

import static nestbox.devices.virtio.GuestDriver.EVENT_IDX;
import static nestbox.devices.virtio.GuestDriver.INDIRECT;
import static nestbox.devices.virtio.GuestDriver.VERSION_1;
import static nestbox.devices.virtio.VirtioRegisters.DESC_INDIRECT;
import static nestbox.devices.virtio.VirtioRegisters.DESC_NEXT;
import static nestbox.devices.virtio.VirtioRegisters.DESC_WRITE;
import static nestbox.devices.virtio.VirtioRegisters.DRIVER_OK;
import static nestbox.devices.virtio.VirtioRegisters.FEATURES_OK;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.virtio.GuestDriver.Buffer;
import nestbox.devices.virtio.GuestDriver.Message;
import nestbox.devices.virtio.GuestDriver.Ring;
import nestbox.devices.virtio.GuestDriver.Used;
import nestbox.devices.virtio.rng.VirtioRng;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.List;

class VirtioTransportTest {
    private final GuestDriver guest = new GuestDriver(new VirtioRng("rng0", 42));

    @AfterEach
    void close() {
        guest.close();
    }

    @Test
    void identifiesItselfAsAModernDevice() {
        assertThat(guest.readConfig(0, 4)).isEqualTo(0x1044_1AF4);
        assertThat(guest.readConfig(8, 1)).isEqualTo(1);
        assertThat(guest.common(VirtioRegisters.NUM_QUEUES, 2)).isEqualTo(1);
        assertThat(guest.readConfig(guest.capability(9, 2) + 16, 4)).isEqualTo(4);
        assertThat(guest.offeredFeatures()).isEqualTo(VERSION_1 | INDIRECT | EVENT_IDX);
        assertThat(guest.capability(9, VirtioRegisters.CAP_DEVICE)).as("has none").isZero();
    }

    @Test
    void takesOnlyFeaturesThatItOfferedWithVersion1() {
        assertThat(guest.negotiate(VERSION_1)).isTrue();
        assertThat(guest.negotiate(INDIRECT)).isFalse();
        assertThat(guest.negotiate(VERSION_1 | 1)).isFalse();
        assertThat(guest.negotiate(VERSION_1 | 1L << 40)).isFalse();
        guest.status(DRIVER_OK);
        assertThat(guest.status() & DRIVER_OK).as("without FEATURES_OK").isZero();
    }

    @Test
    void featuresAreFixedOnceTaken() {
        guest.negotiate(VERSION_1);
        guest.common(VirtioRegisters.DRIVER_FEATURE_SELECT, 4, 0);
        guest.common(VirtioRegisters.DRIVER_FEATURE, 4, -1);
        assertThat(guest.common(VirtioRegisters.DRIVER_FEATURE, 4)).isZero();
        assertThat(guest.status() & FEATURES_OK).isNotZero();
    }

    @Test
    void queueRegistersReadBack() {
        guest.negotiate(VERSION_1);
        guest.common(VirtioRegisters.QUEUE_SELECT, 2, 0);
        assertThat(guest.common(VirtioRegisters.QUEUE_SIZE, 2)).isEqualTo(64);
        guest.common(VirtioRegisters.QUEUE_SIZE, 2, 48);
        assertThat(guest.common(VirtioRegisters.QUEUE_SIZE, 2)).as("not 2^n").isEqualTo(64);
        guest.common(VirtioRegisters.QUEUE_SIZE, 2, 32);
        assertThat(guest.common(VirtioRegisters.QUEUE_SIZE, 2)).isEqualTo(32);
        guest.common(VirtioRegisters.QUEUE_DESC, 4, 0x1000);
        guest.common(VirtioRegisters.QUEUE_DESC + 4, 4, 7);
        assertThat(guest.common(VirtioRegisters.QUEUE_DESC, 4)).isEqualTo(0x1000);
        assertThat(guest.common(VirtioRegisters.QUEUE_DESC + 4, 4)).isEqualTo(7);
        guest.common(VirtioRegisters.QUEUE_MSIX_VECTOR, 2, 1);
        assertThat(guest.common(VirtioRegisters.QUEUE_MSIX_VECTOR, 2)).isEqualTo(1);
        guest.common(VirtioRegisters.QUEUE_MSIX_VECTOR, 2, 2);
        assertThat(guest.common(VirtioRegisters.QUEUE_MSIX_VECTOR, 2)).isEqualTo(0xFFFF);
        guest.common(VirtioRegisters.QUEUE_SELECT, 2, 5);
        assertThat(guest.common(VirtioRegisters.QUEUE_SIZE, 2)).isZero();
    }

    @Test
    void intxStaysAssertedUntilTheIsrIsRead() {
        guest.start(0);
        guest.ring(0).request(guest.in(8));
        assertThat(guest.line()).isTrue();
        assertThat(guest.isr()).isEqualTo(1);
        assertThat(guest.line()).isFalse();
        assertThat(guest.isr()).isZero();
    }

    @Test
    void msixSendsTheVectorOfTheQueue() {
        guest.start(0).useMsix();
        guest.ring(0).request(guest.in(8));
        assertThat(guest.messages).containsExactly(new Message(0xFEE0_0000L, 0x40));
        assertThat(guest.line()).isFalse();
        assertThat(guest.isr()).isZero();
    }

    @Test
    void aDriverCanDeclineInterrupts() {
        guest.start(0);
        guest.memory.writeShort(guest.ring(0).available, 1);
        guest.ring(0).request(guest.in(8));
        assertThat(guest.ring(0).used()).isPresent();
        assertThat(guest.line()).isFalse();
    }

    @Test
    void eventIndexTellsWhenToInterruptAndWhenToNotify() {
        guest.start(EVENT_IDX);
        Ring ring = guest.ring(0);
        ring.usedEvent(1);
        ring.request(guest.in(8));
        assertThat(guest.line()).as("index 1 not passed").isFalse();
        assertThat(ring.availableEvent()).isEqualTo(1);
        ring.add(guest.in(8));
        ring.request(guest.in(8));
        assertThat(guest.line()).as("index 1 passed").isTrue();
        assertThat(ring.availableEvent()).isEqualTo(3);
    }

    @Test
    void ringsWrapAround() {
        guest.start(EVENT_IDX);
        for (int i = 0; i < 70_000; i++) {
            guest.ring(0).request(new Buffer(0x2000, 1, true));
            assertThat(guest.ring(0).used()).contains(new Used(i % 16, 1));
        }
    }

    @Test
    void indirectTablesAndManyBuffersCount() {
        guest.start(INDIRECT);
        Buffer first = guest.in(3);
        Buffer second = guest.in(5);
        int head = guest.ring(0).request(first, second);
        assertThat(guest.ring(0).used()).contains(new Used(head, 8));
        assertThat(guest.contents(second)).isNotEqualTo(new byte[] {-18, -18, -18, -18, -18});
    }

    @Test
    void nothingMovesUntilTheDeviceIsABusMaster() {
        guest.start(0);
        guest.writeConfig(4, 2, 2);
        guest.ring(0).request(guest.in(8));
        assertThat(guest.ring(0).used()).isEmpty();
        guest.writeConfig(4, 2, 6);
        assertThat(guest.ring(0).used()).isPresent();
    }

    @Test
    void theConfigurationCapabilityReachesTheRegisters() {
        int at = guest.capability(9, 5);
        long common = guest.structure(1);
        guest.writeConfig(at + 4, 1, 4);
        guest.writeConfig(at + 8, 4, VirtioRegisters.NUM_QUEUES);
        guest.writeConfig(at + 12, 4, 2);
        assertThat(guest.readConfig(at + 16, 4)).isEqualTo(1);
        guest.writeConfig(at + 8, 4, VirtioRegisters.DEVICE_STATUS);
        guest.writeConfig(at + 12, 4, 1);
        guest.writeConfig(at + 16, 1, 3);
        assertThat(guest.mmio.read(common + VirtioRegisters.DEVICE_STATUS, 1)).isEqualTo(3);
        for (int bad : new int[] {0, 3, 5, 8, -1}) {
            guest.writeConfig(at + 12, 4, bad);
            assertThat(guest.readConfig(at + 16, 4)).isZero();
        }
        guest.writeConfig(at + 12, 4, 4);
        guest.writeConfig(at + 8, 4, -4);
        assertThat(guest.readConfig(at + 16, 4)).isZero();
        guest.writeConfig(at + 4, 1, 99);
        assertThat(guest.readConfig(at + 16, 4)).isZero();
    }

    @Test
    void brokenRingsStopTheDeviceUntilReset() {
        record Broken(QueueFault fault, Runnable how) {}
        List<Broken> all =
                List.of(
                        new Broken(
                                QueueFault.AVAILABLE_INDEX_RAN_AWAY,
                                () -> guest.memory.writeShort(guest.ring(0).available + 2, 17)),
                        new Broken(
                                QueueFault.DESCRIPTOR_INDEX_OUT_OF_RANGE,
                                () -> guest.ring(0).publish(16)),
                        new Broken(
                                QueueFault.CHAIN_TOO_LONG,
                                () -> chain(0x1000, 8, DESC_WRITE | DESC_NEXT, 0)),
                        new Broken(
                                QueueFault.CHAIN_TOO_LARGE,
                                () -> {
                                    for (int i = 0; i < 16; i++) {
                                        guest.ring(0)
                                                .descriptor(
                                                        guest.ring(0).descriptors,
                                                        i,
                                                        1 << 20,
                                                        100 << 20,
                                                        DESC_WRITE | DESC_NEXT,
                                                        i + 1 & 15);
                                    }
                                    guest.ring(0).publish(0);
                                }),
                        new Broken(
                                QueueFault.BUFFER_NOT_IN_RAM,
                                () -> chain(127 << 20, 2 << 20, DESC_WRITE, 0)),
                        new Broken(
                                QueueFault.BUFFER_NOT_IN_RAM, () -> chain(-8, 16, DESC_WRITE, 0)),
                        new Broken(
                                QueueFault.BUFFER_NOT_IN_RAM,
                                () -> chain(0x9F000, 0x30000, DESC_WRITE, 0)),
                        new Broken(
                                QueueFault.READABLE_AFTER_WRITABLE,
                                () -> {
                                    guest.ring(0)
                                            .descriptor(
                                                    guest.ring(0).descriptors, 1, 0x1000, 8, 0, 0);
                                    chain(0x1000, 8, DESC_WRITE | DESC_NEXT, 1);
                                }),
                        new Broken(
                                QueueFault.BAD_INDIRECT_TABLE,
                                () -> chain(0x1000, 24, DESC_INDIRECT, 0)),
                        new Broken(
                                QueueFault.BAD_INDIRECT_TABLE,
                                () -> chain(0x1000, 0, DESC_INDIRECT, 0)),
                        new Broken(
                                QueueFault.BAD_INDIRECT_TABLE,
                                () -> chain(0x1000, 16, DESC_INDIRECT | DESC_NEXT, 0)),
                        new Broken(
                                QueueFault.BAD_INDIRECT_TABLE,
                                () -> chain(1L << 40, 16, DESC_INDIRECT, 0)),
                        new Broken(
                                QueueFault.BAD_INDIRECT_TABLE,
                                () -> {
                                    guest.ring(0)
                                            .descriptor(0x1000, 0, 0x1000, 16, DESC_INDIRECT, 0);
                                    chain(0x1000, 16, DESC_INDIRECT, 0);
                                }));
        for (Broken broken : all) {
            guest.start(INDIRECT).useMsix();
            guest.messages.clear();
            broken.how.run();
            guest.ring(0).kick();
            assertThat(guest.device.faults()).containsExactly(broken.fault);
            assertThat(guest.needsReset()).isTrue();
            assertThat(guest.messages).contains(new Message(0xFEE0_0000L, 0x41));
            guest.ring(0).kick();
        }
        guest.start(0);
        guest.ring(0).request(guest.in(8));
        assertThat(guest.ring(0).used()).isPresent();
    }

    private void chain(long address, int length, int flags, int next) {
        Ring ring = guest.ring(0);
        ring.descriptor(ring.descriptors, 0, address, length, flags, next);
        ring.publish(0);
    }

    @Test
    void misplacedRingsStopTheDevice() {
        record Place(int register, long at, QueueFault fault) {}
        for (Place place :
                List.of(
                        new Place(VirtioRegisters.QUEUE_DESC, 0x1008, QueueFault.RING_MISALIGNED),
                        new Place(VirtioRegisters.QUEUE_DRIVER, 0x1001, QueueFault.RING_MISALIGNED),
                        new Place(VirtioRegisters.QUEUE_DEVICE, 0x1002, QueueFault.RING_MISALIGNED),
                        new Place(VirtioRegisters.QUEUE_DESC, 1L << 40, QueueFault.RING_NOT_IN_RAM),
                        new Place(VirtioRegisters.QUEUE_DEVICE, -16, QueueFault.RING_NOT_IN_RAM))) {
            guest.negotiate(VERSION_1);
            guest.common(VirtioRegisters.QUEUE_SELECT, 2, 0);
            guest.common(place.register, 4, (int) place.at);
            guest.common(place.register + 4, 4, (int) (place.at >>> 32));
            guest.common(VirtioRegisters.QUEUE_ENABLE, 2, 1);
            assertThat(guest.device.faults()).containsExactly(place.fault);
            assertThat(guest.needsReset()).isTrue();
        }
    }

    @Test
    void stateComesBack() {
        guest.start(EVENT_IDX);
        guest.ring(0).usedEvent(0);
        guest.ring(0).request(guest.in(8));
        VirtioPci.State saved = guest.device.save();
        guest.powerOn();
        assertThat(guest.line()).isFalse();
        guest.device.restore(saved);
        assertThat(guest.line()).isTrue();
        assertThat(guest.device.save()).isEqualTo(saved);
        guest.ring(0).used();
        guest.ring(0).request(guest.in(8));
        assertThat(guest.ring(0).used()).contains(new Used(1, 8));
    }
}
