package nestbox.devices;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.pci.IntxRouting;
import nestbox.devices.pci.IsaBridge;
import nestbox.devices.pci.PciFirmware;
import nestbox.devices.pci.PciHost;
import nestbox.devices.pit.Pit;
import nestbox.devices.rtc.Rtc;
import nestbox.devices.uart.Uart;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

class ChipsetTest {
    private static final long SEED = 0x0BAD_6E57;
    private static final int POKES = 200_000;

    private final VirtualClock clock = new VirtualClock();
    private final PortSpace ports = new PortSpace();
    private final MmioSpace mmio = new MmioSpace();
    private final Board board = new Board();
    private final Wire intr = new Wire();
    private final Wire nmi = new Wire();
    private final Wire a20 = new Wire();
    private final List<Integer> vectors = new ArrayList<>();
    private final Chipset chipset = chipset();

    private Chipset chipset() {
        Chipset made =
                new Chipset(
                        clock,
                        new Chipset.Wiring(
                                (address, data) -> vectors.add(data & 0xFF),
                                intr,
                                nmi,
                                a20::set,
                                board),
                        new Chipset.Options(
                                Rtc.DEFAULT_START,
                                2L << 30,
                                0,
                                Uart.Timing.IMMEDIATE,
                                b -> {},
                                b -> {},
                                b -> {}));
        made.map(ports, mmio);
        return made;
    }

    private void entry(int pin, int low) {
        mmio.write(BoardMap.IOAPIC, 4, 0x10 + 2 * pin);
        mmio.write(BoardMap.IOAPIC + 0x10, 4, low);
    }

    private void pic(int port, int... values) {
        for (int i = 0; i < values.length; i++) {
            ports.write(port + (i == 0 ? 0 : 1), 1, values[i]);
        }
    }

    @Test
    void timerReachesBothInterruptControllers() {
        pic(0x20, 0x11, 0x20, 4, 1, 0);
        pic(0xA0, 0x11, 0x28, 2, 1, 0);
        entry(BoardMap.TIMER_PIN, 0x30);
        ports.write(0x43, 1, 0x34);
        ports.write(0x40, 1, 0xE8);
        ports.write(0x40, 1, 0x03);
        vectors.clear();
        clock.advanceTo(Pit.CLOCK.nanos(1001));
        assertThat(vectors).containsExactly(0x30);
        assertThat(intr.asserted).isTrue();
        assertThat(chipset.pic().acknowledge()).isEqualTo(0x20);
    }

    @Test
    void intrIsAlsoPinZero() {
        entry(0, 0x0700);
        pic(0x20, 0x11, 0x20, 4, 1, 0);
        chipset.isaIrq(5).set(true);
        assertThat(intr.asserted).isTrue();
        assertThat(vectors).hasSize(1);
    }

    @Test
    void gateIsOpenUntilBothSourcesCloseIt() {
        assertThat(a20.asserted).isTrue();
        ports.write(0x92, 1, 2);
        ports.write(0x64, 1, 0xD1);
        ports.write(0x60, 1, 0xDD);
        assertThat(a20.asserted).isTrue();
        ports.write(0x92, 1, 0);
        assertThat(a20.asserted).isFalse();
    }

    @Test
    void maskOfNmiIsAtTheClock() {
        ports.write(0x70, 1, 0x8F);
        chipset.portB().channelCheck();
        assertThat(nmi.asserted).isFalse();
        ports.write(0x70, 1, 0x0F);
        assertThat(nmi.asserted).isTrue();
    }

    @Test
    void pciRoutingIsWhatTheTablesSay() {
        PciHost host =
                PciHost.of(
                        ports,
                        mmio,
                        (address, data) -> {},
                        chipset.ioApic()::input,
                        chipset::pirqInput,
                        chipset.resetControl());
        PciFirmware.assign(host, ports);
        for (int wire = 0; wire < IntxRouting.WIRES; wire++) {
            assertThat(host.isaBridge().readConfig(IsaBridge.PIRQ_ROUT + wire, 1))
                    .isEqualTo(BoardMap.PIRQ_IRQS.get(wire));
        }
        ports.write(BoardMap.RESET, 1, 6);
        assertThat(board.resets).isEqualTo(1);
    }

    @Test
    void messagesOfTheIoApicCanBeDivertedUntilReset() {
        List<Integer> elsewhere = new ArrayList<>();
        chipset.ioApic().messages().divert((address, data) -> elsewhere.add(data & 0xFF));
        chipset.hpet().messages().divert((address, data) -> elsewhere.add(data & 0xFF));
        entry(BoardMap.pinOfIrq(4), 0x44);
        chipset.isaIrq(4).set(true);
        assertThat(elsewhere).containsExactly(0x44);
        assertThat(vectors).isEmpty();
        chipset.reset();
        assertThat(chipset.hpet().messages().isDiverted()).isFalse();
        entry(BoardMap.pinOfIrq(5), 0x55);
        chipset.isaIrq(5).set(true);
        assertThat(vectors).containsExactly(0x55);
    }

    /// A guest that pokes at random must never make a device throw, and each poke must be cheap:
    /// the whole run has a bounded number of interrupts and ends.
    @Test
    void hostileGuestBreaksNothing() {
        SplittableRandom random = new SplittableRandom(SEED);
        int[] interesting = interestingPorts();
        for (int i = 0; i < POKES; i++) {
            int size = 1 << random.nextInt(3);
            int value = random.nextInt() >>> random.nextInt(32);
            switch (random.nextInt(8)) {
                case 0 -> ports.read(interesting[random.nextInt(interesting.length)], size);
                case 1, 2 ->
                        ports.write(interesting[random.nextInt(interesting.length)], size, value);
                case 3 -> mmio.read(BoardMap.HPET + random.nextInt(0x400), 1 << random.nextInt(4));
                case 4 ->
                        mmio.write(
                                BoardMap.HPET + random.nextInt(0x400),
                                1 << random.nextInt(4),
                                random.nextLong() >> random.nextInt(64));
                case 5 -> {
                    mmio.write(BoardMap.IOAPIC + (random.nextInt(5) << 4), size, value);
                    mmio.read(BoardMap.IOAPIC + random.nextInt(0x1000), size);
                }
                case 6 -> outsideWorld(random);
                default -> clock.advanceTo(clock.nanos() + (1L << random.nextInt(32)));
            }
            vectors.clear();
            if (i % 10_000 == 0) {
                chipset.restore(chipset.save());
                Chipset.State state = chipset.save();
                chipset.reset();
                chipset.restore(state);
                assertThat(chipset.save()).as("seed %x", SEED).isEqualTo(state);
                chipset.reset();
            }
        }
        assertThat(clock.nanos()).as("seed %x", SEED).isPositive();
    }

    private void outsideWorld(SplittableRandom random) {
        chipset.com1().receive((byte) random.nextInt());
        chipset.pic().acknowledge();
        chipset.ioApic().endOfInterrupt(random.nextInt(256));
        chipset.power().pressPowerButton();
    }

    private static int[] interestingPorts() {
        return IntStream.concat(
                        IntStream.range(0, 0x100),
                        IntStream.of(0x2F8, 0x3F8, 0x402, 0x4D0, 0xCF8, 0x1800, 0x1808, 0x1880)
                                .flatMap(p -> IntStream.range(p, p + 8)))
                .toArray();
    }
}
