package nestbox.hypervisor;

import nestbox.devices.BoardMap;
import nestbox.platform.PortIo;
import nestbox.platform.PortSpace;

/// The board's real-time clock as virtual machines see it: they read the time and change nothing.
final class ReadOnlyClock implements PortIo {
    static final int PORTS = 2;

    private final PortSpace board;
    private int index;

    ReadOnlyClock(PortSpace board) {
        this.board = board;
    }

    @Override
    public int read(int port, int size) {
        if (port == BoardMap.RTC) {
            return board.read(port, size);
        }
        board.write(BoardMap.RTC, 1, index);
        return board.read(port, 1);
    }

    @Override
    public void write(int port, int size, int value) {
        if (port == BoardMap.RTC) {
            index = value & 0xFF;
        }
    }
}
