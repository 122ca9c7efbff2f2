package nestbox.devices.pic;

import static nestbox.devices.BoardMap.ELCR;
import static nestbox.devices.BoardMap.PIC_MASTER;
import static nestbox.devices.BoardMap.PIC_SLAVE;

import nestbox.devices.BytePorts;
import nestbox.platform.Device;
import nestbox.platform.IrqLine;

/// The PC's pair of 8259A interrupt controllers, and the edge/level control registers that Intel's
/// chip sets added.
///
/// The pair is one device because the cascade is private to it: the slave's INT is the master's
/// IR2, and both take part in one acknowledge cycle.
public final class Pic implements Device, BytePorts {
    /// Everything a snapshot holds.
    public record State(ControllerState master, ControllerState slave) {}

    private static final int CASCADE = 2;
    private static final int INPUTS = 16;

    /// IRQ 0, 1, 2, 8 and 13 are always edge-triggered.
    private static final int ELCR_MASTER_BITS = 0xF8;

    private static final int ELCR_SLAVE_BITS = 0xDE;

    private final IrqLine output;
    private final Controller master = new Controller();
    private final Controller slave = new Controller();

    /// @param output the INTR line: to the processor, and to pin 0 of the I/O APIC
    public Pic(IrqLine output) {
        this.output = output;
        reset();
    }

    @Override
    public String name() {
        return "pic";
    }

    @Override
    public void reset() {
        master.reset();
        slave.reset();
        update();
    }

    /// The wire of an ISA interrupt. IRQ 2 is the cascade, so its wire ends nowhere.
    public IrqLine input(int irq) {
        if (irq < 0 || irq >= INPUTS) {
            throw new IllegalArgumentException("IRQ " + irq);
        }
        if (irq == CASCADE) {
            return IrqLine.unconnected();
        }
        Controller chip = irq < 8 ? master : slave;
        return asserted -> {
            chip.setLine(irq & 7, asserted);
            update();
        };
    }

    /// Whether INTR is asserted.
    public boolean requests() {
        return master.requests();
    }

    /// The processor's interrupt acknowledge cycle.
    ///
    /// @return the vector; the default vector of IR7 if the request has gone away
    public int acknowledge() {
        int input = master.acknowledge();
        int vector = master.vector(input);
        if (input != Controller.NONE && master.cascades(input)) {
            vector = input == CASCADE ? acknowledgeSlave() : OPEN_BUS;
        }
        update();
        return vector;
    }

    @Override
    public int read(int port) {
        int value =
                switch (port) {
                    case PIC_MASTER -> master.readCommand();
                    case PIC_MASTER + 1 -> master.readData();
                    case PIC_SLAVE -> slave.readCommand();
                    case PIC_SLAVE + 1 -> slave.readData();
                    case ELCR -> master.levelTriggered();
                    case ELCR + 1 -> slave.levelTriggered();
                    default -> OPEN_BUS;
                };
        update(); // a poll acknowledges
        return value;
    }

    @Override
    public void write(int port, int value) {
        switch (port) {
            case PIC_MASTER -> master.writeCommand(value);
            case PIC_MASTER + 1 -> master.writeData(value);
            case PIC_SLAVE -> slave.writeCommand(value);
            case PIC_SLAVE + 1 -> slave.writeData(value);
            case ELCR -> master.setLevelTriggered(value & ELCR_MASTER_BITS);
            case ELCR + 1 -> slave.setLevelTriggered(value & ELCR_SLAVE_BITS);
            default -> {}
        }
        update();
    }

    public State save() {
        return new State(master.save(), slave.save());
    }

    public void restore(State state) {
        master.restore(state.master);
        slave.restore(state.slave);
        update();
    }

    /// The only place that drives INTR, and the slave's INT.
    private void update() {
        master.setLine(CASCADE, slave.requests());
        output.set(master.requests());
    }

    private int acknowledgeSlave() {
        // INT drops during the acknowledge cycle, so that a further request is an edge again.
        master.setLine(CASCADE, false);
        return slave.answersTo(CASCADE) ? slave.vector(slave.acknowledge()) : OPEN_BUS;
    }
}
