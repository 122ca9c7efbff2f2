package nestbox.devices.virtio;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.virtio.GuestDriver.Buffer;
import nestbox.devices.virtio.GuestDriver.Message;
import nestbox.devices.virtio.GuestDriver.Used;
import nestbox.devices.virtio.rng.VirtioRng;
import nestbox.platform.DmaDomain;
import nestbox.platform.DmaDomain.Fault;
import nestbox.platform.DmaDomain.Range;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

/// What a device does that a hypervisor gave away: it reaches what its virtual machine has.
class VirtioIsolationTest {
    private static final long MIB = 1 << 20;
    private static final long UNWRITTEN = 0xEEEE_EEEE_EEEE_EEEEL;

    private final GuestDriver guest = new GuestDriver(new VirtioRng("rng0", 7));
    private final DmaDomain dma = guest.device.dma().orElseThrow();

    @AfterEach
    void close() {
        guest.close();
    }

    private static Range same(long from, long to, boolean writable) {
        return new Range(from, from, to - from, writable);
    }

    @Test
    void ringsAndBuffersAreTranslated() {
        guest.start(GuestDriver.INDIRECT);
        Buffer buffer = guest.in(64);
        byte[] before = guest.contents(buffer);
        guest.ring(0).add(buffer);
        // The machine's memory is 16 MiB higher than it thinks, and not in one piece.
        byte[] all = new byte[(int) MIB];
        guest.memory.read(MIB, all, 0, all.length);
        long cut = buffer.address() + 10;
        guest.memory.write(17 * MIB, all, 0, all.length);
        guest.memory.write(40 * MIB, all, (int) (cut - MIB), 54);
        dma.restrictTo(
                List.of(
                        new Range(MIB, 17 * MIB, cut - MIB, true),
                        new Range(cut, 40 * MIB, 54, true),
                        new Range(cut + 54, 17 * MIB + 54 + cut - MIB, MIB, true)));
        guest.ring(0).kick();
        assertThat(guest.contents(buffer)).isEqualTo(before);
        assertThat(guest.memory.readShort(guest.ring(0).used + 2)).isZero();
        assertThat(guest.memory.readShort(guest.ring(0).used + 2 + 16 * MIB)).isEqualTo(1);
        assertThat(guest.memory.readLong(buffer.address() + 16 * MIB)).isNotEqualTo(UNWRITTEN);
        assertThat(guest.memory.readLong(40 * MIB)).isNotEqualTo(UNWRITTEN);
        assertThat(dma.faults()).isZero();
    }

    @Test
    void aBufferOutsideStopsTheQueue() {
        guest.start(0);
        dma.restrictTo(List.of(same(MIB, 2 * MIB, true)));
        guest.ring(0).request(new Buffer(2 * MIB - 8, 16, true));
        assertThat(guest.device.faults()).containsExactly(QueueFault.BUFFER_NOT_IN_RAM);
        assertThat(guest.memory.readLong(2 * MIB - 8)).isZero();
        assertThat(dma.lastFault()).contains(new Fault(2 * MIB, true));
        assertThat(guest.ring(0).used()).isEmpty();
    }

    @Test
    void aReadOnlyBufferStopsTheQueue() {
        guest.start(0);
        dma.restrictTo(List.of(same(MIB, 2 * MIB, true), same(2 * MIB, 3 * MIB, false)));
        guest.ring(0).request(new Buffer(2 * MIB, 16, true));
        assertThat(guest.device.faults()).containsExactly(QueueFault.BUFFER_NOT_IN_RAM);
        assertThat(dma.lastFault()).contains(new Fault(2 * MIB, true));
    }

    @Test
    void ringsMustBeInReachAndTheUsedRingWritable() {
        dma.restrictTo(List.of(same(2 * MIB, 3 * MIB, true)));
        guest.start(0);
        assertThat(guest.device.faults()).containsExactly(QueueFault.RING_NOT_IN_RAM);
        dma.restrictTo(List.of(same(MIB, 3 * MIB, false)));
        guest.start(0);
        assertThat(guest.device.faults()).containsExactly(QueueFault.RING_NOT_IN_RAM);
        dma.restrictTo(List.of(same(MIB, 3 * MIB, true)));
        guest.start(0);
        assertThat(guest.device.faults()).isEmpty();
    }

    @Test
    void ringsThatAreTakenAwayAreNotWritten() {
        guest.start(0);
        guest.ring(0).request(guest.in(8));
        assertThat(guest.ring(0).used()).isPresent();
        dma.restrictTo(List.of());
        guest.ring(0).request(guest.in(8));
        assertThat(guest.ring(0).used()).isEmpty();
        assertThat(dma.faults()).isPositive();
        assertThat(guest.device.faults()).containsExactly(QueueFault.AVAILABLE_INDEX_RAN_AWAY);
    }

    @Test
    void messagesTakeTheRouteOfTheFunction() {
        guest.start(0).useMsix();
        List<Message> elsewhere = new ArrayList<>();
        guest.device
                .messages()
                .divert((address, data) -> elsewhere.add(new Message(address, data)));
        guest.ring(0).request(guest.in(8));
        assertThat(elsewhere).containsExactly(new Message(0xFEE0_0000L, 0x40));
        assertThat(guest.messages).isEmpty();
    }

    @Test
    void onlyABoardResetLiftsIt() {
        dma.restrictTo(List.of());
        guest.device.messages().divert((address, data) -> {});
        guest.device.reset();
        assertThat(dma.isRestricted()).isTrue();
        assertThat(guest.device.messages().isDiverted()).isTrue();
        guest.powerOn();
        assertThat(dma.isRestricted()).isFalse();
        assertThat(guest.device.messages().isDiverted()).isFalse();
        guest.start(0).ring(0).request(guest.in(8));
        assertThat(guest.ring(0).used()).contains(new Used(0, 8));
    }
}
