package nestbox.devices.acpi;

import nestbox.devices.BytePorts;
import nestbox.platform.BoardControl;
import nestbox.platform.Device;

/// The sleep control and status registers of hardware-reduced ACPI, with which a virtual machine
/// without [PowerManagement] switches its power off. After the ACPI specification 6.1, section
/// "Sleep Control and Status Registers".
public final class SleepControl implements Device, BytePorts {
    /// Everything a snapshot holds.
    public record State(int control) {}

    /// Port of the control register; the status register follows.
    public static final int PORT = 0x400;

    public static final int PORTS = 2;

    /// Value of SLP_TYP that switches the power off.
    public static final int SLEEP_TYPE_S5 = 5;

    private static final int SLP_TYP_SHIFT = 2;
    private static final int SLP_TYP = 7 << SLP_TYP_SHIFT;
    private static final int SLP_EN = 1 << 5;

    private final BoardControl board;
    private int control;

    public SleepControl(BoardControl board) {
        this.board = board;
    }

    @Override
    public String name() {
        return "sleep";
    }

    @Override
    public void reset() {
        control = 0;
    }

    /// The status register has one bit, which says that the machine woke up; it never sleeps.
    @Override
    public int read(int port) {
        return port == PORT ? control : 0;
    }

    @Override
    public void write(int port, int value) {
        if (port != PORT) {
            return;
        }
        // SLP_EN reads as zero.
        control = value & SLP_TYP;
        if ((value & SLP_EN) != 0 && control >> SLP_TYP_SHIFT == SLEEP_TYPE_S5) {
            board.powerOff();
        }
    }

    public State save() {
        return new State(control);
    }

    public void restore(State state) {
        control = state.control;
    }
}
