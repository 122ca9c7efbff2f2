package nestbox.hypervisor.vpci;

import nestbox.devices.BoardMap;
import nestbox.devices.pci.ConfigurationPorts;
import nestbox.devices.pci.ConfigurationSpace;
import nestbox.devices.pci.HostBridge;
import nestbox.devices.pci.PciAddress;
import nestbox.devices.pci.PciBus;
import nestbox.devices.pci.PciFirmware;
import nestbox.devices.pci.PciFirmware.Windows;
import nestbox.devices.pci.PciFunction;
import nestbox.devices.pci.PciRegisters;
import nestbox.platform.IrqLine;
import nestbox.platform.MessageSink;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortIo;
import nestbox.platform.PortSpace;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The PCI bus that a virtual machine sees: functions of the board that it owns, and functions that
/// L0 emulates.
///
/// The Service VM finds the board's functions where they are and programs them itself, but for
/// those that belong to L0 or to other virtual machines: there is nothing. Other virtual machines
/// have a bus of their own, with a host bridge and what they were given.
public final class VirtualPci implements ConfigurationSpace {
    /// Where the Service VM's emulated functions go: the end of the window that the board's
    /// firmware fills from its start.
    private static final long SERVICE_WINDOW = 1 << 20;

    /// Where they start, up to [BoardMap#MMIO32_END].
    public static final long SERVICE_WINDOWS = BoardMap.MMIO32_END - SERVICE_WINDOW;

    private static final int HEADER_END = PciRegisters.DEVICE_SPECIFIC;

    /// What belongs to the board, and how it is reached.
    public record Board(PciBus bus, PortSpace ports, MmioSpace mmio) {}

    /// What belongs to the virtual machine.
    ///
    /// @param ports where windows of its functions are mapped, as in `mmio`
    /// @param messages takes the interrupts of functions that L0 emulates or has given away
    public record Guest(PortSpace ports, MmioSpace mmio, MessageSink messages) {}

    private final Board board;
    private final Guest guest;
    private final PciBus emulated;
    private final Windows windows;

    /// Functions of the board, by the device and function that the guest knows.
    private final Map<Integer, PciFunction> passed = new HashMap<>();

    private VirtualPci(Board board, Guest guest, Windows windows) {
        this.board = board;
        this.guest = guest;
        this.windows = windows;
        emulated =
                new PciBus(guest.ports, guest.mmio, guest.messages, wire -> IrqLine.unconnected());
    }

    /// The bus of the Service VM.
    ///
    /// @param hidden functions of the board that it doesn't own
    public static VirtualPci ofService(Board board, Guest guest, Set<PciAddress> hidden) {
        long end = BoardMap.MMIO32_END;
        VirtualPci pci = new VirtualPci(board, guest, new Windows(SERVICE_WINDOWS, end, 0, 0));
        board.bus
                .functions()
                .forEach(
                        (address, function) -> {
                            if (!hidden.contains(address)) {
                                pci.passed.put(address.deviceFunction(), function);
                            }
                        });
        return pci;
    }

    /// A bus of its own, with a host bridge.
    public static VirtualPci ofOther(Board board, Guest guest) {
        VirtualPci pci = new VirtualPci(board, guest, Windows.BOARD);
        pci.emulated.add(new PciAddress(0, 0), new HostBridge(BoardMap.ECAM));
        return pci;
    }

    /// Plugs in a function that L0 emulates.
    ///
    /// @throws IllegalArgumentException if the address is taken
    public void add(PciAddress address, PciFunction function) {
        if (passed.containsKey(address.deviceFunction())) {
            throw new IllegalArgumentException(address + " is taken by a device of the board");
        }
        emulated.add(address, function);
    }

    /// Gives a function of the board to a virtual machine with addresses of its own.
    ///
    /// @param address where the guest finds it
    /// @param physical where the board has it
    /// @throws IllegalArgumentException if the board has nothing there, or the address is taken
    public void pass(PciAddress address, PciAddress physical) {
        PciFunction function =
                board.bus
                        .function(physical.deviceFunction())
                        .orElseThrow(() -> new IllegalArgumentException(physical + " isn't there"));
        emulated.add(address, new PassedFunction(function, board.ports, board.mmio));
        passed.put(address.deviceFunction(), function);
        function.messages().divert(guest.messages);
    }

    /// Does what firmware does after power-on: addresses for all functions but those that the
    /// board's firmware has set up.
    public void reset() {
        emulated.reset();
        PciFirmware.place(emulated.functions(), windows);
    }

    /// The other way to configuration space: ports 0xCF8 to 0xCFF.
    ///
    /// @param others gets byte and word accesses at 0xCF8 to 0xCFB, where reset control lives
    public ConfigurationPorts ports(PortIo others) {
        return new ConfigurationPorts(this, others);
    }

    /// Who answers for a register, if somebody does.
    private Optional<PciFunction> function(int bus, int deviceFunction, int offset) {
        if (bus != 0) {
            return Optional.empty();
        }
        Optional<PciFunction> own = emulated.function(deviceFunction);
        PciFunction device = passed.get(deviceFunction);
        boolean isOwn = device == null || own.isPresent() && offset < HEADER_END;
        return isOwn ? own : Optional.of(device);
    }

    @Override
    public int readConfig(int bus, int deviceFunction, int offset, int size) {
        return function(bus, deviceFunction, offset)
                .map(function -> function.readConfig(offset, size))
                .orElse(-1);
    }

    @Override
    public void writeConfig(int bus, int deviceFunction, int offset, int size, int value) {
        function(bus, deviceFunction, offset)
                .ifPresent(function -> function.writeConfig(offset, size, value));
    }
}
