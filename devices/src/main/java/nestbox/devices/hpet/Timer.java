package nestbox.devices.hpet;

import static nestbox.devices.hpet.HpetRegisters.*;

/// One comparator: when it matches the main counter, and what then happens.
///
/// Counter values are unsigned; differences of them say how far away a match is.
final class Timer {
    private static final long LOW_HALF = 0xFFFF_FFFFL;

    private final long capabilities;
    private long configuration;
    private long comparator;
    private long period;
    private long fsbRoute;
    private boolean edge;

    Timer(int routes) {
        capabilities =
                PER_INT_CAP
                        | SIZE_CAP
                        | FSB_INT_DEL_CAP
                        | (routes & LOW_HALF) << INT_ROUTE_CAP_SHIFT;
    }

    void reset() {
        configuration = 0;
        comparator = -1L;
        period = 0;
        fsbRoute = 0;
        edge = false;
    }

    boolean isEnabled() {
        return (configuration & INT_ENB) != 0;
    }

    boolean isLevel() {
        return (configuration & INT_TYPE_LEVEL) != 0;
    }

    boolean usesFsb() {
        return (configuration & FSB_EN) != 0;
    }

    int route() {
        return (int) (configuration >> INT_ROUTE_SHIFT) & 0x1F;
    }

    long messageAddress() {
        return fsbRoute >>> 32;
    }

    int messageData() {
        return (int) fsbRoute;
    }

    boolean edge() {
        return edge;
    }

    void setEdge(boolean raised) {
        edge = raised;
    }

    /// Ticks from a counter value to the next match; 0, meaning 2^64, if there is none to wait for.
    long distance(long counter) {
        long distance = comparator - counter & mask();
        return distance == 0 ? mask() + 1 : distance;
    }

    /// Moves on from one counter value to another.
    ///
    /// @return whether there was a match on the way; several become one
    boolean pass(long from, long to) {
        long ticks = to - from;
        long distance = distance(from);
        if (distance == 0 || Long.compareUnsigned(distance, ticks) > 0) {
            return false;
        }
        if ((configuration & TYPE_PERIODIC) != 0 && period != 0) {
            long late = ticks - distance;
            long periods = Long.divideUnsigned(late, period) + 1;
            comparator = comparator + periods * period & mask();
        }
        return true;
    }

    /// @return the 64-bit register at an offset in the timer's block
    long read(int register) {
        return switch (register) {
            case TIMER_CONFIGURATION -> configuration & ~VAL_SET | capabilities;
            case TIMER_COMPARATOR -> comparator;
            case TIMER_FSB_ROUTE -> fsbRoute;
            default -> 0;
        };
    }

    /// @param bits which bits of the 64-bit register are written
    void write(int register, long bits, long value) {
        switch (register) {
            case TIMER_CONFIGURATION -> writeConfiguration(merge(configuration, bits, value));
            case TIMER_COMPARATOR -> writeComparator(bits, value);
            case TIMER_FSB_ROUTE -> fsbRoute = merge(fsbRoute, bits, value);
            default -> {}
        }
    }

    TimerState save() {
        return new TimerState(configuration, comparator, period, fsbRoute, edge);
    }

    void restore(TimerState state) {
        configuration = state.configuration();
        comparator = state.comparator();
        period = state.period();
        fsbRoute = state.fsbRoute();
        edge = state.edge();
    }

    private void writeConfiguration(long value) {
        configuration = value & TIMER_WRITABLE;
        comparator &= mask();
        period &= mask();
        if (!isEnabled() || isLevel() || usesFsb()) {
            edge = false;
        }
    }

    /// In periodic mode the register is the period; with VAL_SET also the next match, once.
    private void writeComparator(long bits, long value) {
        if ((configuration & TYPE_PERIODIC) == 0) {
            comparator = merge(comparator, bits, value) & mask();
            return;
        }
        period = merge(period, bits, value) & mask();
        if ((configuration & VAL_SET) != 0) {
            comparator = merge(comparator, bits, value) & mask();
            configuration &= ~VAL_SET;
        }
    }

    private long mask() {
        return (configuration & MODE_32) != 0 ? LOW_HALF : -1L;
    }

    private static long merge(long old, long bits, long value) {
        return old & ~bits | value & bits;
    }
}
