package nestbox.devices.pci;

import static nestbox.devices.pci.PciRegisters.COMMAND;
import static nestbox.devices.pci.PciRegisters.INTERRUPT_LINE;
import static nestbox.devices.pci.PciRegisters.INTERRUPT_PIN;

import nestbox.devices.BoardMap;
import nestbox.platform.PortIo;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/// What firmware does to PCI before an operating system starts: finds out how large all BARs are,
/// gives them addresses, routes INTx and enables decoding.
///
/// It works through configuration space only, as firmware on the board would.
public final class PciFirmware {
    /// Edge/level control register of the second 8259, where IRQs 10 and 11 become level-triggered.
    private static final int ELCR2 = BoardMap.ELCR + 1;

    private static final int ELCR2_IRQ_10_AND_11 = 1 << 10 - 8 | 1 << 11 - 8;
    private static final long PAGE = 0x1000;

    /// Addresses that base address registers may get.
    public record Windows(long memory, long memoryEnd, long io, long ioEnd) {
        /// Those of the board.
        public static final Windows BOARD =
                new Windows(
                        BoardMap.MMIO32, BoardMap.MMIO32_END, BoardMap.PCI_IO, BoardMap.PCI_IO_END);
    }

    private record Request(PciAddress address, PciFunction function, BarSize bar) {}

    private PciFirmware() {}

    /// Sets up all functions; to be called after each reset of the board.
    ///
    /// @param ports reaches the 8259s, whose IRQs 10 and 11 become level-triggered
    /// @throws IllegalStateException if the devices need more addresses than there are
    public static void assign(PciHost host, PortIo ports) {
        place(host.bus().functions(), Windows.BOARD);
        routeInterrupts(host, ports);
    }

    /// Gives the base address registers of functions addresses and lets the functions decode.
    ///
    /// @throws IllegalStateException if they need more addresses than there are
    public static void place(Map<PciAddress, PciFunction> functions, Windows windows) {
        List<Request> requests = new ArrayList<>();
        functions.forEach(
                (address, function) ->
                        BarSize.of(function)
                                .forEach(bar -> requests.add(new Request(address, function, bar))));
        requests.sort(Comparator.comparingLong((Request request) -> request.bar.size()).reversed());
        long memory = windows.memory;
        long io = windows.io;
        for (Request request : requests) {
            long size = request.bar.size();
            if (request.bar.isIo()) {
                io = place(request, io, size, windows.ioEnd);
            } else {
                memory = place(request, memory, Math.max(size, PAGE), windows.memoryEnd);
            }
        }
        for (Request request : requests) {
            int command = request.function.readConfig(COMMAND, 2);
            request.function.writeConfig(COMMAND, 2, command | request.bar.enable());
        }
    }

    private static long place(Request request, long from, long size, long end) {
        long at = from + size - 1 & -size;
        BarSize bar = request.bar;
        if (at + size > end) {
            throw new IllegalStateException(
                    "no addresses left for BAR %d of %s at %s"
                            .formatted(bar.index(), request.function.name(), request.address));
        }
        request.function.writeConfig(bar.offset(), 4, (int) at);
        if (bar.is64Bit()) {
            request.function.writeConfig(bar.offset() + 4, 4, 0);
        }
        return at + size;
    }

    private static void routeInterrupts(PciHost host, PortIo ports) {
        for (int wire = 0; wire < IntxRouting.WIRES; wire++) {
            host.isaBridge()
                    .writeConfig(IsaBridge.PIRQ_ROUT + wire, 1, BoardMap.PIRQ_IRQS.get(wire));
        }
        ports.write(ELCR2, 1, ports.read(ELCR2, 1) & 0xFF | ELCR2_IRQ_10_AND_11);
        host.bus()
                .functions()
                .forEach(
                        (address, function) -> {
                            int pin = function.readConfig(INTERRUPT_PIN, 1) - 1;
                            if (pin >= 0) {
                                int wire = IntxRouting.wire(address.device(), pin);
                                function.writeConfig(
                                        INTERRUPT_LINE, 1, BoardMap.PIRQ_IRQS.get(wire));
                            }
                        });
    }
}
