package nestbox.platform;

/// The way that the interrupt messages of one source take: what VT-d calls interrupt remapping.
///
/// After reset they go to the board's processors. A hypervisor that gives the source to a virtual
/// machine diverts them: to some processors only, to virtual ones, or nowhere. So it does not
/// matter which destination a driver programs. A write elsewhere than to the interrupt address
/// range is no message and is dropped.
public final class MessageRoute implements MessageSink {
    private static final long INTERRUPT_RANGE = 0xFEE0_0000L;
    private static final long INTERRUPT_RANGE_MASK = ~0xF_FFFFL;

    private final MessageSink board;
    private MessageSink target;

    /// @param board where messages go after reset
    public MessageRoute(MessageSink board) {
        this.board = board;
        target = board;
    }

    @Override
    public void message(long address, int data) {
        if ((address & INTERRUPT_RANGE_MASK) == INTERRUPT_RANGE) {
            target.message(address, data);
        }
    }

    /// From now on messages go there instead.
    public void divert(MessageSink to) {
        target = to;
    }

    /// As after power-on.
    public void reset() {
        target = board;
    }

    public boolean isDiverted() {
        return target != board;
    }
}
