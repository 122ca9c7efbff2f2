package nestbox.devices.virtio.rng;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.virtio.GuestDriver;
import nestbox.devices.virtio.GuestDriver.Buffer;
import nestbox.devices.virtio.GuestDriver.Used;
import nestbox.devices.virtio.VirtioPci;

import org.junit.jupiter.api.Test;

class VirtioRngTest {
    private static byte[] draw(GuestDriver guest) {
        Buffer buffer = guest.in(64);
        guest.ring(0).request(buffer);
        return guest.contents(buffer);
    }

    @Test
    void theSameSeedGivesTheSameNumbers() {
        try (GuestDriver one = new GuestDriver(new VirtioRng("rng0", 7));
                GuestDriver two = new GuestDriver(new VirtioRng("rng0", 7))) {
            byte[] first = draw(one.start(0));
            assertThat(draw(two.start(0))).isEqualTo(first);
            assertThat(draw(one.start(0))).as("after a driver's reset").isNotEqualTo(first);
            VirtioPci.State saved = one.device.save();
            byte[] third = draw(one);
            one.powerOn();
            assertThat(draw(one.start(0))).isEqualTo(first);
            one.device.restore(saved);
            one.start(0);
            assertThat(draw(one)).isEqualTo(third);
        }
    }

    @Test
    void aLongRequestIsAnsweredInPart() {
        try (GuestDriver guest = new GuestDriver(new VirtioRng("rng0", 7))) {
            guest.start(0).ring(0).request(new Buffer(0x80_0000, 16 << 20, true));
            assertThat(guest.ring(0).used()).contains(new Used(0, 1 << 16));
        }
    }
}
