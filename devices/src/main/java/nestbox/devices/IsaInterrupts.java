package nestbox.devices;

import nestbox.devices.ioapic.IoApic;
import nestbox.devices.pic.Pic;
import nestbox.platform.IrqLine;

/// The sixteen ISA interrupts, each of which is wired to both the 8259A pair and the I/O APIC.
///
/// Which of them delivers is the guest's choice of masks.
public final class IsaInterrupts {
    private static final int IRQS = 16;

    private final WiredOr[] picInputs = new WiredOr[IRQS];
    private final WiredOr[] pins = new WiredOr[IRQS];
    private final IrqLine[] pirqInputs = new IrqLine[IRQS];

    public IsaInterrupts(Pic pic, IoApic ioApic) {
        for (int irq = 0; irq < IRQS; irq++) {
            // IRQ 2 is the cascade, and its pin carries IRQ 0.
            IrqLine pin =
                    irq == BoardMap.TIMER_PIN
                            ? IrqLine.unconnected()
                            : ioApic.input(BoardMap.pinOfIrq(irq));
            picInputs[irq] = new WiredOr(pic.input(irq));
            pins[irq] = new WiredOr(pin);
            pirqInputs[irq] = picInputs[irq].source();
        }
    }

    /// A new source of an interrupt, at both interrupt controllers.
    public IrqLine source(int irq) {
        IrqLine input = picInputs[irq].source();
        IrqLine pin = pins[irq].source();
        return asserted -> {
            input.set(asserted);
            pin.set(asserted);
        };
    }

    /// Where a PCI interrupt router reaches an input of the 8259A pair; always the same wire.
    public IrqLine pirqInput(int irq) {
        return pirqInputs[irq];
    }
}
