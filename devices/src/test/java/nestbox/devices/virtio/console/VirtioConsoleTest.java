package nestbox.devices.virtio.console;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.virtio.GuestDriver;
import nestbox.devices.virtio.GuestDriver.Buffer;
import nestbox.devices.virtio.GuestDriver.Used;
import nestbox.devices.virtio.VirtioPci;
import nestbox.devices.virtio.VirtioRegisters;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

class VirtioConsoleTest {
    private static final int RECEIVE = 0;
    private static final int TRANSMIT = 1;

    private final ByteArrayOutputStream output = new ByteArrayOutputStream();
    private final VirtioConsole console = new VirtioConsole("console0", output::write);
    private final GuestDriver guest = new GuestDriver(console);

    @AfterEach
    void close() {
        guest.close();
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    @Test
    void outputReachesTheSinkInOrder() {
        guest.start(0);
        guest.ring(TRANSMIT).add(guest.out(ascii("one ")), guest.out(ascii("two ")));
        guest.ring(TRANSMIT).request(guest.out(ascii("three")));
        assertThat(output).hasToString("one two three");
    }

    @Test
    void inputWaitsForBuffers() {
        guest.start(0);
        assertThat(console.input(ascii("hello"))).isEqualTo(5);
        guest.device.poll();
        Buffer first = guest.in(3);
        Buffer second = guest.in(8);
        guest.ring(RECEIVE).request(first);
        guest.ring(RECEIVE).request(second);
        assertThat(guest.ring(RECEIVE).used()).contains(new Used(0, 3));
        assertThat(guest.ring(RECEIVE).used()).contains(new Used(1, 2));
        assertThat(guest.contents(first)).isEqualTo(ascii("hel"));
        assertThat(guest.contents(second)).startsWith('l', 'o');
    }

    @Test
    void buffersWaitForInput() {
        guest.start(0);
        guest.ring(RECEIVE).request(guest.in(8));
        assertThat(guest.line()).isFalse();
        console.input(ascii("x"));
        guest.device.poll();
        assertThat(guest.ring(RECEIVE).used()).contains(new Used(0, 1));
        assertThat(guest.line()).isTrue();
    }

    @Test
    void inputIsBounded() {
        assertThat(console.input(new byte[VirtioConsole.MAX_INPUT])).isEqualTo(1 << 16);
        assertThat(console.input(new byte[1])).isZero();
    }

    @Test
    void aNewSizeIsAConfigurationChange() {
        guest.start(1);
        int before = guest.common(VirtioRegisters.CONFIG_GENERATION, 1);
        console.resize(132, 43);
        assertThat(guest.isr()).isEqualTo(2);
        assertThat(guest.common(VirtioRegisters.CONFIG_GENERATION, 1)).isNotEqualTo(before);
        assertThat(guest.deviceConfig(0, 4)).isEqualTo(43 << 16 | 132);
    }

    @Test
    void emergencyWriteNeedsNoQueue() {
        guest.mmio.write(guest.structure(VirtioRegisters.CAP_DEVICE) + 8, 4, '!');
        assertThat(output).hasToString("!");
    }

    @Test
    void stateComesBack() {
        guest.start(0);
        console.input(ascii("abc"));
        VirtioPci.State saved = guest.device.save();
        guest.powerOn();
        guest.device.restore(saved);
        assertThat(guest.device.save()).isEqualTo(saved);
        Buffer buffer = guest.in(3);
        guest.ring(RECEIVE).request(buffer);
        assertThat(guest.contents(buffer)).isEqualTo(ascii("abc"));
    }
}
