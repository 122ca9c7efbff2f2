package nestbox.hypervisor.vlapic;

import nestbox.cpu.apic.ApicBus;
import nestbox.devices.BoardMap;
import nestbox.devices.IsaInterrupts;
import nestbox.devices.ioapic.IoApic;
import nestbox.devices.pic.Pic;
import nestbox.hypervisor.vlapic.VirtualChipset.PortOwners;
import nestbox.platform.Device;
import nestbox.platform.IrqLine;
import nestbox.platform.MmioSpace;

import java.util.ArrayList;
import java.util.List;

/// The 8259A pair and the I/O APIC of a virtual machine, wired as on a PC to each other and to its
/// local APICs.
public final class InterruptControllers {
    private static final int ISA_LINES = 16;

    private final IoApic ioApic;
    private final Pic pic;
    private final IsaInterrupts isa;
    private final List<IrqLine> lines = new ArrayList<>();

    /// @param bus of the virtual machine's local APICs
    /// @param bootstrap the local APIC that takes what the 8259A pair has
    /// @param ioApic whose messages go to that bus
    public InterruptControllers(ApicBus bus, VirtualApic bootstrap, IoApic ioApic) {
        this.ioApic = ioApic;
        IrqLine intr = bootstrap.lint0();
        IrqLine pin = ioApic.input(0);
        pic =
                new Pic(
                        asserted -> {
                            intr.set(asserted);
                            pin.set(asserted);
                        });
        bus.onEndOfInterrupt(ioApic::endOfInterrupt);
        bus.onInterruptAcknowledge(pic::acknowledge);
        isa = new IsaInterrupts(pic, ioApic);
        for (int number = 0; number < ioApic.pins(); number++) {
            lines.add(number < ISA_LINES ? isa.source(irqOfPin(number)) : ioApic.input(number));
        }
    }

    /// The timer's interrupt comes to the I/O APIC on a pin of its own.
    private static int irqOfPin(int pin) {
        return pin == BoardMap.TIMER_PIN ? BoardMap.TIMER_IRQ : pin;
    }

    /// Puts them where PCs have them.
    public void map(PortOwners ports, MmioSpace mmio) {
        ports.map(BoardMap.PIC_MASTER, 2, pic);
        ports.map(BoardMap.PIC_SLAVE, 2, pic);
        ports.map(BoardMap.ELCR, 2, pic);
        if (!mmio.map(BoardMap.IOAPIC, IoApic.LENGTH, ioApic)) {
            throw new IllegalStateException("something is where the I/O APIC belongs");
        }
    }

    /// A new source of an ISA interrupt, such as a virtual serial port.
    public IrqLine isaIrq(int irq) {
        return isa.source(irq);
    }

    /// The wire of a pin of the I/O APIC; the first ones are ISA interrupts, which the 8259A pair
    /// has, too.
    public IrqLine line(int pin) {
        return lines.get(pin);
    }

    /// As after power-on.
    public void reset() {
        lines.forEach(line -> line.set(false));
        List.<Device>of(pic, ioApic).forEach(Device::reset);
    }
}
