package nestbox.devices.pci;

import nestbox.platform.IrqLine;

/// A wire that is asserted while at least one of its sources asserts it.
final class SharedLine {
    private final IrqLine line;
    private int asserting;

    SharedLine(IrqLine line) {
        this.line = line;
    }

    IrqLine source() {
        return new IrqLine() {
            private boolean level;

            @Override
            public void set(boolean asserted) {
                if (asserted != level) {
                    level = asserted;
                    asserting += asserted ? 1 : -1;
                    line.set(asserting > 0);
                }
            }
        };
    }
}
