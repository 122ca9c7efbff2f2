package nestbox.devices.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.devices.BoardMap;
import nestbox.platform.Mmio;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortIo;
import nestbox.platform.PortSpace;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

class PciTest {
    private static final int COMMAND = PciRegisters.COMMAND;
    private static final int DECODE_ALL =
            PciRegisters.COMMAND_IO | PciRegisters.COMMAND_MEMORY | PciRegisters.COMMAND_BUS_MASTER;

    private record Message(long address, int data) {}

    private final PortSpace ports = new PortSpace();
    private final MmioSpace mmio = new MmioSpace();
    private final List<Message> messages = new ArrayList<>();
    private final boolean[] ioApic = new boolean[24];
    private final boolean[] isa = new boolean[16];
    private final List<String> otherPorts = new ArrayList<>();
    private final PciHost host =
            PciHost.of(
                    ports,
                    mmio,
                    (address, data) -> messages.add(new Message(address, data)),
                    pin -> level -> ioApic[pin] = level,
                    irq -> level -> isa[irq] = level,
                    new PortIo() {
                        @Override
                        public int read(int port, int size) {
                            otherPorts.add("read %x/%d".formatted(port, size));
                            return 0x5A;
                        }

                        @Override
                        public void write(int port, int size, int value) {
                            otherPorts.add("write %x/%d".formatted(port, size));
                        }
                    });

    /// Answers with a fixed value plus the offset.
    private record Window(long base) implements Mmio {
        @Override
        public long read(long offset, int size) {
            return base + offset;
        }

        @Override
        public void write(long offset, int size, long value) {}
    }

    private static final class Card extends PciFunction {
        Card(String name, int pin) {
            super(name, new PciIdentity(0x1234, 0x5678, 9, 0x0C0330, 0xAAAA, 0xBBBB));
            addBar(0, BarKind.IO, 32, new Window(0x10));
            addBar(1, BarKind.MEMORY_32, 0x2000, new Window(0x2000));
            addBar(2, BarKind.PREFETCHABLE_64, 0x10000, new Window(0x30000));
            addMsix(3, 4);
            addMsi(4);
            useIntx(pin);
        }
    }

    private Card plug(int device, int pin) {
        Card card = new Card("card" + device, pin);
        host.bus().add(new PciAddress(device, 0), card);
        return card;
    }

    private void select(int device, int register) {
        ports.write(0xCF8, 4, 1 << 31 | device << 11 | register);
    }

    private static long base(PciFunction card, int bar) {
        return card.readConfig(0x10 + 4 * bar, 4) & 0xFFFF_FFF0L;
    }

    private static int capability(PciFunction card, int id) {
        int at = card.readConfig(0x34, 1);
        while (at != 0 && card.readConfig(at, 1) != id) {
            at = card.readConfig(at + 1, 1);
        }
        return at;
    }

    @Test
    void mechanism1ReadsBytesWordsAndDoublewords() {
        select(0, 0);
        assertThat(ports.read(0xCFC, 4)).isEqualTo(0x5914_8086);
        assertThat(ports.read(0xCFC, 2)).isEqualTo(0x8086);
        assertThat(ports.read(0xCFE, 2)).isEqualTo(0x5914);
        assertThat(ports.read(0xCFD, 1)).isEqualTo(0x80);
        select(0x1F, 8);
        assertThat(ports.read(0xCFC, 4)).isEqualTo(0x0601_0021);
        assertThat(ports.read(0xCF8, 4)).isEqualTo(0x8000_F808);
    }

    @Test
    void absentFunctionsBusesAndDisabledAccessReadAllOnes() {
        select(5, 0);
        assertThat(ports.read(0xCFC, 4)).isEqualTo(-1);
        ports.write(0xCF8, 4, 1 << 31 | 1 << 16);
        assertThat(ports.read(0xCFC, 4)).isEqualTo(-1);
        ports.write(0xCF8, 4, 0);
        assertThat(ports.read(0xCFC, 2)).isEqualTo(0xFFFF);
        assertThat(mmio.read(BoardMap.ECAM + (5 << 15), 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(mmio.read(BoardMap.ECAM + 0x100, 4)).isEqualTo(0xFFFF_FFFFL);
    }

    @Test
    void smallAccessesAtTheAddressRegisterBelongToOthers() {
        ports.write(0xCF9, 1, 6);
        assertThat(ports.read(0xCF9, 1)).isEqualTo(0x5A);
        assertThat(otherPorts).containsExactly("write cf9/1", "read cf9/1");
        assertThat(ports.read(0xCF8, 4)).isZero();
    }

    @Test
    void ecamAndMechanism1SeeTheSameRegisters() {
        Card card = plug(3, 0);
        long at = BoardMap.ECAM + (3 << 15);
        mmio.write(at + 0x3C, 1, 0x77);
        assertThat(card.readConfig(0x3C, 1)).isEqualTo(0x77);
        assertThat(mmio.read(at, 8)).isEqualTo(0x5678_1234L | 0x0010L << 48);
        assertThat(mmio.read(at + 0x2C, 4)).isEqualTo(0xBBBB_AAAAL);
    }

    @Test
    void readOnlyRegistersIgnoreWrites() {
        Card card = plug(3, 0);
        for (int offset : new int[] {0, 8, 0x2C, 0x34}) {
            int before = card.readConfig(offset, 4);
            card.writeConfig(offset, 4, ~before);
            assertThat(card.readConfig(offset, 4)).isEqualTo(before);
        }
    }

    @Test
    void multiFunctionBitIsSetWhenADeviceHasSeveral() {
        plug(3, 0);
        assertThat(host.bus().readConfig(0, 3 << 3, 0xE, 1)).isZero();
        host.bus().add(new PciAddress(3, 1), new Card("second", 1));
        assertThat(host.bus().readConfig(0, 3 << 3, 0xE, 1)).isEqualTo(0x80);
        assertThatThrownBy(() -> plug(3, 0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void barsReportTheirSize() {
        Card card = plug(3, 0);
        for (int bar = 0; bar < 6; bar++) {
            card.writeConfig(0x10 + 4 * bar, 4, -1);
        }
        assertThat(card.readConfig(0x10, 4)).isEqualTo(0xFFFF_FFE1);
        assertThat(card.readConfig(0x14, 4)).isEqualTo(0xFFFF_E000);
        assertThat(card.readConfig(0x18, 4)).isEqualTo(0xFFFF_000C);
        assertThat(card.readConfig(0x1C, 4)).isEqualTo(-1);
        assertThat(card.readConfig(0x20, 4)).isEqualTo(0xFFFF_F000);
        assertThat(card.readConfig(0x24, 4)).isZero();
    }

    @Test
    void windowsFollowTheirRegistersAndDecodeBits() {
        Card card = plug(3, 0);
        card.writeConfig(0x10, 4, 0x3000);
        card.writeConfig(0x14, 4, 0x9000_0000);
        card.writeConfig(0x18, 4, 0);
        card.writeConfig(0x1C, 4, 0x40);
        assertThat(mmio.read(0x9000_0000L, 4)).isEqualTo(0xFFFF_FFFFL);
        card.writeConfig(COMMAND, 2, PciRegisters.COMMAND_MEMORY);
        assertThat(mmio.read(0x9000_0004L, 4)).isEqualTo(0x2004);
        assertThat(mmio.read(0x40_0000_0008L, 4)).isEqualTo(0x30008);
        assertThat(ports.read(0x3000, 1)).isEqualTo(0xFF);
        card.writeConfig(COMMAND, 2, DECODE_ALL);
        assertThat(ports.read(0x3001, 1)).isEqualTo(0x11);
        card.writeConfig(0x14, 4, 0xA000_0000);
        assertThat(mmio.read(0x9000_0004L, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(mmio.read(0xA000_0004L, 4)).isEqualTo(0x2004);
        card.reset();
        assertThat(mmio.read(0xA000_0004L, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(ports.isMapped(0x3001)).isFalse();
    }

    @Test
    void anOverlappingWindowOpensWhenTheAddressesAreFree() {
        Card first = plug(3, 0);
        Card second = plug(4, 0);
        for (Card card : List.of(first, second)) {
            card.writeConfig(0x14, 4, 0x9000_0000);
            card.writeConfig(COMMAND, 2, DECODE_ALL);
        }
        first.writeConfig(0x14, 4, 0xFEC0_0000);
        assertThat(mmio.read(0x9000_0000L, 4)).isEqualTo(0x2000);
        second.writeConfig(COMMAND, 2, 0);
        assertThat(mmio.read(0x9000_0000L, 4)).isEqualTo(0xFFFF_FFFFL);
    }

    @Test
    void ioWindowsNeverTakePortsFromOthers() {
        Card card = plug(3, 0);
        card.writeConfig(0x10, 4, 0xCC0);
        card.writeConfig(COMMAND, 2, DECODE_ALL);
        assertThat(ports.read(0xCC0, 1)).isEqualTo(0x10);
        card.writeConfig(0x10, 4, 0xCE0);
        select(0, 0);
        assertThat(ports.read(0xCFC, 4)).isEqualTo(0x5914_8086);
        card.writeConfig(0x10, 4, 0x3_0000);
        card.writeConfig(0x10, 4, 0x4000);
        select(0, 0);
        assertThat(ports.read(0xCFC, 4)).isEqualTo(0x5914_8086);
    }

    @Test
    void firmwareGivesEveryBarAnAddressOfItsOwn() {
        List<Card> cards = new ArrayList<>();
        for (int device = 1; device <= 20; device++) {
            cards.add(plug(device, 0));
        }
        host.reset();
        PciFirmware.assign(host, ports);
        for (Card card : cards) {
            assertThat(mmio.read(base(card, 1), 4)).isEqualTo(0x2000);
            assertThat(mmio.read(base(card, 2), 4)).isEqualTo(0x30000);
            assertThat(base(card, 4)).isBetween(0x9000_0000L, 0xDFFF_F000L);
            assertThat(ports.read((int) base(card, 0), 1)).isEqualTo(0x10);
            assertThat(card.readConfig(0x3C, 1)).isBetween(10, 11);
        }
    }

    @Test
    void intxGoesToIoApicAndToThe8259sAndCanBeDisabled() {
        Card card = plug(3, 2);
        Card other = plug(7, 2);
        PciFirmware.assign(host, ports);
        int pin = IntxRouting.ioApicPin(3, 2);
        int line = card.readConfig(0x3C, 1);
        card.setIntx(true);
        other.setIntx(true);
        assertThat(ioApic[pin]).isTrue();
        assertThat(isa[line]).isTrue();
        card.setIntx(false);
        assertThat(ioApic[pin]).as("other still asserts").isTrue();
        other.writeConfig(COMMAND, 2, PciRegisters.COMMAND_INTX_DISABLE);
        assertThat(ioApic[pin]).isFalse();
        assertThat(isa[line]).isFalse();
        assertThat(other.readConfig(6, 2) & PciRegisters.STATUS_INTERRUPT).isNotZero();
        other.writeConfig(COMMAND, 2, 0);
        assertThat(ioApic[pin]).isTrue();
        other.reset();
        assertThat(ioApic[pin]).isFalse();
    }

    @Test
    void msixSendsMasksAndKeepsPending() {
        Card card = plug(3, 0);
        PciFirmware.assign(host, ports);
        card.writeConfig(COMMAND, 2, DECODE_ALL);
        int at = capability(card, PciRegisters.CAPABILITY_MSIX);
        assertThat(card.readConfig(at + 2, 2)).isEqualTo(2);
        assertThat(card.readConfig(at + 4, 4)).isEqualTo(4);
        assertThat(card.readConfig(at + 8, 4)).isEqualTo(0x804);
        long table = base(card, 4);
        mmio.write(table + 16, 8, 0xFEE0_1000L);
        mmio.write(table + 24, 4, 0x41);
        card.setIntx(true);
        assertThat(ioApic[IntxRouting.ioApicPin(3, 0)]).isTrue();
        card.writeConfig(at + 2, 2, 0x8000);
        assertThat(ioApic[IntxRouting.ioApicPin(3, 0)]).isFalse();
        card.signal(1);
        assertThat(messages).isEmpty();
        assertThat(mmio.read(table + 0x800, 8)).isEqualTo(2);
        mmio.write(table + 28, 4, 0);
        assertThat(messages).containsExactly(new Message(0xFEE0_1000L, 0x41));
        assertThat(mmio.read(table + 0x800, 4)).isZero();
        card.writeConfig(at + 2, 2, 0xC000);
        card.signal(1);
        card.signal(99);
        assertThat(messages).hasSize(1);
        card.writeConfig(COMMAND, 2, 0);
        card.writeConfig(at + 2, 2, 0x8000);
        assertThat(messages).as("not a bus master").hasSize(1);
        card.writeConfig(COMMAND, 2, DECODE_ALL);
        assertThat(messages).hasSize(2);
    }

    @Test
    void msiSendsOnlyAllocatedVectorsAndOnlyToTheMessageWindow() {
        Card card = plug(3, 0);
        card.writeConfig(COMMAND, 2, DECODE_ALL);
        int at = capability(card, PciRegisters.CAPABILITY_MSI);
        card.writeConfig(at + 4, 4, 0xFEE0_0000);
        card.writeConfig(at + 0xC, 2, 0x4050);
        card.writeConfig(at + 2, 2, 1 << 4 | 1);
        card.signal(3);
        assertThat(messages).containsExactly(new Message(0xFEE0_0000L, 0x4051));
        card.writeConfig(at + 0x10, 4, 2);
        card.signal(1);
        assertThat(messages).hasSize(1);
        assertThat(card.readConfig(at + 0x14, 4)).isEqualTo(2);
        card.writeConfig(at + 0x10, 4, 0);
        assertThat(messages).hasSize(2);
        card.writeConfig(at + 4, 4, 0x1000);
        card.signal(0);
        assertThat(messages).hasSize(2);
    }

    @Test
    void stateComesBack() {
        Card card = plug(3, 0);
        PciFirmware.assign(host, ports);
        long table = base(card, 4);
        mmio.write(table, 4, 0xFEE0_0000L);
        card.setIntx(true);
        PciFunction.State saved = card.saveFunction();
        card.reset();
        assertThat(mmio.read(table, 4)).isEqualTo(0xFFFF_FFFFL);
        card.restoreFunction(saved);
        assertThat(mmio.read(table, 4)).isEqualTo(0xFEE0_0000L);
        assertThat(ioApic[IntxRouting.ioApicPin(3, 0)]).isTrue();
        assertThat(card.saveFunction()).isEqualTo(saved);
    }

    @Test
    void noSequenceOfAccessesThrows() {
        long seed = 0x5EED_0001L;
        System.out.println("seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        plug(1, 0);
        plug(2, 1);
        PciFirmware.assign(host, ports);
        int[] sizes = {1, 2, 4};
        for (int i = 0; i < 200_000; i++) {
            int size = sizes[random.nextInt(3)];
            int value = random.nextBoolean() ? random.nextInt() : random.nextInt(256) << 8;
            switch (random.nextInt(5)) {
                case 0 -> select(random.nextInt(4), random.nextInt(64) * 4);
                case 1 -> ports.write(0xCFC + random.nextInt(4), size, value);
                case 2 -> ports.read(0xCF8 + random.nextInt(8), size);
                case 3 -> mmio.write(value & 0xFFFF_FFFFL, 8, random.nextLong());
                default -> {
                    long at = BoardMap.ECAM + (random.nextInt(4) << 15) + random.nextInt(260);
                    mmio.write(at, random.nextBoolean() ? 8 : size, value);
                    mmio.read(at, 8);
                }
            }
        }
        host.reset();
        PciFirmware.assign(host, ports);
        select(0, 0);
        assertThat(ports.read(0xCFC, 4)).isEqualTo(0x5914_8086);
    }
}
