package nestbox.platform;

/// The way of an interrupt request that has a wire of its own to a processor.
///
/// After reset it ends where the board has it. A hypervisor that gives the device to a virtual
/// machine diverts it to a processor of that, real or virtual.
public final class IrqRoute implements IrqLine {
    private final IrqLine board;
    private IrqLine target;
    private boolean asserted;

    /// @param board where the wire ends after reset
    public IrqRoute(IrqLine board) {
        this.board = board;
        target = board;
    }

    @Override
    public void set(boolean asserted) {
        this.asserted = asserted;
        target.set(asserted);
    }

    /// From now on the wire ends there instead.
    public void divert(IrqLine to) {
        target.set(false);
        target = to;
        target.set(asserted);
    }

    /// As after power-on.
    public void reset() {
        divert(board);
    }
}
