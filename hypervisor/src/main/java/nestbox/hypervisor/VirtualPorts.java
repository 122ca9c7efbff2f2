package nestbox.hypervisor;

import nestbox.devices.pci.PciAddress;
import nestbox.hypervisor.vpci.VirtualPci;
import nestbox.hypervisor.vuart.LegacyVuart;
import nestbox.hypervisor.vuart.PciVuart;
import nestbox.hypervisor.vuart.Vuart;
import nestbox.platform.Clock;
import nestbox.platform.IrqLine;
import nestbox.scenario.Allocation.Port;
import nestbox.scenario.Vuart.Transport;
import nestbox.scenario.board.Bdf;

import java.util.function.IntFunction;

/// Gives a virtual machine its virtual serial ports.
final class VirtualPorts {
    private final Vm vm;
    private final Clock clock;
    private final VirtualPci pci;
    private final IntFunction<IrqLine> interrupts;

    /// @param interrupts the inputs of the virtual machine's interrupt controllers, by ISA IRQ
    VirtualPorts(Vm vm, Clock clock, VirtualPci pci, IntFunction<IrqLine> interrupts) {
        this.vm = vm;
        this.clock = clock;
        this.pci = pci;
        this.interrupts = interrupts;
    }

    void add(Port port) {
        int index = port.vuart().index();
        vm.add(
                index,
                port.vuart().transport() == Transport.PCI
                        ? onPci(name(vm, port), port.address().orElseThrow())
                        : atPorts(vm, clock, port, interrupts));
    }

    /// One at ports, for a virtual machine without a virtual PCI bus.
    static void addLegacy(Vm vm, Clock clock, Port port, IntFunction<IrqLine> interrupts) {
        vm.add(port.vuart().index(), atPorts(vm, clock, port, interrupts));
    }

    private Vuart onPci(String name, Bdf address) {
        PciVuart function = new PciVuart(name, clock);
        pci.add(new PciAddress(address.device(), address.function()), function);
        return function.vuart();
    }

    private static String name(Vm vm, Port port) {
        return "vm%d.vuart%d".formatted(vm.id(), port.vuart().index());
    }

    private static Vuart atPorts(Vm vm, Clock clock, Port port, IntFunction<IrqLine> interrupts) {
        IrqLine irq = port.irq() == 0 ? IrqLine.unconnected() : interrupts.apply(port.irq());
        Vuart vuart = new Vuart(name(vm, port), clock, irq);
        vm.emulatePorts(port.ioPort(), LegacyVuart.PORTS, new LegacyVuart(vuart, port.ioPort()));
        return vuart;
    }
}
