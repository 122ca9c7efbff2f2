package nestbox.devices.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.virtio.GuestDriver;
import nestbox.devices.virtio.GuestDriver.Used;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.Semaphore;

/// Waits are for events; the timeout only ends a test that would hang.
@Timeout(60)
class UnixStreamBackendTest {
    private final Semaphore events = new Semaphore(0);

    @TempDir Path directory;

    private static byte[] frame(int length, int fill) {
        byte[] frame = new byte[length];
        Arrays.fill(frame, (byte) fill);
        return frame;
    }

    private static ByteBuffer prefixed(byte[] frame) {
        return ByteBuffer.allocate(4 + frame.length).putInt(frame.length).put(frame).flip();
    }

    private static byte[] readFrame(SocketChannel channel) throws IOException {
        return readBytes(channel, ByteBuffer.wrap(readBytes(channel, 4)).getInt());
    }

    private static byte[] readBytes(SocketChannel channel, int count) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(count);
        while (buffer.hasRemaining() && channel.read(buffer) >= 0) {}
        return buffer.array();
    }

    private byte[] receive(NetBackend backend) throws InterruptedException {
        while (true) {
            Optional<byte[]> frame = backend.receive();
            if (frame.isPresent()) {
                return frame.get();
            }
            events.acquire();
        }
    }

    private void awaitLink(NetBackend backend, boolean up) throws InterruptedException {
        while (backend.linkUp() != up) {
            events.acquire();
        }
    }

    private UnixStreamBackend watched(UnixStreamBackend backend) {
        backend.onInput(events::release);
        events.release();
        return backend;
    }

    @Test
    void twoBackendsTalkToEachOther() throws Exception {
        Path path = directory.resolve("net.sock");
        try (NetBackend server = watched(UnixStreamBackend.listen(path));
                NetBackend client = watched(UnixStreamBackend.connect(path))) {
            awaitLink(server, true);
            client.send(frame(60, 1));
            client.send(frame(NetBackend.MAX_FRAME, 2));
            assertThat(receive(server)).isEqualTo(frame(60, 1));
            assertThat(receive(server)).isEqualTo(frame(NetBackend.MAX_FRAME, 2));
            server.send(frame(1514, 3));
            assertThat(receive(client)).isEqualTo(frame(1514, 3));
        }
        assertThat(path).doesNotExist();
    }

    @Test
    void framesCarryTheirLengthBigEndian() throws Exception {
        Path path = directory.resolve("net.sock");
        try (NetBackend server = watched(UnixStreamBackend.listen(path));
                SocketChannel peer = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            awaitLink(server, true);
            server.send(frame(60, 9));
            assertThat(readBytes(peer, 64)).startsWith(0, 0, 0, 60, 9, 9);
            ByteBuffer bytes = prefixed(frame(100, 5));
            while (bytes.hasRemaining()) {
                bytes.limit(bytes.position() + 1);
                peer.write(bytes);
                bytes.limit(bytes.capacity());
            }
            assertThat(receive(server)).isEqualTo(frame(100, 5));
        }
    }

    @Test
    void aPeerThatGoesAwayTakesTheLinkDownAndAnotherMayCome() throws Exception {
        Path path = directory.resolve("net.sock");
        try (NetBackend server = watched(UnixStreamBackend.listen(path))) {
            for (int i = 0; i < 3; i++) {
                try (SocketChannel peer = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
                    awaitLink(server, true);
                    peer.write(prefixed(frame(60, i)));
                    assertThat(receive(server)).isEqualTo(frame(60, i));
                }
                awaitLink(server, false);
                server.send(frame(60, 0));
            }
        }
    }

    @Test
    void aPeerThatTalksNonsenseIsCutOff() throws Exception {
        Path path = directory.resolve("net.sock");
        try (NetBackend server = watched(UnixStreamBackend.listen(path));
                SocketChannel peer = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            awaitLink(server, true);
            peer.write(ByteBuffer.allocate(8).putInt(Integer.MAX_VALUE).putInt(0).flip());
            awaitLink(server, false);
        }
    }

    @Test
    void aFloodIsHeldBackAndNothingOfItIsLost() throws Exception {
        Path path = directory.resolve("net.sock");
        int count = 4 * NetBackend.MAX_WAITING;
        try (NetBackend server = watched(UnixStreamBackend.listen(path));
                SocketChannel peer = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            Thread flood =
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        try {
                                            for (int i = 0; i < count; i++) {
                                                peer.write(prefixed(frame(1000, i)));
                                            }
                                        } catch (IOException cutOff) {
                                            throw new AssertionError(cutOff);
                                        }
                                    });
            for (int i = 0; i < count; i++) {
                assertThat(receive(server)).isEqualTo(frame(1000, i));
            }
            flood.join();
        }
    }

    @Test
    void aClientLosesItsLinkForGood() throws Exception {
        Path path = directory.resolve("net.sock");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path));
            try (NetBackend client = watched(UnixStreamBackend.connect(path))) {
                assertThat(client.linkUp()).isTrue();
                server.accept().close();
                awaitLink(client, false);
                client.send(frame(60, 0));
                assertThat(client.receive()).isEmpty();
            }
        }
    }

    @Test
    void aGuestSendsAndReceivesThroughTheSocket() throws Exception {
        Path path = directory.resolve("net.sock");
        MacAddress mac = MacAddress.parse("52:54:00:00:00:01");
        try (NetBackend server = watched(UnixStreamBackend.listen(path));
                SocketChannel peer = SocketChannel.open(UnixDomainSocketAddress.of(path));
                GuestDriver guest = new GuestDriver(new VirtioNet("net0", mac, server))) {
            awaitLink(server, true);
            guest.start(1L << 16);
            guest.device.poll();
            guest.isr();
            guest.ring(1).request(guest.out(new byte[12]), guest.out(frame(60, 7)));
            assertThat(readFrame(peer)).isEqualTo(frame(60, 7));
            assertThat(guest.isr()).isEqualTo(1);
            guest.ring(0).request(guest.in(1526));
            peer.write(prefixed(frame(70, 8)));
            while (!guest.line()) {
                events.acquire();
                guest.device.poll();
            }
            assertThat(guest.ring(0).used()).contains(new Used(0, 82));
            guest.isr();
            peer.shutdownOutput();
            while (guest.deviceConfig(6, 2) != 0) {
                events.acquire();
                guest.device.poll();
            }
            assertThat(guest.isr()).isEqualTo(2);
        }
    }
}
