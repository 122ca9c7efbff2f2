package nestbox.devices.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.virtio.GuestDriver;
import nestbox.devices.virtio.GuestDriver.Buffer;
import nestbox.devices.virtio.GuestDriver.Used;
import nestbox.devices.virtio.VirtioPci;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

class VirtioNetTest {
    private static final int RECEIVE = 0;
    private static final int TRANSMIT = 1;
    private static final int CONTROL = 2;
    private static final long F_MRG_RXBUF = 1L << 15;
    private static final long F_STATUS = 1L << 16;
    private static final long F_CTRL_VQ = 1L << 17;
    private static final long F_CTRL_RX = 1L << 18;
    private static final long F_CTRL_VLAN = 1L << 19;
    private static final long F_CTRL_RX_EXTRA = 1L << 20;
    private static final long F_CTRL_MAC_ADDR = 1L << 23;
    private static final long ALL_CONTROL =
            F_CTRL_VQ | F_CTRL_RX | F_CTRL_VLAN | F_CTRL_RX_EXTRA | F_CTRL_MAC_ADDR;
    private static final MacAddress MAC = MacAddress.parse("52:54:00:12:34:56");

    private static final class Cable implements NetBackend {
        final List<byte[]> sent = new ArrayList<>();
        final Deque<byte[]> arriving = new ArrayDeque<>();
        boolean up = true;

        @Override
        public void send(byte[] frame) {
            sent.add(frame);
        }

        @Override
        public Optional<byte[]> receive() {
            return Optional.ofNullable(arriving.poll());
        }

        @Override
        public boolean linkUp() {
            return up;
        }

        @Override
        public void onInput(Runnable wake) {}

        @Override
        public void close() {}
    }

    private final Cable cable = new Cable();
    private final GuestDriver guest = new GuestDriver(new VirtioNet("net0", MAC, cable));

    @AfterEach
    void close() {
        guest.close();
    }

    private static byte[] frame(String to, int length) {
        byte[] frame = new byte[length];
        for (int i = 0; i < length; i++) {
            frame[i] = (byte) i;
        }
        long mac = MacAddress.parse(to).value();
        for (int i = 0; i < 6; i++) {
            frame[i] = (byte) (mac >>> 40 - 8 * i);
        }
        return frame;
    }

    private Buffer packet(byte[] frame) {
        byte[] packet = new byte[12 + frame.length];
        System.arraycopy(frame, 0, packet, 12, frame.length);
        return guest.out(packet);
    }

    private int control(int commandClass, int command, byte... data) {
        byte[] request = new byte[2 + data.length];
        request[0] = (byte) commandClass;
        request[1] = (byte) command;
        System.arraycopy(data, 0, request, 2, data.length);
        Buffer ack = guest.in(1);
        guest.ring(CONTROL).request(guest.out(request), ack);
        return guest.contents(ack)[0];
    }

    /// Whether a frame to an address gets through the receive filter.
    private boolean gets(byte[] frame) {
        cable.arriving.add(frame);
        guest.ring(RECEIVE).add(guest.in(1526));
        guest.device.poll();
        return guest.ring(RECEIVE).used().isPresent();
    }

    private boolean gets(String to) {
        return gets(frame(to, 60));
    }

    @Test
    void showsItsAddressAndLink() {
        assertThat(guest.deviceConfig(0, 4)).isEqualTo(0x1200_5452L);
        assertThat(guest.deviceConfig(4, 2)).isEqualTo(0x5634);
        assertThat(guest.deviceConfig(6, 2)).isEqualTo(1);
        assertThat(MAC).hasToString("52:54:00:12:34:56");
    }

    @Test
    void framesGoOutWithoutTheirHeader() {
        guest.start(0);
        byte[] frame = frame("ff:ff:ff:ff:ff:ff", 100);
        guest.ring(TRANSMIT).add(packet(frame));
        guest.ring(TRANSMIT).request(guest.out(new byte[12]), guest.out(frame));
        assertThat(cable.sent).containsExactly(frame, frame);
        assertThat(guest.ring(TRANSMIT).used()).contains(new Used(0, 0));
    }

    @Test
    void framesComeInAfterAHeader() {
        guest.start(0);
        byte[] frame = frame("52:54:00:12:34:56", 80);
        cable.arriving.add(frame);
        guest.device.poll();
        Buffer buffer = guest.in(1526);
        guest.ring(RECEIVE).request(buffer);
        assertThat(guest.ring(RECEIVE).used()).contains(new Used(0, 92));
        byte[] got = guest.contents(buffer);
        assertThat(Arrays.copyOf(got, 12))
                .isEqualTo(new byte[] {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0});
        assertThat(Arrays.copyOfRange(got, 12, 92)).isEqualTo(frame);
        assertThat(guest.line()).isTrue();
    }

    @Test
    void mergeableBuffersShareAFrameOnceThereAreEnough() {
        guest.start(F_MRG_RXBUF);
        byte[] frame = frame("52:54:00:12:34:56", 250);
        cable.arriving.add(frame);
        Buffer[] buffers = {guest.in(112), guest.in(100), guest.in(100)};
        guest.ring(RECEIVE).request(buffers[0]);
        guest.ring(RECEIVE).request(buffers[1]);
        assertThat(guest.ring(RECEIVE).used()).as("too few").isEmpty();
        guest.ring(RECEIVE).request(buffers[2]);
        assertThat(guest.ring(RECEIVE).used()).contains(new Used(0, 112));
        assertThat(guest.ring(RECEIVE).used()).contains(new Used(1, 100));
        assertThat(guest.ring(RECEIVE).used()).contains(new Used(2, 50));
        assertThat(guest.contents(buffers[0])[10]).isEqualTo((byte) 3);
        assertThat(Arrays.copyOf(guest.contents(buffers[2]), 50))
                .isEqualTo(Arrays.copyOfRange(frame, 200, 250));
    }

    @Test
    void aFrameThatDoesNotFitIsDroppedAndItsBufferKept() {
        guest.start(0);
        guest.ring(RECEIVE).request(guest.in(64));
        assertThat(gets(frame("52:54:00:12:34:56", 200))).isFalse();
        cable.arriving.add(frame("52:54:00:12:34:56", 40));
        guest.device.poll();
        assertThat(guest.ring(RECEIVE).used()).contains(new Used(0, 52));
    }

    @Test
    void unplugAndPlugAreConfigurationChanges() {
        guest.start(F_STATUS);
        cable.up = false;
        guest.device.poll();
        assertThat(guest.isr()).isEqualTo(2);
        assertThat(guest.deviceConfig(6, 2)).isZero();
        cable.up = true;
        guest.device.poll();
        assertThat(guest.isr()).isEqualTo(2);
        assertThat(guest.deviceConfig(6, 2)).isEqualTo(1);
    }

    @Test
    void framesForNobodyAreDroppedWhileNoDriverRuns() {
        cable.arriving.add(frame("52:54:00:12:34:56", 60));
        guest.device.poll();
        assertThat(cable.arriving).isEmpty();
    }

    @Test
    void controlFeaturesNeedTheControlQueue() {
        assertThat(guest.negotiate(GuestDriver.VERSION_1 | F_CTRL_RX)).isFalse();
        assertThat(guest.negotiate(GuestDriver.VERSION_1 | F_CTRL_RX | F_CTRL_VQ)).isTrue();
    }

    @Test
    void theFilterFollowsReceiveModes() {
        guest.start(ALL_CONTROL);
        assertThat(gets("52:54:00:aa:aa:aa")).as("promiscuous at first").isTrue();
        assertThat(control(0, 0, (byte) 0)).isZero();
        assertThat(gets("52:54:00:aa:aa:aa")).isFalse();
        assertThat(gets("52:54:00:12:34:56")).isTrue();
        assertThat(gets("ff:ff:ff:ff:ff:ff")).isTrue();
        assertThat(gets("01:00:5e:00:00:01")).isFalse();
        control(0, 1, (byte) 1);
        assertThat(gets("01:00:5e:00:00:01")).isTrue();
        control(0, 5, (byte) 1);
        assertThat(gets("ff:ff:ff:ff:ff:ff")).isFalse();
        control(0, 4, (byte) 1);
        assertThat(gets("52:54:00:12:34:56")).isFalse();
        assertThat(control(0, 6, (byte) 1)).isEqualTo(1);
        assertThat(control(9, 0)).isEqualTo(1);
    }

    @Test
    void theFilterKnowsAddressesAndVlans() {
        guest.start(ALL_CONTROL);
        control(0, 0, (byte) 0);
        byte[] table =
                ByteBuffer.allocate(20)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(1)
                        .put(new byte[] {2, 0, 0, 0, 0, 1})
                        .putInt(1)
                        .put(new byte[] {1, 0, 0x5E, 0, 0, 9})
                        .array();
        assertThat(control(1, 0, table)).isZero();
        assertThat(gets("02:00:00:00:00:01")).isTrue();
        assertThat(gets("01:00:5e:00:00:09")).isTrue();
        assertThat(gets("01:00:5e:00:00:08")).isFalse();
        assertThat(control(1, 0, Arrays.copyOf(table, 19))).isEqualTo(1);
        assertThat(control(1, 0, new byte[] {-1, -1, -1, -1})).isEqualTo(1);
        assertThat(control(1, 1, new byte[] {2, 0, 0, 0, 0, 7})).isZero();
        assertThat(gets("02:00:00:00:00:07")).isTrue();
        assertThat(guest.deviceConfig(4, 2)).isEqualTo(0x0700);
        byte[] tagged = frame("02:00:00:00:00:07", 64);
        tagged[12] = (byte) 0x81;
        tagged[13] = 0;
        tagged[14] = 0;
        tagged[15] = 5;
        assertThat(gets(tagged)).isFalse();
        assertThat(control(2, 0, (byte) 5, (byte) 0)).isZero();
        assertThat(gets(tagged)).isTrue();
        assertThat(control(2, 1, (byte) 5, (byte) 0)).isZero();
        assertThat(gets(tagged)).isFalse();
        assertThat(control(2, 0, (byte) 0, (byte) 0x10)).isEqualTo(1);
    }

    @Test
    void loopbackReturnsFrames() {
        try (GuestDriver looped =
                new GuestDriver(new VirtioNet("net0", MAC, new LoopbackBackend()))) {
            looped.start(0);
            looped.ring(RECEIVE).request(looped.in(1526));
            looped.ring(TRANSMIT).request(looped.out(new byte[12 + 60]));
            assertThat(looped.ring(RECEIVE).used()).contains(new Used(0, 72));
        }
    }

    @Test
    void stateComesBack() {
        guest.start(ALL_CONTROL);
        control(0, 0, (byte) 0);
        control(2, 0, (byte) 5, (byte) 0);
        cable.arriving.add(frame("52:54:00:12:34:56", 60));
        guest.ring(RECEIVE).request(guest.in(1526));
        assertThat(guest.ring(RECEIVE).used()).isPresent();
        VirtioPci.State saved = guest.device.save();
        guest.powerOn();
        guest.device.restore(saved);
        assertThat(guest.device.save()).isEqualTo(saved);
        assertThat(gets("52:54:00:aa:aa:aa")).isFalse();
    }
}
