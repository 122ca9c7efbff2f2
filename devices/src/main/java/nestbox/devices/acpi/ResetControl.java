package nestbox.devices.acpi;

import nestbox.devices.BoardMap;
import nestbox.devices.BytePorts;
import nestbox.platform.BoardControl;
import nestbox.platform.Device;

/// The reset control register of Intel's chip sets, port 0xCF9, which the FADT names.
///
/// A reset starts when RST_CPU goes from 0 to 1. SYS_RST chooses between INIT to the processors
/// and a reset of the platform, FULL_RST adds a power cycle. On this board all of them restart
/// everything with RAM kept, as firmware that finds itself started by INIT would do next.
public final class ResetControl implements Device, BytePorts {
    /// Everything a snapshot holds.
    public record State(int value) {}

    /// What the FADT tells an operating system to write.
    public static final int HARD_RESET = 0x06;

    private static final int SYS_RST = 0x02;
    private static final int RST_CPU = 0x04;
    private static final int FULL_RST = 0x08;

    private final BoardControl board;
    private int value;

    public ResetControl(BoardControl board) {
        this.board = board;
    }

    @Override
    public String name() {
        return "reset";
    }

    @Override
    public void reset() {
        value = 0;
    }

    @Override
    public int read(int port) {
        return port == BoardMap.RESET ? value : OPEN_BUS;
    }

    @Override
    public void write(int port, int written) {
        if (port != BoardMap.RESET) {
            return;
        }
        boolean starts = (written & ~value & RST_CPU) != 0;
        value = written & (SYS_RST | RST_CPU | FULL_RST);
        if (starts) {
            board.reset();
        }
    }

    public State save() {
        return new State(value);
    }

    public void restore(State state) {
        value = state.value;
    }
}
