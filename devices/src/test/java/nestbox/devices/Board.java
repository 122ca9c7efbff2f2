package nestbox.devices;

import nestbox.platform.BoardControl;

/// What devices asked of the board.
public final class Board implements BoardControl {
    public int resets;
    public boolean off;
    public int exitCode = -1;

    @Override
    public void reset() {
        resets++;
    }

    @Override
    public void powerOff() {
        off = true;
    }

    @Override
    public void exit(int code) {
        exitCode = code;
    }
}
