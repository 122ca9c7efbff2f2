package nestbox.devices.hpet;

import static nestbox.devices.hpet.HpetRegisters.*;

import nestbox.devices.BoardMap;
import nestbox.devices.Deadline;
import nestbox.platform.Clock;
import nestbox.platform.Device;
import nestbox.platform.IrqLine;
import nestbox.platform.MessageRoute;
import nestbox.platform.MessageSink;
import nestbox.platform.Mmio;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;

/// The high precision event timers: a main counter of 100 MHz and comparators, each one-shot or
/// periodic, that interrupt through the I/O APIC, by message, or in place of the old timers.
///
/// For the last, the lines of the 8254 and the real-time clock pass through here: legacy
/// replacement cuts them off. An edge-triggered timer keeps its line up until its next edge,
/// because the 8259A loses a request that does not last. When the clock jumps over several matches
/// of a timer, they become one interrupt.
public final class Hpet implements Device, Mmio {
    /// Everything a snapshot holds.
    ///
    /// @param counterBase the main counter at `since`, or now if it is halted
    /// @param syncedTo the counter value up to which matches are carried out
    public record State(
            long configuration,
            int levelStatus,
            long counterBase,
            long since,
            long syncedTo,
            boolean pitLine,
            boolean rtcLine,
            List<TimerState> timers) {}

    /// Bytes of its address range.
    public static final long LENGTH = 0x400;

    public static final int TIMER_COUNT = 4;

    /// The low half of the capabilities, which the ACPI table repeats.
    public static final int HARDWARE_ID =
            (int)
                    (VENDOR_INTEL
                            | LEG_RT_CAP
                            | COUNT_SIZE_CAP
                            | TIMER_COUNT - 1 << NUM_TIM_CAP_SHIFT
                            | REV_ID);

    private static final long NANOS_PER_TICK = 10;
    private static final long PERIOD_FEMTOSECONDS = NANOS_PER_TICK * 1_000_000;

    /// The I/O APIC pins that timers can use: those that no PCI function does.
    private static final int FIRST_PIN = BoardMap.PIRQ_PIN + 4;

    private static final int PINS = 4;
    private static final int ROUTES = (1 << PINS) - 1 << FIRST_PIN;

    private final Clock clock;
    private final IrqLine[] pins;
    private final IrqLine timerIrq;
    private final IrqLine rtcIrq;
    private final MessageRoute messages;
    private final Deadline nextEvent;
    private final Timer[] timers = new Timer[TIMER_COUNT];
    private long configuration;
    private int levelStatus;
    private long counterBase;
    private long since;
    private long syncedTo;
    private boolean pitLine;
    private boolean rtcLine;

    /// @param ioApicPins of which 20–23 are used, and must not be shared
    /// @param timerIrq where the system timer interrupt goes, IRQ 0; likewise IRQ 8
    public Hpet(
            Clock clock,
            IntFunction<IrqLine> ioApicPins,
            IrqLine timerIrq,
            IrqLine rtcIrq,
            MessageSink messages) {
        this.clock = clock;
        this.timerIrq = timerIrq;
        this.rtcIrq = rtcIrq;
        this.messages = new MessageRoute(messages);
        pins = new IrqLine[PINS];
        Arrays.setAll(pins, i -> ioApicPins.apply(FIRST_PIN + i));
        Arrays.setAll(timers, i -> new Timer(ROUTES));
        nextEvent = new Deadline(clock, this::update);
        reset();
    }

    @Override
    public String name() {
        return "hpet";
    }

    @Override
    public void reset() {
        configuration = 0;
        levelStatus = 0;
        counterBase = 0;
        since = clock.nanos();
        syncedTo = 0;
        for (Timer timer : timers) {
            timer.reset();
        }
        update();
    }

    /// Where the messages of timers in FSB mode go.
    public MessageRoute messages() {
        return messages;
    }

    /// Where the 8254's counter 0 is wired to.
    public IrqLine pitInput() {
        return level -> {
            pitLine = level;
            update();
        };
    }

    /// Where the real-time clock is wired to.
    public IrqLine rtcInput() {
        return level -> {
            rtcLine = level;
            update();
        };
    }

    @Override
    public long read(long offset, int size) {
        update();
        int register = (int) offset & ~7;
        int within = (int) offset & 7;
        return readRegister(register) >>> 8 * within;
    }

    /// Only aligned accesses of 4 and 8 bytes are defined; others are dropped.
    @Override
    public void write(long offset, int size, long value) {
        if (size < 4 || (offset & size - 1) != 0) {
            return;
        }
        update();
        int shift = 8 * ((int) offset & 7);
        long bits = size == 8 ? -1L : 0xFFFF_FFFFL << shift;
        writeRegister((int) offset & ~7, bits, value << shift);
        update();
    }

    public State save() {
        return new State(
                configuration,
                levelStatus,
                counterBase,
                since,
                syncedTo,
                pitLine,
                rtcLine,
                Arrays.stream(timers).map(Timer::save).toList());
    }

    public void restore(State state) {
        configuration = state.configuration;
        levelStatus = state.levelStatus;
        counterBase = state.counterBase;
        since = state.since;
        syncedTo = state.syncedTo;
        pitLine = state.pitLine;
        rtcLine = state.rtcLine;
        for (int i = 0; i < TIMER_COUNT; i++) {
            timers[i].restore(state.timers.get(i));
        }
        update();
    }

    private long readRegister(int register) {
        if (register >= TIMERS) {
            int timer = (register - TIMERS) / TIMER_STRIDE;
            return timer < TIMER_COUNT ? timers[timer].read(register % TIMER_STRIDE) : 0;
        }
        return switch (register) {
            case CAPABILITIES ->
                    HARDWARE_ID & 0xFFFF_FFFFL | PERIOD_FEMTOSECONDS << COUNTER_CLK_PERIOD_SHIFT;
            case CONFIGURATION -> configuration;
            case INTERRUPT_STATUS -> levelStatus;
            case MAIN_COUNTER -> counter();
            default -> 0;
        };
    }

    private void writeRegister(int register, long bits, long value) {
        if (register >= TIMERS) {
            int timer = (register - TIMERS) / TIMER_STRIDE;
            if (timer < TIMER_COUNT) {
                timers[timer].write(register % TIMER_STRIDE, bits, value);
            }
            return;
        }
        switch (register) {
            case CONFIGURATION -> writeConfiguration(configuration & ~bits | value & bits);
            case INTERRUPT_STATUS -> levelStatus &= ~(int) (value & bits);
            case MAIN_COUNTER -> {
                counterBase = counter() & ~bits | value & bits;
                since = clock.nanos();
                syncedTo = counterBase;
            }
            default -> {}
        }
    }

    private void writeConfiguration(long value) {
        long counter = counter();
        configuration = value & (ENABLE_CNF | LEG_RT_CNF);
        counterBase = counter;
        since = clock.nanos();
        if (!isRunning()) {
            for (Timer timer : timers) {
                timer.setEdge(false);
            }
        }
    }

    private boolean isRunning() {
        return (configuration & ENABLE_CNF) != 0;
    }

    private boolean replacesLegacy() {
        return configuration == (ENABLE_CNF | LEG_RT_CNF);
    }

    private long counter() {
        return isRunning() ? counterBase + (clock.nanos() - since) / NANOS_PER_TICK : counterBase;
    }

    /// Carries out the matches since the last time.
    ///
    /// @return the edge-triggered timers that matched, one bit each
    private int sync() {
        long counter = counter();
        int edges = 0;
        for (int i = 0; i < TIMER_COUNT; i++) {
            Timer timer = timers[i];
            if (!timer.pass(syncedTo, counter)) {
                continue;
            }
            if (timer.isLevel() && !timer.usesFsb()) {
                levelStatus |= 1 << i;
            } else if (timer.isEnabled() && timer.usesFsb()) {
                messages.message(timer.messageAddress(), timer.messageData());
            } else if (timer.isEnabled()) {
                timer.setEdge(true);
                edges |= 1 << i;
            }
        }
        syncedTo = counter;
        return edges;
    }

    /// The only place that drives the interrupt lines.
    private void update() {
        int edges = sync();
        int first = replacesLegacy() ? 2 : 0; // timers 0 and 1 then have lines of their own
        if (first == 0) {
            timerIrq.set(pitLine);
            rtcIrq.set(rtcLine);
        } else {
            drive(timerIrq, 1, edges);
            drive(rtcIrq, 2, edges);
        }
        for (int pin = 0; pin < PINS; pin++) {
            int routed = 0;
            for (int i = first; i < TIMER_COUNT; i++) {
                routed |= timers[i].route() == FIRST_PIN + pin ? 1 << i : 0;
            }
            drive(pins[pin], routed, edges);
        }
        nextEvent.at(nextMatch());
    }

    private void drive(IrqLine line, int routed, int edges) {
        boolean asserted = false;
        for (int i = 0; i < TIMER_COUNT; i++) {
            asserted |= (routed & 1 << i) != 0 && isAsserted(i);
        }
        if ((routed & edges) != 0) {
            line.set(false);
        }
        line.set(asserted);
    }

    private boolean isAsserted(int i) {
        Timer timer = timers[i];
        if (!timer.isEnabled() || timer.usesFsb()) {
            return false;
        }
        return timer.isLevel() ? (levelStatus & 1 << i) != 0 : timer.edge();
    }

    private long nextMatch() {
        if (!isRunning()) {
            return Deadline.NEVER;
        }
        long ticks = Long.MAX_VALUE / NANOS_PER_TICK / 2;
        boolean any = false;
        for (int i = 0; i < TIMER_COUNT; i++) {
            Timer timer = timers[i];
            long distance = timer.distance(syncedTo);
            boolean stillPending = timer.isLevel() && (levelStatus & 1 << i) != 0;
            if (timer.isEnabled() && !stillPending && distance > 0 && distance < ticks) {
                ticks = distance;
                any = true;
            }
        }
        return any ? since + (syncedTo - counterBase + ticks) * NANOS_PER_TICK : Deadline.NEVER;
    }
}
