package nestbox.hypervisor.memory;

/// I/O bitmaps A and B: which ports make a guest exit. SDM Vol. 3C, "I/O-Bitmap Addresses".
public final class IoBitmaps {
    private static final int PORTS_EACH = 0x8000;

    private final Bitmap low;
    private final Bitmap high;

    /// @param exits whether all ports do, at first
    public IoBitmaps(PagePool pages, boolean exits) {
        low = new Bitmap(pages, exits);
        high = new Bitmap(pages, exits);
    }

    public void exits(int first, int count, boolean exits) {
        for (int port = first; port < first + count; port++) {
            (port < PORTS_EACH ? low : high).set(port % PORTS_EACH, exits);
        }
    }

    public long addressA() {
        return low.address();
    }

    public long addressB() {
        return high.address();
    }
}
