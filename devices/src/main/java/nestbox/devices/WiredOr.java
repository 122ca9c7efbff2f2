package nestbox.devices;

import nestbox.platform.IrqLine;

/// One interrupt pin that several devices share: asserted while any of them asserts it.
///
/// Holds no state of its own: every device drives its line again when it is restored.
public final class WiredOr {
    private final IrqLine output;
    private int asserted;

    public WiredOr(IrqLine output) {
        this.output = output;
    }

    /// A new source. Each device needs its own.
    public IrqLine source() {
        return new Source();
    }

    private final class Source implements IrqLine {
        private boolean level;

        @Override
        public void set(boolean newLevel) {
            if (newLevel != level) {
                level = newLevel;
                asserted += newLevel ? 1 : -1;
                if (asserted == (newLevel ? 1 : 0)) {
                    output.set(newLevel);
                }
            }
        }
    }
}
