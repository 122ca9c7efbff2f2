package nestbox.devices.rtc;

import static nestbox.devices.rtc.RtcRegisters.*;

import nestbox.devices.BytePorts;
import nestbox.devices.Deadline;
import nestbox.platform.Clock;
import nestbox.platform.Device;
import nestbox.platform.Frequency;
import nestbox.platform.IrqLine;

import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// The real-time clock: an MC146818A with a second bank of 128 bytes, as in Intel's chip sets. The
/// index port also holds the mask of NMI.
///
/// The date is a number of seconds at a known update, plus the updates since; bytes are made when a
/// guest looks. Only while updates are inhibited are the bytes themselves the truth. Flags of
/// periodic, alarm and update interrupts are found out from the time that has passed, and an alarm
/// is set on the board's clock only for an interrupt that is enabled: a guest that doesn't use the
/// clock costs nothing.
public final class Rtc implements Device, BytePorts {
    /// Everything a snapshot holds.
    ///
    /// @param memory both banks; the time registers count while updates are inhibited
    /// @param anchor a time at which an update ended or would have
    /// @param anchorSeconds the date at that time, in seconds since 1970
    /// @param syncedTo up to when the flags of register C are found out
    public record State(
            int index,
            int extendedIndex,
            int registerA,
            int registerB,
            int flags,
            List<Integer> memory,
            long anchor,
            long anchorSeconds,
            int weekdayShift,
            long syncedTo) {}

    /// The date at power-on if nobody asks for another: runs are then repeatable.
    public static final Instant DEFAULT_START = Instant.parse("2025-01-01T00:00:00Z");

    private static final long SECOND = 1_000_000_000L;

    /// From the rise of UIP to the end of the update: tBUC + tUC at 32.768 kHz.
    private static final long UPDATE_NANOS = 244_000 + 1_984_000;

    private static final Frequency CRYSTAL = new Frequency(32_768);
    private static final int BANK = 0x80;
    private static final int NMI_MASK = 0x80;
    private static final int REGISTER_A_AFTER_RESET = DIVIDER_RUNS | 6;
    private static final int ALL_FLAGS = PF | AF | UF;

    private final Clock clock;
    private final IrqLine irq;
    private final Deadline nextEvent;
    private final byte[] memory = new byte[SIZE];
    private Runnable nmiMaskListener = () -> {};
    private int index;
    private int extendedIndex;
    private int registerA = REGISTER_A_AFTER_RESET;
    private int registerB = HOURS_24;
    private int flags;
    private long anchor;
    private long anchorSeconds;
    private int weekdayShift;
    private long syncedTo;

    /// @param start date and time at nanosecond 0 of the clock
    /// @param memoryBelow4GiB bytes of RAM that CMOS memory reports; likewise above 4 GiB
    public Rtc(
            Clock clock, IrqLine irq, Instant start, long memoryBelow4GiB, long memoryAbove4GiB) {
        this.clock = clock;
        this.irq = irq;
        nextEvent = new Deadline(clock, this::update);
        anchor = -start.getNano();
        anchorSeconds = start.getEpochSecond();
        syncedTo = clock.nanos();
        writeFirmwareData(memoryBelow4GiB, memoryAbove4GiB);
        update();
    }

    @Override
    public String name() {
        return "rtc";
    }

    /// The battery keeps date, alarm, format and memory; reset ends interrupts.
    @Override
    public void reset() {
        sync();
        index = 0;
        extendedIndex = 0;
        registerB &= ~(PIE | AIE | UIE | SQWE);
        flags = 0;
        update();
    }

    /// Whether the guest has masked NMI.
    public boolean nmiMasked() {
        return (index & NMI_MASK) != 0;
    }

    /// Run whenever the guest may have changed the mask.
    public void onNmiMask(Runnable listener) {
        nmiMaskListener = listener;
    }

    /// The byte of CMOS memory at an index, as firmware would read it.
    public int memory(int at) {
        return memory[at & SIZE - 1] & 0xFF;
    }

    /// For firmware: sets a byte of CMOS memory that isn't a register of the clock.
    public void setMemory(int at, int value) {
        if (at > REGISTER_D && at < SIZE) {
            memory[at] = (byte) value;
        }
    }

    @Override
    public int read(int port) {
        return switch (port & 3) {
            case 1 -> readRegister(index & BANK - 1);
            case 3 -> memory[BANK | extendedIndex] & 0xFF;
            default -> OPEN_BUS; // the index ports can't be read
        };
    }

    @Override
    public void write(int port, int value) {
        switch (port & 3) {
            case 0 -> {
                index = value;
                nmiMaskListener.run();
            }
            case 1 -> writeRegister(index & BANK - 1, value);
            case 2 -> extendedIndex = value & BANK - 1;
            default -> memory[BANK | extendedIndex] = (byte) value;
        }
    }

    public State save() {
        return new State(
                index,
                extendedIndex,
                registerA,
                registerB,
                flags,
                IntStream.range(0, SIZE).mapToObj(i -> memory[i] & 0xFF).toList(),
                anchor,
                anchorSeconds,
                weekdayShift,
                syncedTo);
    }

    public void restore(State state) {
        index = state.index;
        extendedIndex = state.extendedIndex;
        registerA = state.registerA;
        registerB = state.registerB;
        flags = state.flags;
        for (int i = 0; i < SIZE; i++) {
            memory[i] = state.memory.get(i).byteValue();
        }
        anchor = state.anchor;
        anchorSeconds = state.anchorSeconds;
        weekdayShift = state.weekdayShift;
        syncedTo = state.syncedTo;
        update();
    }

    private int readRegister(int register) {
        update();
        if (isTime(register) && !isFrozen()) {
            byte[] bytes = new byte[BANK];
            format().encode(seconds(clock.nanos()), weekdayShift, bytes);
            return bytes[register] & 0xFF;
        }
        return switch (register) {
            case REGISTER_A -> registerA | (updateInProgress() ? UIP : 0);
            case REGISTER_B -> registerB;
            case REGISTER_C -> readFlags();
            case REGISTER_D -> VRT;
            default -> memory[register] & 0xFF;
        };
    }

    private int readFlags() {
        int value = flags | (interrupts() ? IRQF : 0);
        flags = 0;
        update();
        return value;
    }

    private void writeRegister(int register, int value) {
        sync();
        switch (register) {
            case REGISTER_A -> writeControl(value & ~UIP, registerB);
            case REGISTER_B -> {
                int kept = (value & SET) != 0 ? value & ~UIE : value;
                writeControl(registerA, kept);
            }
            case REGISTER_C, REGISTER_D -> {} // read-only
            default -> writeByte(register, (byte) value);
        }
        update();
    }

    private void writeByte(int register, byte value) {
        if (!isTime(register) || isFrozen()) {
            memory[register] = value;
            return;
        }
        freeze();
        memory[register] = value;
        thaw();
    }

    /// Writes registers A and B, and passes from bytes to seconds and back when updates stop or go
    /// on.
    private void writeControl(int newA, int newB) {
        boolean wasFrozen = isFrozen();
        boolean dividerRan = dividerRuns();
        if (!wasFrozen) {
            freeze();
        }
        registerA = newA;
        int formatBits = DM_BINARY | HOURS_24;
        if (!wasFrozen && !isFrozen() && ((registerB ^ newB) & formatBits) != 0) {
            registerB = newB;
            format().encode(seconds(clock.nanos()), weekdayShift, memory);
        }
        registerB = newB;
        if (dividerRuns() && !dividerRan) {
            anchor = clock.nanos() - SECOND / 2; // the first update is half a second later
        }
        if (!isFrozen()) {
            thaw();
        }
    }

    private void freeze() {
        format().encode(seconds(clock.nanos()), weekdayShift, memory);
    }

    private void thaw() {
        long now = clock.nanos();
        anchor += Math.floorDiv(now - anchor, SECOND) * SECOND;
        anchorSeconds = format().epochSecond(memory);
        weekdayShift = format().weekdayShift(memory);
    }

    private boolean isFrozen() {
        return (registerB & SET) != 0 || !dividerRuns();
    }

    private boolean dividerRuns() {
        return (registerA & DIVIDER) == DIVIDER_RUNS;
    }

    private TimeFormat format() {
        return TimeFormat.of(registerB);
    }

    private static boolean isTime(int register) {
        return switch (register) {
            case SECONDS, MINUTES, HOURS, DAY_OF_WEEK, DATE_OF_MONTH, MONTH, YEAR, CENTURY -> true;
            default -> false;
        };
    }

    private long updates(long nanos) {
        return Math.floorDiv(nanos - anchor, SECOND);
    }

    private long seconds(long nanos) {
        return anchorSeconds + updates(nanos);
    }

    private boolean updateInProgress() {
        long position = Math.floorMod(clock.nanos() - anchor, SECOND);
        return !isFrozen() && position >= SECOND - UPDATE_NANOS;
    }

    /// Ticks of the crystal between periodic interrupts; 0 for none.
    private int period() {
        int rate = registerA & RATE_SELECT;
        if (rate == 0 || !dividerRuns()) {
            return 0;
        }
        return 1 << (rate <= 2 ? rate + 6 : rate - 1);
    }

    private long periods(long nanos) {
        return Math.floorDiv(CRYSTAL.ticks(nanos - anchor), period());
    }

    /// Finds out which flags have come up since the last time.
    private void sync() {
        long now = clock.nanos();
        if (period() != 0 && periods(now) != periods(syncedTo)) {
            flags |= PF;
        }
        if (!isFrozen() && updates(now) != updates(syncedTo)) {
            flags |= UF;
            if (nextAlarm(seconds(syncedTo)) <= seconds(now)) {
                flags |= AF;
            }
        }
        syncedTo = now;
    }

    private boolean interrupts() {
        return (flags & registerB & ALL_FLAGS) != 0;
    }

    /// The only place that drives the interrupt line.
    private void update() {
        sync();
        irq.set(interrupts());
        nextEvent.at(interrupts() ? Deadline.NEVER : nextInterrupt(clock.nanos()));
    }

    private long nextInterrupt(long now) {
        long next = Deadline.NEVER;
        if ((registerB & PIE) != 0 && period() != 0) {
            next = anchor + CRYSTAL.nanos((periods(now) + 1) * period());
        }
        if (isFrozen()) {
            return next;
        }
        if ((registerB & UIE) != 0) {
            next = Math.min(next, anchor + (updates(now) + 1) * SECOND);
        }
        if ((registerB & AIE) != 0) {
            long alarm = nextAlarm(seconds(now));
            if (alarm != Long.MAX_VALUE) {
                next = Math.min(next, anchor + (alarm - anchorSeconds) * SECOND);
            }
        }
        return next;
    }

    /// The first second after `second` that the alarm registers match; `Long.MAX_VALUE` if they
    /// match none. Jumps over hours and minutes that don't match, so takes under 200 steps.
    private long nextAlarm(long second) {
        TimeFormat format = format();
        if (neverMatches(HOURS_ALARM, 24, format)
                || neverMatches(MINUTES_ALARM, 60, format)
                || neverMatches(SECONDS_ALARM, 60, format)) {
            return Long.MAX_VALUE;
        }
        long end = second + 24 * 3600;
        long at = second + 1;
        while (at <= end) {
            if (differs(HOURS_ALARM, Math.floorMod(at, 24 * 3600L) / 3600, format)) {
                at = Math.floorDiv(at, 3600L) * 3600 + 3600;
            } else if (differs(MINUTES_ALARM, Math.floorMod(at, 3600L) / 60, format)) {
                at = Math.floorDiv(at, 60L) * 60 + 60;
            } else if (differs(SECONDS_ALARM, Math.floorMod(at, 60L), format)) {
                at++;
            } else {
                return at;
            }
        }
        return Long.MAX_VALUE;
    }

    private boolean neverMatches(int alarmRegister, int limit, TimeFormat format) {
        return !matchesAnything(alarmRegister) && alarmValue(alarmRegister, format) >= limit;
    }

    private boolean differs(int alarmRegister, long value, TimeFormat format) {
        return !matchesAnything(alarmRegister) && alarmValue(alarmRegister, format) != value;
    }

    private boolean matchesAnything(int alarmRegister) {
        return (memory[alarmRegister] & 0xFF) >= DONT_CARE;
    }

    private int alarmValue(int alarmRegister, TimeFormat format) {
        byte raw = memory[alarmRegister];
        return alarmRegister == HOURS_ALARM ? format.hourValue(raw) : format.value(raw);
    }

    /// What setup firmware leaves in CMOS memory.
    private void writeFirmwareData(long memoryBelow4GiB, long memoryAbove4GiB) {
        memory[EQUIPMENT] = EQUIPMENT_FPU;
        store(BASE_MEMORY_KIB, 2, 640);
        long extendedKib = Math.min(0xFFFF, Math.max(0, (memoryBelow4GiB >> 10) - 1024));
        store(EXTENDED_MEMORY_KIB, 2, extendedKib);
        store(EXTENDED_MEMORY_KIB_2, 2, extendedKib);
        long above16Mib = Math.max(0, memoryBelow4GiB - (16 << 20)) >> 16;
        store(MEMORY_ABOVE_16_MIB, 2, Math.min(0xFFFF, above16Mib));
        store(MEMORY_ABOVE_4_GIB, 3, Math.min(0xFF_FFFF, memoryAbove4GiB >> 16));
        byte[] summed = Arrays.copyOfRange(memory, CHECKSUM_FIRST, CHECKSUM_LAST + 1);
        int sum = IntStream.range(0, summed.length).map(i -> summed[i] & 0xFF).sum();
        memory[CHECKSUM] = (byte) (sum >> 8);
        memory[CHECKSUM + 1] = (byte) sum;
    }

    private void store(int at, int bytes, long value) {
        for (int i = 0; i < bytes; i++) {
            memory[at + i] = (byte) (value >> 8 * i);
        }
    }
}
