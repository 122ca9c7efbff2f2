package nestbox.devices.pci;

import static nestbox.devices.pci.PciRegisters.BAR0;
import static nestbox.devices.pci.PciRegisters.BAR_64_BIT;
import static nestbox.devices.pci.PciRegisters.BAR_COUNT;
import static nestbox.devices.pci.PciRegisters.BAR_IO;
import static nestbox.devices.pci.PciRegisters.COMMAND;
import static nestbox.devices.pci.PciRegisters.COMMAND_IO;
import static nestbox.devices.pci.PciRegisters.COMMAND_MEMORY;
import static nestbox.devices.pci.PciRegisters.INTERRUPT_LINE;
import static nestbox.devices.pci.PciRegisters.INTERRUPT_PIN;

import nestbox.devices.BoardMap;
import nestbox.platform.PortIo;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// What firmware does to PCI before an operating system starts: finds out how large all BARs are,
/// gives them addresses, routes INTx and enables decoding.
///
/// It works through configuration space only, as firmware on the board would.
public final class PciFirmware {
    /// Edge/level control register of the second 8259, where IRQs 10 and 11 become level-triggered.
    private static final int ELCR2 = BoardMap.ELCR + 1;

    private static final int ELCR2_IRQ_10_AND_11 = 1 << 10 - 8 | 1 << 11 - 8;
    private static final long PAGE = 0x1000;

    private record Request(
            PciAddress address, PciFunction function, int bar, int typeBits, long size) {
        boolean isIo() {
            return (typeBits & BAR_IO) != 0;
        }

        boolean is64Bit() {
            return !isIo() && (typeBits & BAR_64_BIT) != 0;
        }
    }

    private PciFirmware() {}

    /// Sets up all functions; to be called after each reset of the board.
    ///
    /// @param ports reaches the 8259s, whose IRQs 10 and 11 become level-triggered
    /// @throws IllegalStateException if the devices need more addresses than there are
    public static void assign(PciHost host, PortIo ports) {
        List<Request> requests = new ArrayList<>();
        host.bus().functions().forEach((address, function) -> probe(address, function, requests));
        requests.sort(Comparator.comparingLong(Request::size).reversed());
        long memory = BoardMap.MMIO32;
        long io = BoardMap.PCI_IO;
        for (Request request : requests) {
            if (request.isIo()) {
                io = place(request, io, request.size, BoardMap.PCI_IO_END);
            } else {
                memory = place(request, memory, Math.max(request.size, PAGE), BoardMap.MMIO32_END);
            }
        }
        for (Request request : requests) {
            int enable = request.isIo() ? COMMAND_IO : COMMAND_MEMORY;
            int command = request.function.readConfig(COMMAND, 2);
            request.function.writeConfig(COMMAND, 2, command | enable);
        }
        routeInterrupts(host, ports);
    }

    private static void probe(PciAddress address, PciFunction function, List<Request> into) {
        int command = function.readConfig(COMMAND, 2);
        function.writeConfig(COMMAND, 2, command & ~(COMMAND_IO | COMMAND_MEMORY));
        for (int bar = 0; bar < BAR_COUNT; bar++) {
            int offset = BAR0 + 4 * bar;
            function.writeConfig(offset, 4, -1);
            int mask = function.readConfig(offset, 4);
            if (mask == 0) {
                continue;
            }
            boolean io = (mask & BAR_IO) != 0;
            int typeBits = mask & (io ? 3 : 0xF);
            into.add(new Request(address, function, bar, typeBits, -(mask - typeBits)));
            if (!io && (typeBits & BAR_64_BIT) != 0) {
                bar++;
            }
        }
    }

    private static long place(Request request, long from, long size, long end) {
        long at = from + size - 1 & -size;
        if (at + size > end) {
            throw new IllegalStateException(
                    "no addresses left for BAR %d of %s at %s"
                            .formatted(request.bar, request.function.name(), request.address));
        }
        int offset = BAR0 + 4 * request.bar;
        request.function.writeConfig(offset, 4, (int) at);
        if (request.is64Bit()) {
            request.function.writeConfig(offset + 4, 4, 0);
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
