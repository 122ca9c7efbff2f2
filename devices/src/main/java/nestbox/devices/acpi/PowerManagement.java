package nestbox.devices.acpi;

import static nestbox.devices.BoardMap.GPE0;
import static nestbox.devices.BoardMap.GPE0_LENGTH;
import static nestbox.devices.BoardMap.PM1A_CNT;
import static nestbox.devices.BoardMap.PM1A_EVT;
import static nestbox.devices.BoardMap.PM_TMR;
import static nestbox.devices.BoardMap.SMI_COMMAND;

import nestbox.devices.BytePorts;
import nestbox.devices.Deadline;
import nestbox.platform.BoardControl;
import nestbox.platform.Clock;
import nestbox.platform.Device;
import nestbox.platform.Frequency;
import nestbox.platform.IrqLine;

import java.util.List;
import java.util.stream.IntStream;

/// The ACPI fixed hardware: PM1 event and control blocks, the power management timer, general
/// purpose events, and the SMI command port. After the ACPI specification, chapter "ACPI Hardware
/// Specification".
///
/// There is no system management mode on the board. What its handler would do for the SMI command
/// port, switching between legacy and ACPI mode, is done here.
public final class PowerManagement implements Device, BytePorts {
    /// Everything a snapshot holds.
    ///
    /// @param events the general purpose events that have happened, one byte for eight
    /// @param timerSyncedTo ticks of the timer up to which its carries are found out
    public record State(
            int status,
            int enable,
            int control,
            List<Integer> events,
            List<Integer> eventsEnabled,
            int smiCommand,
            int smiData,
            long timerSyncedTo) {}

    /// Value of SLP_TYP that switches the power off.
    public static final int SLEEP_TYPE_S5 = 7;

    /// What to write to the SMI command port to switch to ACPI mode, and back.
    public static final int ACPI_ENABLE = 0xA0;

    public static final int ACPI_DISABLE = 0xA1;

    /// Width of the timer: that of the chip set, bit 23 is the one whose changes are an event.
    public static final int TIMER_BITS = 24;

    public static final Frequency TIMER_CLOCK = new Frequency(3_579_545);

    public static final int EVENT_COUNT = 8 * GPE0_LENGTH / 2;

    // PM1 status and enable; the other status bits never come up on this board
    static final int TMR = 1;
    static final int GBL = 1 << 5;
    static final int PWRBTN = 1 << 8;
    static final int SLPBTN = 1 << 9;
    static final int RTC = 1 << 10;
    static final int PCIEXP_WAKE = 1 << 14;

    // PM1 control
    static final int SCI_EN = 1;
    static final int BM_RLD = 1 << 1;
    static final int SLP_TYP_SHIFT = 10;
    static final int SLP_TYP = 7 << SLP_TYP_SHIFT;
    static final int SLP_EN = 1 << 13;

    private static final int INTERRUPTING = TMR | GBL | PWRBTN | SLPBTN | RTC;
    private static final int ENABLE_BITS = INTERRUPTING | PCIEXP_WAKE;
    private static final int CONTROL_BITS = SCI_EN | BM_RLD | SLP_TYP;
    private static final int EVENT_BYTES = GPE0_LENGTH / 2;

    private final Clock clock;
    private final IrqLine sci;
    private final BoardControl board;
    private final Deadline timerCarry;
    private final byte[] events = new byte[EVENT_BYTES];
    private final byte[] eventsEnabled = new byte[EVENT_BYTES];
    private int status;
    private int enable;
    private int control;
    private int smiCommand;
    private int smiData;
    private long timerSyncedTo;

    /// @param sci the system control interrupt
    public PowerManagement(Clock clock, IrqLine sci, BoardControl board) {
        this.clock = clock;
        this.sci = sci;
        this.board = board;
        timerCarry = new Deadline(clock, this::update);
        reset();
    }

    @Override
    public String name() {
        return "pm";
    }

    @Override
    public void reset() {
        status = 0;
        enable = 0;
        control = 0;
        for (int i = 0; i < EVENT_BYTES; i++) {
            events[i] = 0;
            eventsEnabled[i] = 0;
        }
        smiCommand = 0;
        smiData = 0;
        timerSyncedTo = ticks();
        update();
    }

    /// Someone presses the power button.
    public void pressPowerButton() {
        status |= PWRBTN;
        update();
    }

    /// The alarm of the real-time clock, as an event that could wake the board.
    public IrqLine rtcAlarm() {
        return asserted -> {
            if (asserted) {
                status |= RTC;
                update();
            }
        };
    }

    /// A general purpose event happens.
    public void raise(int event) {
        if (event < 0 || event >= EVENT_COUNT) {
            throw new IllegalArgumentException("general purpose event " + event);
        }
        events[event / 8] |= (byte) (1 << event % 8);
        update();
    }

    @Override
    public int read(int port) {
        update();
        if (port >= GPE0 && port < GPE0 + GPE0_LENGTH) {
            int at = port - GPE0;
            return 0xFF & (at < EVENT_BYTES ? events[at] : eventsEnabled[at - EVENT_BYTES]);
        }
        return switch (port) {
            case PM1A_EVT -> status & 0xFF;
            case PM1A_EVT + 1 -> status >> 8;
            case PM1A_EVT + 2 -> enable & 0xFF;
            case PM1A_EVT + 3 -> enable >> 8;
            case PM1A_CNT -> control & 0xFF;
            case PM1A_CNT + 1 -> control >> 8;
            case PM_TMR, PM_TMR + 1, PM_TMR + 2 -> (int) (ticks() >> 8 * (port - PM_TMR)) & 0xFF;
            case SMI_COMMAND -> smiCommand;
            case SMI_COMMAND + 1 -> smiData;
            default -> 0;
        };
    }

    @Override
    public void write(int port, int value) {
        syncTimer();
        if (port >= GPE0 && port < GPE0 + GPE0_LENGTH) {
            int at = port - GPE0;
            if (at < EVENT_BYTES) {
                events[at] &= (byte) ~value;
            } else {
                eventsEnabled[at - EVENT_BYTES] = (byte) value;
            }
        }
        switch (port) {
            case PM1A_EVT -> status &= ~value;
            case PM1A_EVT + 1 -> status &= ~(value << 8);
            case PM1A_EVT + 2 -> enable = (enable & 0xFF00 | value) & ENABLE_BITS;
            case PM1A_EVT + 3 -> enable = (enable & 0xFF | value << 8) & ENABLE_BITS;
            case PM1A_CNT -> control = (control & 0xFF00 | value) & CONTROL_BITS;
            case PM1A_CNT + 1 -> {
                control = (control & 0xFF | value << 8) & CONTROL_BITS;
                if ((value << 8 & SLP_EN) != 0) {
                    sleep(control >> SLP_TYP_SHIFT);
                }
            }
            case SMI_COMMAND -> commandFirmware(value);
            case SMI_COMMAND + 1 -> smiData = value;
            default -> {}
        }
        update();
    }

    public State save() {
        return new State(
                status,
                enable,
                control,
                unsigned(events),
                unsigned(eventsEnabled),
                smiCommand,
                smiData,
                timerSyncedTo);
    }

    public void restore(State state) {
        status = state.status;
        enable = state.enable;
        control = state.control;
        for (int i = 0; i < EVENT_BYTES; i++) {
            events[i] = state.events.get(i).byteValue();
            eventsEnabled[i] = state.eventsEnabled.get(i).byteValue();
        }
        smiCommand = state.smiCommand;
        smiData = state.smiData;
        timerSyncedTo = state.timerSyncedTo;
        update();
    }

    private static List<Integer> unsigned(byte[] bytes) {
        return IntStream.range(0, bytes.length).mapToObj(i -> bytes[i] & 0xFF).toList();
    }

    /// The board offers S0 and S5 only; the other sleep types do nothing.
    private void sleep(int type) {
        if (type == SLEEP_TYPE_S5) {
            board.powerOff();
        }
    }

    private void commandFirmware(int command) {
        smiCommand = command;
        if (command == ACPI_ENABLE) {
            control |= SCI_EN;
        } else if (command == ACPI_DISABLE) {
            control &= ~SCI_EN;
        }
    }

    private long ticks() {
        return TIMER_CLOCK.ticks(clock.nanos());
    }

    /// The timer's status bit comes up whenever its most significant bit changes.
    private void syncTimer() {
        long now = ticks();
        if (now >> TIMER_BITS - 1 != timerSyncedTo >> TIMER_BITS - 1) {
            status |= TMR;
        }
        timerSyncedTo = now;
    }

    /// The only place that drives the interrupt line.
    private void update() {
        syncTimer();
        boolean acpiMode = (control & SCI_EN) != 0;
        boolean pending = (status & enable & INTERRUPTING) != 0;
        for (int i = 0; i < EVENT_BYTES; i++) {
            pending |= (events[i] & eventsEnabled[i]) != 0;
        }
        sci.set(acpiMode && pending);
        boolean awaited = acpiMode && (enable & TMR) != 0 && (status & TMR) == 0;
        long carry = (timerSyncedTo >> TIMER_BITS - 1) + 1 << TIMER_BITS - 1;
        timerCarry.at(awaited ? TIMER_CLOCK.nanos(carry) : Deadline.NEVER);
    }
}
