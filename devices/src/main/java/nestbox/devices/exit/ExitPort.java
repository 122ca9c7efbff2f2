package nestbox.devices.exit;

import nestbox.platform.BoardControl;
import nestbox.platform.Device;
import nestbox.platform.PortIo;

/// The port with which a guest program ends the run.
///
/// The exit code is odd, so that no value that a guest writes looks like success by accident.
public final class ExitPort implements Device, PortIo {
    private final BoardControl board;

    public ExitPort(BoardControl board) {
        this.board = board;
    }

    @Override
    public String name() {
        return "exit";
    }

    @Override
    public void reset() {}

    @Override
    public int read(int port, int size) {
        return 0;
    }

    @Override
    public void write(int port, int size, int value) {
        board.exit(value << 1 | 1);
    }
}
