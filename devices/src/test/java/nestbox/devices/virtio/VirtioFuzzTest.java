package nestbox.devices.virtio;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.virtio.GuestDriver.Ring;
import nestbox.devices.virtio.blk.OverlayDisk;
import nestbox.devices.virtio.blk.RawDisk;
import nestbox.devices.virtio.blk.VirtioBlk;
import nestbox.devices.virtio.console.VirtioConsole;
import nestbox.devices.virtio.net.LoopbackBackend;
import nestbox.devices.virtio.net.MacAddress;
import nestbox.devices.virtio.net.VirtioNet;
import nestbox.devices.virtio.rng.VirtioRng;
import nestbox.platform.DmaDomain;
import nestbox.platform.DmaDomain.Range;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// A driver that writes anything anywhere: no device may throw, hang, or fail to work after a
/// reset.
class VirtioFuzzTest {
    private static final long SEED = 0xBAD_D81E;
    private static final int ROUNDS = 400;

    /// The driver itself writes only below.
    private static final long OWN = 4 << 20;

    @TempDir Path directory;

    private final SplittableRandom random = new SplittableRandom(SEED);

    private List<VirtioDevice> devices() throws IOException {
        System.out.println("seed " + SEED);
        Path image = Files.write(directory.resolve("disk.img"), new byte[1 << 20]);
        MacAddress mac = MacAddress.parse("52:54:00:12:34:56");
        return List.of(
                new VirtioRng("rng0", 1),
                new VirtioConsole("console0", value -> {}),
                new VirtioNet("net0", mac, new LoopbackBackend()),
                new VirtioBlk("disk0", RawDisk.open(image), "s", 2),
                new VirtioBlk(
                        "disk1", OverlayDisk.over(RawDisk.openReadOnly(image), directory), "s", 1));
    }

    @Test
    void brokenDriversBreakNothing() throws IOException {
        for (VirtioDevice kind : devices()) {
            try (GuestDriver guest = new GuestDriver(kind)) {
                int stopped = 0;
                for (int round = 0; round < ROUNDS; round++) {
                    guest.powerOn();
                    guest.start(guest.offeredFeatures());
                    for (int i = 0; i < 30 && !guest.needsReset(); i++) {
                        mistreat(guest);
                    }
                    stopped += guest.needsReset() ? 1 : 0;
                }
                assertThat(stopped).as(kind.name()).isPositive();
                guest.powerOn();
                guest.start(0);
                assertThat(guest.needsReset()).isFalse();
            }
        }
    }

    /// The same with a device that reaches part of memory, another part each time.
    @Test
    void whatIsOutOfReachStaysAsItIs() throws IOException {
        byte[] secret = new byte[1 << 20];
        random.nextBytes(secret);
        for (VirtioDevice kind : devices()) {
            try (GuestDriver guest = new GuestDriver(kind)) {
                for (long at = OWN; at < guest.memory.size(); at += secret.length) {
                    guest.memory.write(at, secret, 0, secret.length);
                }
                List<Long> diverted = new ArrayList<>();
                DmaDomain dma = guest.device.dma().orElseThrow();
                long faults = 0;
                for (int round = 0; round < ROUNDS; round++) {
                    guest.powerOn();
                    guest.device.messages().divert((address, data) -> diverted.add(address));
                    dma.restrictTo(List.of(new Range(0, 0, OWN, true)));
                    guest.start(guest.offeredFeatures());
                    guest.useMsix();
                    for (int i = 0; i < 30; i++) {
                        mistreat(guest);
                        if (random.nextInt(10) == 0) {
                            dma.restrictTo(someOfItsOwn());
                        }
                    }
                    faults += dma.faults();
                }
                byte[] now = new byte[secret.length];
                for (long at = OWN; at < guest.memory.size(); at += secret.length) {
                    guest.memory.read(at, now, 0, now.length);
                    assertThat(Arrays.equals(now, secret)).as("%s, %x", kind.name(), at).isTrue();
                }
                assertThat(faults).as(kind.name()).isPositive();
                assertThat(diverted).as(kind.name()).isNotEmpty();
                assertThat(guest.messages).as(kind.name()).isEmpty();
            }
        }
    }

    private List<Range> someOfItsOwn() {
        List<Range> ranges = new ArrayList<>();
        for (long at = 0; at < OWN; ) {
            long length = Math.min(1 + random.nextLong(OWN), OWN - at);
            if (random.nextInt(6) != 0) {
                ranges.add(new Range(at, at, length, random.nextInt(6) != 0));
            }
            at += length;
        }
        return ranges;
    }

    private void mistreat(GuestDriver guest) {
        Ring ring = guest.ring(random.nextInt(guest.queues()));
        switch (random.nextInt(8)) {
            case 0, 1, 2, 3 -> plausibleChain(guest, ring);
            case 4 -> {
                long at = ring.descriptors + random.nextInt(600);
                guest.memory.writeInt(at, random.nextInt());
            }
            case 5 -> {
                long structure = guest.structure(1 + random.nextInt(4));
                long at = structure + random.nextInt(0x40);
                guest.mmio.write(at, 1 << random.nextInt(4), random.nextLong());
                guest.mmio.read(at, 8);
            }
            case 6 -> guest.writeConfig(random.nextInt(256), 4, random.nextInt());
            default -> guest.device.poll();
        }
        if (random.nextInt(4) == 0) {
            guest.writeConfig(4, 2, 6);
        }
    }

    /// Mostly legal, so that it gets past the first check.
    private void plausibleChain(GuestDriver guest, Ring ring) {
        int count = 1 + random.nextInt(6);
        int head = random.nextInt(ring.size);
        int writableFrom = random.nextInt(count + 1);
        for (int i = 0; i < count; i++) {
            boolean odd = random.nextInt(30) == 0;
            long address = odd ? random.nextLong() : random.nextLong(8 << 20);
            int length = odd ? random.nextInt() : random.nextInt(3000);
            int flags =
                    (i < count - 1 ? VirtioRegisters.DESC_NEXT : 0)
                            | (i >= writableFrom ? VirtioRegisters.DESC_WRITE : 0)
                            | (random.nextInt(20) == 0 ? VirtioRegisters.DESC_INDIRECT : 0);
            int next = odd ? random.nextInt(0x10000) : (head + i + 1) % ring.size;
            int index = (head + i) % ring.size;
            ring.descriptor(ring.descriptors, index, address, length, flags, next);
            if (i == 0
                    && flags == VirtioRegisters.DESC_NEXT
                    && address >= 0
                    && address < OWN - 16) {
                // A command that some device knows.
                guest.memory.writeLong(address, random.nextInt(16));
                guest.memory.writeLong(address + 8, random.nextInt(2048));
            }
        }
        ring.publish(head);
        ring.kick();
    }
}
