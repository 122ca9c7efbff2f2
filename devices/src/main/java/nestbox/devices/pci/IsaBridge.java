package nestbox.devices.pci;

import nestbox.platform.IrqLine;

import java.util.function.IntFunction;

/// The LPC bridge, 00:1f.0: routes PIRQA–PIRQD to inputs of the two 8259s for guests that do not
/// use the IOAPIC.
public final class IsaBridge extends PciFunction {
    public static final PciAddress ADDRESS = new PciAddress(0x1F, 0);

    /// PIRQA_ROUT; those of PIRQB–PIRQD follow. Bits 3:0 are the IRQ, bit 7 turns routing off.
    public static final int PIRQ_ROUT = 0x60;

    private static final int CLASS_ISA_BRIDGE = 0x060100;
    private static final int REVISION = 0x21;
    private static final int ROUTING_OFF = 0x80;
    private static final int ROUT_WRITABLE = 0x8F;

    /// IRQs that the chip set allows here; a bit each. The others belong to ISA devices.
    private static final int ALLOWED_IRQS = 0xDEF8;

    private final IrqLine[] isaIrqs = new IrqLine[16];
    private final boolean[] levels = new boolean[IntxRouting.WIRES];
    private int asserted;

    /// @param isaIrqs inputs of the 8259s; asked for once for each IRQ that PIRQs can be routed to
    @SuppressWarnings("this-escape") // hooks run only after a guest can reach the function
    public IsaBridge(IntFunction<IrqLine> isaIrqs) {
        super("isa-bridge", PciIdentity.of(PciIdentity.INTEL, 0x9D4E, REVISION, CLASS_ISA_BRIDGE));
        for (int irq = 0; irq < this.isaIrqs.length; irq++) {
            boolean allowed = (ALLOWED_IRQS >>> irq & 1) != 0;
            this.isaIrqs[irq] = allowed ? isaIrqs.apply(irq) : IrqLine.unconnected();
        }
        for (int wire = 0; wire < IntxRouting.WIRES; wire++) {
            config.register("PIRQ%c_ROUT".formatted('A' + wire), PIRQ_ROUT + wire, 1)
                    .reset(ROUTING_OFF)
                    .writable(ROUT_WRITABLE)
                    .onWrite(this::update);
        }
    }

    /// @param wire 0–3 for PIRQA–PIRQD
    public IrqLine pirq(int wire) {
        return level -> {
            levels[wire] = level;
            update();
        };
    }

    private void update() {
        int wanted = 0;
        for (int wire = 0; wire < IntxRouting.WIRES; wire++) {
            int route = readConfig(PIRQ_ROUT + wire, 1);
            boolean routed = (route & ROUTING_OFF) == 0 && (ALLOWED_IRQS >>> route & 1) != 0;
            wanted |= routed && levels[wire] ? 1 << route : 0;
        }
        int changed = wanted ^ asserted;
        asserted = wanted;
        for (int irq = 0; irq < isaIrqs.length; irq++) {
            if ((changed >>> irq & 1) != 0) {
                isaIrqs[irq].set((wanted >>> irq & 1) != 0);
            }
        }
    }

    @Override
    public void reset() {
        super.reset();
        update();
    }

    public State save() {
        return saveFunction();
    }

    /// The levels of the wires come from the functions that drive them.
    public void restore(State state) {
        restoreFunction(state);
        update();
    }
}
