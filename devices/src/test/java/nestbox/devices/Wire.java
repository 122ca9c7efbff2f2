package nestbox.devices;

import nestbox.platform.IrqLine;

/// An interrupt line that remembers.
public final class Wire implements IrqLine {
    public boolean asserted;
    public int rises;

    @Override
    public void set(boolean level) {
        if (level && !asserted) {
            rises++;
        }
        asserted = level;
    }
}
