package nestbox.devices.pit;

/// One counter of the 8254, after Intel's data sheet "8254 Programmable Interval Timer", section
/// "Mode Definitions".
///
/// Nothing happens per tick. A counter remembers when its counting element was loaded and with
/// what; count and output follow from the time by arithmetic. [#sync] carries out what was due
/// since the last look, in a bounded number of steps however long ago that was.
final class Counter {
    static final long NEVER = Long.MAX_VALUE;

    // Control word and status
    private static final int ACCESS_LOW = 1;
    private static final int ACCESS_HIGH = 2;
    private static final int ACCESS_BOTH = 3;
    private static final int STATUS_OUT = 0x80;
    private static final int STATUS_NULL_COUNT = 0x40;

    private static final int NOTHING = -1;

    private int mode;
    private boolean bcd;
    private int access;
    private boolean gate;
    private int count;
    private boolean countWritten;
    private boolean nullCount;
    private int lowByte;
    private boolean writeHigh;
    private boolean readHigh;
    private int latchedCount;
    private int latchedStatus;
    private int held;
    private boolean loaded;
    private boolean armed;
    private boolean high;
    private boolean newCount;
    private long origin;
    private int reload;
    private long pausedAt;
    private long loadAt;
    private long syncedTo;

    /// Whether the output has gone from low to high since [#takeRise]; not state, as it is taken
    /// before the access that caused it ends.
    private boolean rose;

    void reset(boolean gateLevel, long now) {
        mode = 0;
        bcd = false;
        access = ACCESS_BOTH;
        gate = gateLevel;
        count = 0;
        countWritten = false;
        nullCount = true;
        lowByte = 0;
        writeHigh = false;
        readHigh = false;
        latchedCount = NOTHING;
        latchedStatus = NOTHING;
        held = 0;
        loaded = false;
        armed = false;
        high = false;
        newCount = false;
        origin = now;
        reload = 1;
        pausedAt = NEVER;
        loadAt = NEVER;
        syncedTo = now;
        rose = false;
    }

    /// Carries out what was due by `now`.
    void sync(long now) {
        if (loadAt <= now) {
            passExpiry(loadAt);
            load(loadAt);
        }
        passExpiry(now);
        if (loaded && pausedAt == NEVER) {
            if (mode == 2) {
                foldRateGenerator(now);
            } else if (mode == 3) {
                foldSquareWave(now);
            }
        }
        syncedTo = now;
    }

    /// Whether the output rose, at least once, in what [#sync] carried out since the last call.
    boolean takeRise() {
        boolean result = rose;
        rose = false;
        return result;
    }

    /// The OUT pin. Like all that follows, valid after [#sync] to the same time.
    boolean out(long now) {
        return switch (mode) {
            case 0 -> armed && elapsed(now) >= reload;
            case 1 -> !armed || elapsed(now) >= reload;
            case 2 -> !counting() || reload == 1 || elapsed(now) != reload - 1;
            case 3 -> !counting() || high;
            default -> !armed || elapsed(now) != reload || pausedAt != NEVER && now != pausedAt;
        };
    }

    /// When the output changes next or the count is loaded; [#NEVER] if nothing is to come. The one
    /// low clock of modes 2, 4 and 5 counts as part of the rise that ends it.
    long nextEvent(long now) {
        long change =
                switch (mode) {
                    case 0, 1 -> armed && pausedAt == NEVER ? origin + reload : NEVER;
                    case 2 -> counting() && reload > 1 ? origin + reload : NEVER;
                    case 3 -> counting() && reload > 1 ? origin + halfLength() : NEVER;
                    default -> armed && pausedAt == NEVER ? origin + reload + 1 : NEVER;
                };
        return Math.min(loadAt, change > now ? change : NEVER);
    }

    void control(int word, long now) {
        held = countingElement(now);
        int field = word >> 1 & 7;
        mode = field > 5 ? field - 4 : field;
        bcd = (word & 1) != 0;
        access = word >> 4 & 3;
        countWritten = false;
        nullCount = true;
        writeHigh = false;
        readHigh = false;
        latchedCount = NOTHING;
        latchedStatus = NOTHING;
        loaded = false;
        armed = false;
        newCount = false;
        pausedAt = NEVER;
        loadAt = NEVER;
    }

    void latchCount(long now) {
        if (latchedCount == NOTHING) {
            latchedCount = countingElement(now);
            readHigh = false;
        }
    }

    void latchStatus(long now) {
        if (latchedStatus == NOTHING) {
            latchedStatus =
                    (out(now) ? STATUS_OUT : 0)
                            | (nullCount ? STATUS_NULL_COUNT : 0)
                            | access << 4
                            | mode << 1
                            | (bcd ? 1 : 0);
        }
    }

    int read(long now) {
        if (latchedStatus != NOTHING) {
            int status = latchedStatus;
            latchedStatus = NOTHING;
            return status;
        }
        int value = latchedCount != NOTHING ? latchedCount : countingElement(now);
        boolean highByte = access == ACCESS_HIGH || access == ACCESS_BOTH && readHigh;
        if (access == ACCESS_BOTH) {
            readHigh = !readHigh;
        }
        if (access != ACCESS_BOTH || highByte) {
            latchedCount = NOTHING;
        }
        return highByte ? value >> 8 : value & 0xFF;
    }

    void write(int value, long now) {
        switch (access) {
            case ACCESS_LOW -> countWritten(value, now);
            case ACCESS_HIGH -> countWritten(value << 8, now);
            default -> {
                if (writeHigh) {
                    writeHigh = false;
                    countWritten(value << 8 | lowByte, now);
                } else {
                    writeHigh = true;
                    lowByte = value;
                    if (mode == 0) {
                        armed = false; // the first byte disables counting and sets OUT low
                        pause(now);
                    }
                }
            }
        }
    }

    boolean gate() {
        return gate;
    }

    void setGate(boolean level, long now) {
        if (level == gate) {
            return;
        }
        gate = level;
        boolean gated = mode != 1 && mode != 5;
        if (!level) {
            if (gated) {
                pause(now);
            }
        } else if (mode == 0 || mode == 4) {
            if (pausedAt != NEVER && !writeHigh) {
                origin += now - pausedAt;
                pausedAt = NEVER;
            }
        } else if (countWritten) {
            loadAt = now + 1; // modes 1, 2, 3 and 5: a trigger
        }
    }

    CounterState save() {
        return new CounterState(
                mode,
                bcd,
                access,
                gate,
                count,
                countWritten,
                nullCount,
                lowByte,
                writeHigh,
                readHigh,
                latchedCount,
                latchedStatus,
                held,
                loaded,
                armed,
                high,
                newCount,
                origin,
                reload,
                pausedAt,
                loadAt,
                syncedTo);
    }

    void restore(CounterState state) {
        mode = state.mode();
        bcd = state.bcd();
        access = state.access();
        gate = state.gate();
        count = state.count();
        countWritten = state.countWritten();
        nullCount = state.nullCount();
        lowByte = state.lowByte();
        writeHigh = state.writeHigh();
        readHigh = state.readHigh();
        latchedCount = state.latchedCount();
        latchedStatus = state.latchedStatus();
        held = state.held();
        loaded = state.loaded();
        armed = state.armed();
        high = state.high();
        newCount = state.newCount();
        origin = state.origin();
        reload = state.reload();
        pausedAt = state.pausedAt();
        loadAt = state.loadAt();
        syncedTo = state.syncedTo();
        rose = false;
    }

    private void countWritten(int value, long now) {
        count = value;
        countWritten = true;
        nullCount = true;
        switch (mode) {
            case 0 -> {
                armed = false;
                loadAt = now + 1;
            }
            case 4 -> loadAt = now + 1;
            case 2, 3 -> {
                if (loaded) {
                    newCount = true; // takes effect at the end of the current (half-)cycle
                } else {
                    loadAt = now + 1;
                }
            }
            default -> {} // modes 1 and 5: at the next trigger
        }
    }

    private void load(long at) {
        reload = effectiveCount();
        origin = at;
        loadAt = NEVER;
        loaded = true;
        armed = true;
        high = true;
        newCount = false;
        nullCount = false;
        boolean gated = mode != 1 && mode != 5;
        pausedAt = gated && !gate ? at : NEVER;
    }

    private void pause(long now) {
        if (loaded && pausedAt == NEVER) {
            pausedAt = now;
        }
    }

    private boolean counting() {
        return loaded && pausedAt == NEVER;
    }

    private long elapsed(long now) {
        return Math.min(now, pausedAt) - origin;
    }

    /// The rise that ends a one-time count (modes 0, 1, 4, 5), if it lies in (syncedTo, now].
    private void passExpiry(long now) {
        if (mode == 2 || mode == 3 || !armed) {
            return;
        }
        long rise = origin + reload + (mode >= 4 ? 1 : 0);
        if (rise > syncedTo && rise <= Math.min(now, pausedAt)) {
            rose = true;
        }
    }

    private void foldRateGenerator(long now) {
        if (now - origin < reload) {
            return;
        }
        rose |= reload > 1;
        if (newCount) {
            origin += reload;
            takeNewCount();
        }
        origin += (now - origin) / reload * reload;
    }

    private void foldSquareWave(long now) {
        if (newCount && now - origin >= halfLength()) {
            passHalf();
            takeNewCount();
        }
        long wholeCycles = (now - origin) / reload;
        origin += wholeCycles * reload;
        rose |= wholeCycles > 0 && reload > 1;
        if (now - origin >= halfLength()) {
            passHalf();
        }
    }

    private void passHalf() {
        origin += halfLength();
        high = !high;
        rose |= high && reload > 1;
    }

    private void takeNewCount() {
        reload = effectiveCount();
        newCount = false;
        nullCount = false;
    }

    /// Mode 3: an odd count's high half is one clock longer than its low half.
    private long halfLength() {
        return high ? (reload + 1) / 2 : reload / 2;
    }

    private int countingElement(long now) {
        if (!loaded) {
            return held;
        }
        int modulus = modulus();
        long value =
                switch (mode) {
                    case 2 -> reload - elapsed(now);
                    case 3 -> (reload & ~1) - 2 * elapsed(now);
                    default -> reload - elapsed(now);
                };
        int binary = (int) Math.floorMod(value, (long) modulus);
        return bcd ? toBcd(binary) : binary;
    }

    private int modulus() {
        return bcd ? 10_000 : 0x1_0000;
    }

    private int effectiveCount() {
        int value = bcd ? fromBcd(count) : count;
        return value == 0 ? modulus() : value;
    }

    private static int toBcd(int value) {
        return value / 1000 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
    }

    /// Digits above 9 carry over.
    private static int fromBcd(int value) {
        int digits =
                (value >> 12) * 1000
                        + (value >> 8 & 0xF) * 100
                        + (value >> 4 & 0xF) * 10
                        + (value & 0xF);
        return digits % 10_000;
    }
}
