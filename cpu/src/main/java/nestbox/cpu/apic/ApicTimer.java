package nestbox.cpu.apic;

import nestbox.platform.Clock;
import nestbox.platform.Frequency;

/// The timer of a local APIC. SDM Vol. 3A, "APIC Timer".
///
/// Nothing counts: the state is the tick of the core crystal at which the count reaches zero, and
/// the current count follows from the clock. In periodic mode, once the interrupt is raised, the
/// alarm stays off until the processor has taken it, for until then another one would merge with
/// it: a guest can't keep the board busy with a short period.
final class ApicTimer {
    /// Bits 18:17 of the timer's LVT entry.
    enum Mode {
        ONE_SHOT,
        PERIODIC,
        TSC_DEADLINE,
        RESERVED;

        private static final Mode[] VALUES = values();

        static Mode of(int localVector) {
            return VALUES[localVector >>> 17 & 3];
        }
    }

    private final Clock clock;
    private final Frequency crystal;
    private final TscClock tsc;
    private final Runnable interrupt;
    private final Clock.Alarm alarm;

    private Mode mode = Mode.ONE_SHOT;
    private boolean masked = true;
    private int initialCount;
    private int divideConfiguration;
    private boolean running;
    private long zero;
    private boolean parked;
    private long deadline;

    /// @param interrupt raises the interrupt of the timer's LVT entry
    ApicTimer(Clock clock, Frequency crystal, TscClock tsc, Runnable interrupt) {
        this.clock = clock;
        this.crystal = crystal;
        this.tsc = tsc;
        this.interrupt = interrupt;
        alarm = clock.alarm(this::update);
    }

    /// The LVT entry is about to change: what is due happens as the old one says.
    void settle() {
        switch (mode) {
            case ONE_SHOT -> {
                if (running && ticks() >= zero) {
                    running = false;
                    raise();
                }
            }
            case PERIODIC -> {
                long late = ticks() - zero;
                if (running && late >= 0) {
                    zero += (late / period() + 1) * period();
                    if (!parked && !masked) {
                        parked = true;
                        raise();
                    }
                }
            }
            case TSC_DEADLINE -> {
                if (deadline != 0 && Long.compareUnsigned(tsc.tsc(), deadline) >= 0) {
                    deadline = 0;
                    raise();
                }
            }
            case RESERVED -> {}
        }
    }

    /// The LVT entry has changed. A change of mode disarms the timer.
    void configure(int localVector) {
        Mode next = Mode.of(localVector);
        masked = (localVector & LocalVector.MASK) != 0;
        if (next != mode) {
            mode = next;
            running = false;
            deadline = 0;
        }
        parked = false;
        arm();
    }

    int initialCount() {
        return initialCount;
    }

    /// Starts the timer, or with 0 stops it; ignored in TSC-deadline mode.
    void setInitialCount(int count) {
        if (mode == Mode.TSC_DEADLINE) {
            return;
        }
        settle();
        initialCount = count;
        running = count != 0;
        parked = false;
        zero = ticks() + period();
        arm();
    }

    int currentCount() {
        settle();
        return running ? (int) Math.ceilDiv(zero - ticks(), divisor()) : 0;
    }

    int divideConfiguration() {
        return divideConfiguration;
    }

    /// Changes the rate; a count that runs goes on from where it is.
    void setDivideConfiguration(int value) {
        long count = Integer.toUnsignedLong(currentCount());
        divideConfiguration = value;
        zero = ticks() + count * divisor();
        arm();
    }

    /// IA32_TSC_DEADLINE.
    long deadline() {
        settle();
        return deadline;
    }

    /// Arms the timer, or with 0 disarms it; ignored in other modes.
    void setDeadline(long value) {
        if (mode == Mode.TSC_DEADLINE) {
            settle();
            deadline = value;
            update();
        }
    }

    /// The processor took the interrupt, or what kept it from being raised is gone.
    void resume() {
        if (parked) {
            settle();
            parked = false;
            arm();
        }
    }

    /// The relation of the TSC to the clock has changed.
    void tscChanged() {
        if (mode == Mode.TSC_DEADLINE) {
            update();
        }
    }

    ApicState.Timer save() {
        return new ApicState.Timer(
                initialCount, divideConfiguration, running, zero, parked, deadline);
    }

    void restore(ApicState.Timer state, int localVector) {
        mode = Mode.of(localVector);
        masked = (localVector & LocalVector.MASK) != 0;
        initialCount = state.initialCount();
        divideConfiguration = state.divideConfiguration();
        running = state.running();
        zero = state.zero();
        parked = state.parked();
        deadline = state.deadline();
        arm();
    }

    /// Does what is due and sets the alarm for what comes next.
    private void update() {
        settle();
        arm();
    }

    private void arm() {
        alarm.cancel();
        long nanos =
                switch (mode) {
                    case ONE_SHOT, PERIODIC ->
                            running && !masked && !parked ? crystal.nanos(zero) : Long.MAX_VALUE;
                    case TSC_DEADLINE ->
                            deadline != 0
                                    ? Math.max(tsc.nanosAt(deadline), clock.nanos() + 1)
                                    : Long.MAX_VALUE;
                    case RESERVED -> Long.MAX_VALUE;
                };
        if (nanos != Long.MAX_VALUE) {
            alarm.at(nanos);
        }
    }

    private void raise() {
        if (!masked) {
            interrupt.run();
        }
    }

    private long ticks() {
        return crystal.ticks(clock.nanos());
    }

    /// In ticks of the crystal.
    private long period() {
        return Integer.toUnsignedLong(initialCount) * divisor();
    }

    /// 1 to 128, from bits 3, 1 and 0 of the divide configuration.
    private long divisor() {
        int bits = divideConfiguration >> 1 & 4 | divideConfiguration & 3;
        return 1L << (bits + 1 & 7);
    }
}
