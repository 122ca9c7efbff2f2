package nestbox.devices.pit;

import nestbox.devices.BytePorts;
import nestbox.devices.Deadline;
import nestbox.platform.Clock;
import nestbox.platform.Device;
import nestbox.platform.Frequency;
import nestbox.platform.IrqLine;

/// The interval timer of a PC: an 8254 whose counter 0 is the system timer interrupt, counter 1
/// once paced memory refresh, and counter 2 drives the speaker.
///
/// When the board's clock jumps over several rises of counter 0's output, the interrupt line gets
/// one edge: the 8259A would have latched no more of them either, as no processor ran in between.
/// A guest is never flooded with the ticks that it missed, and two runs with the same times get
/// the same edges.
public final class Pit implements Device, BytePorts {
    /// Everything a snapshot holds.
    public record State(CounterState counter0, CounterState counter1, CounterState counter2) {}

    /// The timer's clock input: a third of the NTSC colour subcarrier.
    public static final Frequency CLOCK = new Frequency(1_193_182);

    private static final int CONTROL = 3;
    private static final int SELECT_READ_BACK = 3;
    private static final int READ_BACK_NO_COUNT = 0x20;
    private static final int READ_BACK_NO_STATUS = 0x10;

    private final Clock clock;
    private final IrqLine irq;
    private final Deadline nextEvent;
    private final Counter[] counters = {new Counter(), new Counter(), new Counter()};

    /// @param irq the output of counter 0
    public Pit(Clock clock, IrqLine irq) {
        this.clock = clock;
        this.irq = irq;
        nextEvent = new Deadline(clock, this::update);
        reset();
    }

    @Override
    public String name() {
        return "pit";
    }

    @Override
    public void reset() {
        long now = now();
        counters[0].reset(true, now);
        counters[1].reset(true, now);
        counters[2].reset(false, now);
        update();
    }

    @Override
    public int read(int port) {
        int register = port & 3;
        if (register == CONTROL) {
            return OPEN_BUS;
        }
        update();
        return counters[register].read(now());
    }

    @Override
    public void write(int port, int value) {
        update(); // what was due before this access
        int register = port & 3;
        if (register == CONTROL) {
            writeControl(value);
        } else {
            Counter counter = counters[register];
            counter.sync(now());
            counter.write(value, now());
        }
        update();
    }

    /// The gate input of counter 2, from system control port B.
    public void setGate2(boolean level) {
        counters[2].sync(now());
        counters[2].setGate(level, now());
    }

    public boolean gate2() {
        return counters[2].gate();
    }

    /// The output of counter 2.
    public boolean out2() {
        counters[2].sync(now());
        return counters[2].out(now());
    }

    public State save() {
        return new State(counters[0].save(), counters[1].save(), counters[2].save());
    }

    public void restore(State state) {
        counters[0].restore(state.counter0);
        counters[1].restore(state.counter1);
        counters[2].restore(state.counter2);
        update();
    }

    private long now() {
        return CLOCK.ticks(clock.nanos());
    }

    private void writeControl(int word) {
        int select = word >> 6;
        if (select == SELECT_READ_BACK) {
            readBack(word);
            return;
        }
        Counter counter = counters[select];
        counter.sync(now());
        if ((word & 0x30) == 0) {
            counter.latchCount(now());
        } else {
            counter.control(word, now());
        }
    }

    private void readBack(int word) {
        for (int i = 0; i < counters.length; i++) {
            if ((word & 2 << i) == 0) {
                continue;
            }
            counters[i].sync(now());
            if ((word & READ_BACK_NO_COUNT) == 0) {
                counters[i].latchCount(now());
            }
            if ((word & READ_BACK_NO_STATUS) == 0) {
                counters[i].latchStatus(now());
            }
        }
    }

    /// The only place that drives the interrupt line.
    private void update() {
        long now = now();
        for (Counter counter : counters) {
            counter.sync(now);
        }
        if (counters[0].takeRise()) {
            irq.set(false);
            irq.set(true); // edges that are overdue become one
        }
        irq.set(counters[0].out(now));
        long event = counters[0].nextEvent(now);
        nextEvent.at(event == Counter.NEVER ? Deadline.NEVER : CLOCK.nanos(event));
    }
}
