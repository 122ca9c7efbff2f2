package nestbox.hypervisor.vpci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.devices.BoardMap;
import nestbox.devices.pci.BarKind;
import nestbox.devices.pci.ConfigurationPorts;
import nestbox.devices.pci.ConfigurationSpace;
import nestbox.devices.pci.PciAddress;
import nestbox.devices.pci.PciFirmware;
import nestbox.devices.pci.PciFunction;
import nestbox.devices.pci.PciHost;
import nestbox.devices.pci.PciIdentity;
import nestbox.devices.pci.RegisterBlock;
import nestbox.hypervisor.vpci.VirtualPci.Board;
import nestbox.hypervisor.vpci.VirtualPci.Guest;
import nestbox.hypervisor.vuart.PciVuart;
import nestbox.platform.IrqLine;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortIo;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

class VirtualPciTest {
    private static final PciAddress NIC = new PciAddress(2, 0);
    private static final PciAddress DISK = new PciAddress(3, 0);
    private static final PciAddress PORT = new PciAddress(4, 0);
    private static final int COMMAND = 4;
    private static final int BAR0 = 0x10;
    private static final int BAR1 = 0x14;
    private static final int SCRATCH = 8;

    /// A device with a window of memory, one of ports and a register of its own.
    private static final class Card extends PciFunction {
        final RegisterBlock window = new RegisterBlock(0x20);

        Card(String name, int device) {
            super(name, PciIdentity.of(0x1234, device, 1, 0x020000));
            window.register("scratch", SCRATCH, 4).writable(-1);
            addBar(0, BarKind.MEMORY_32, 0x1000, window);
            addBar(1, BarKind.IO, 0x20, window);
            int at = addCapability(9, 8);
            config.register("vendor", at + 4, 4).writable(-1);
        }

        boolean mastersBus() {
            return busMaster();
        }
    }

    private final PortSpace ports = new PortSpace();
    private final MmioSpace mmio = new MmioSpace();
    private final Card nic = new Card("nic", 1);
    private final Card disk = new Card("disk", 2);
    private final List<String> changes = new ArrayList<>();
    private final List<String> messages = new ArrayList<>();
    private Board board;
    private Guest guest;

    @BeforeEach
    void powerOn() {
        PortIo nothing = ports("");
        PciHost host =
                PciHost.of(
                        ports,
                        mmio,
                        (address, data) -> {},
                        pin -> IrqLine.unconnected(),
                        irq -> IrqLine.unconnected(),
                        nothing);
        host.bus().add(NIC, nic);
        host.bus().add(DISK, disk);
        host.reset();
        PciFirmware.assign(host, ports);
        board = new Board(host.bus(), ports, mmio);
        guest =
                new Guest(
                        new PortSpace(),
                        new MmioSpace(),
                        (address, data) -> messages.add("%x=%x".formatted(address, data)));
        guest.mmio()
                .onChange(
                        (start, length, mapped) ->
                                changes.add("%s %x+%x".formatted(mapped, start, length)));
    }

    /// Ports where writes are noted.
    private static PortIo ports(String answer) {
        return new PortIo() {
            @Override
            public int read(int port, int size) {
                return answer.length();
            }

            @Override
            public void write(int port, int size, int value) {}
        };
    }

    private static int read(ConfigurationSpace space, PciAddress address, int offset, int size) {
        return space.readConfig(0, address.deviceFunction(), offset, size);
    }

    private static void write(
            ConfigurationSpace space, PciAddress address, int offset, int size, int value) {
        space.writeConfig(0, address.deviceFunction(), offset, size, value);
    }

    @Test
    void theServiceVmSeesTheBoardButForWhatIsHidden() {
        VirtualPci pci = VirtualPci.ofService(board, guest, Set.of(DISK));
        pci.reset();
        for (int offset = 0; offset < 0x100; offset += 4) {
            for (PciAddress visible : List.of(NIC, new PciAddress(0, 0), new PciAddress(0x1F, 0))) {
                assertThat(read(pci, visible, offset, 4))
                        .isEqualTo(read(board.bus(), visible, offset, 4));
            }
            assertThat(read(pci, DISK, offset, 4)).isEqualTo(-1);
        }
        write(pci, DISK, COMMAND, 2, 0);
        assertThat(read(board.bus(), DISK, COMMAND, 2)).isEqualTo(3);
    }

    @Test
    void theServiceVmProgramsItsDevices() {
        VirtualPci pci = VirtualPci.ofService(board, guest, Set.of());
        write(pci, NIC, BAR0, 4, 0xA000_0000);
        write(pci, NIC, COMMAND, 2, 7);
        mmio.write(0xA000_0000L + SCRATCH, 4, 0x1234);
        assertThat(nic.window.read(SCRATCH, 4)).isEqualTo(0x1234);
        assertThat(nic.mastersBus()).isTrue();
    }

    @Test
    void emulatedFunctionsHaveWindowsInTheGuest() {
        VirtualPci pci = VirtualPci.ofService(board, guest, Set.of());
        pci.add(PORT, new PciVuart("vuart", new VirtualClock()));
        pci.reset();
        assertThat(read(pci, PORT, 0, 4)).isEqualTo(0x9900_9710);
        assertThat(read(board.bus(), PORT, 0, 4)).isEqualTo(-1);
        long registers = read(pci, PORT, BAR0, 4) & 0xFFFF_FFFFL;
        assertThat(registers).isBetween(BoardMap.MMIO32, BoardMap.MMIO32_END - 0x1000);
        assertThat(changes).contains("true %x+1000".formatted(registers));
        guest.mmio().write(registers + 7, 1, 0x42);
        assertThat(guest.mmio().read(registers + 7, 1)).isEqualTo(0x42);
        changes.clear();
        write(pci, PORT, BAR0, 4, 0x9800_0000);
        assertThat(changes)
                .containsExactly("false %x+1000".formatted(registers), "true 98000000+1000");
        assertThat(guest.mmio().read(0x9800_0007L, 1)).isEqualTo(0x42);
        assertThat(mmio.read(0x9800_0007L, 1)).isEqualTo(0xFF);
    }

    @Test
    void addressesAreTakenOnce() {
        VirtualPci pci = VirtualPci.ofService(board, guest, Set.of());
        PciVuart port = new PciVuart("vuart", new VirtualClock());
        assertThatThrownBy(() -> pci.add(NIC, port)).hasMessageContaining("00:02.0");
        VirtualPci other = VirtualPci.ofOther(board, guest);
        assertThatThrownBy(() -> other.pass(PORT, PORT)).hasMessageContaining("00:04.0");
    }

    @Test
    void otherMachinesSeeOnlyWhatTheyHave() {
        VirtualPci pci = VirtualPci.ofOther(board, guest);
        pci.pass(new PciAddress(1, 0), DISK);
        pci.add(new PciAddress(2, 0), new PciVuart("vuart", new VirtualClock()));
        pci.reset();
        Set<Integer> found = new HashSet<>();
        for (int i = 0; i < 256; i++) {
            if (pci.readConfig(0, i, 0, 4) != -1) {
                found.add(i);
            }
            assertThat(pci.readConfig(1, i, 0, 4)).isEqualTo(-1);
        }
        assertThat(found).containsExactlyInAnyOrder(0, 8, 16);
        assertThat(pci.readConfig(0, 8, 0, 4)).isEqualTo(0x0002_1234);
        assertThat(pci.readConfig(0, 8, 8, 4)).isEqualTo(0x0200_0001);
    }

    @Test
    void aPassedDeviceIsMovedForTheGuestOnly() {
        VirtualPci pci = VirtualPci.ofOther(board, guest);
        PciAddress at = new PciAddress(1, 0);
        pci.pass(at, DISK);
        pci.reset();
        int memory = read(board.bus(), DISK, BAR0, 4);
        int io = read(board.bus(), DISK, BAR1, 4);
        write(pci, at, BAR0, 4, -1);
        assertThat(read(pci, at, BAR0, 4)).isEqualTo(0xFFFF_F000);
        write(pci, at, BAR0, 4, 0xB000_0000);
        write(pci, at, BAR1, 4, 0x6000);
        guest.mmio().write(0xB000_0000L + SCRATCH, 4, 0xCAFE);
        assertThat(disk.window.read(SCRATCH, 4)).isEqualTo(0xCAFE);
        assertThat(guest.ports().read(0x6000 + SCRATCH, 2)).isEqualTo(0xCAFE);
        assertThat(read(board.bus(), DISK, BAR0, 4)).isEqualTo(memory);
        assertThat(read(board.bus(), DISK, BAR1, 4)).isEqualTo(io);
        write(pci, at, COMMAND, 2, 4);
        assertThat(guest.mmio().read(0xB000_0000L + SCRATCH, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(disk.mastersBus()).isTrue();
        assertThat(read(board.bus(), DISK, COMMAND, 2)).isEqualTo(7);
    }

    @Test
    void capabilitiesOfAPassedDeviceAreItsOwn() {
        VirtualPci pci = VirtualPci.ofOther(board, guest);
        PciAddress at = new PciAddress(1, 0);
        pci.pass(at, DISK);
        pci.reset();
        assertThat(read(pci, at, 6, 2) & 0x10).isNotZero();
        int capability = read(pci, at, 0x34, 1);
        assertThat(read(pci, at, capability, 1)).isEqualTo(9);
        write(pci, at, capability + 4, 4, 0x55AA);
        assertThat(disk.readConfig(capability + 4, 4)).isEqualTo(0x55AA);
    }

    @Test
    void interruptsOfAPassedDeviceGoToTheGuest() {
        VirtualPci.ofOther(board, guest).pass(new PciAddress(1, 0), DISK);
        disk.messages().message(0xFEE0_0000L, 0x41);
        nic.messages().message(0xFEE0_0000L, 0x42);
        assertThat(messages).containsExactly("fee00000=41");
    }

    @Test
    void bothWaysLeadToTheSameSpace() {
        VirtualPci pci = VirtualPci.ofService(board, guest, Set.of(DISK));
        ConfigurationPorts mechanism = pci.ports(ports("12345"));
        mechanism.write(0xCF8, 4, 0x8000_1000);
        assertThat(mechanism.read(0xCFC, 4)).isEqualTo(0x0001_1234);
        assertThat(pci.read(NIC.deviceFunction() << 12, 4)).isEqualTo(0x0001_1234);
        mechanism.write(0xCF8, 4, 0x8000_1800);
        assertThat(mechanism.read(0xCFC, 4)).isEqualTo(-1);
        assertThat(mechanism.read(0xCF9, 1)).as("reset control").isEqualTo(5);
    }

    /// Whatever a guest writes, nothing is thrown and hidden functions stay as they are.
    @Test
    void anyAccessIsHarmless() {
        long seed = 0x5EED_0019;
        System.out.printf("seed %x%n", seed);
        SplittableRandom random = new SplittableRandom(seed);
        VirtualPci service = VirtualPci.ofService(board, guest, Set.of(DISK));
        VirtualPci other =
                VirtualPci.ofOther(
                        board, new Guest(new PortSpace(), new MmioSpace(), (address, data) -> {}));
        service.add(PORT, new PciVuart("vuart", new VirtualClock()));
        other.pass(new PciAddress(1, 0), DISK);
        service.reset();
        other.reset();
        List<Integer> before = addresses(DISK);
        for (int i = 0; i < 100_000; i++) {
            VirtualPci pci = random.nextBoolean() ? service : other;
            int size = 1 << random.nextInt(4);
            int at = random.nextInt(0x30) << 12 | random.nextInt(0x200);
            pci.write(at, size, random.nextLong());
            pci.read(at, size);
            guest.mmio().read(random.nextLong(), 4);
        }
        assertThat(addresses(DISK)).isEqualTo(before);
    }

    private List<Integer> addresses(PciAddress address) {
        return List.of(
                read(board.bus(), address, BAR0, 4),
                read(board.bus(), address, BAR1, 4),
                read(board.bus(), address, COMMAND, 2) & 3);
    }
}
