package nestbox.cpu.core;

/// Instructions that follow each other in one page and run without a look at events in between.
public final class Block {
    /// The last one may transfer control.
    public final Insn[] insns;

    /// How many instructions of the guest they are: fused ones count as two.
    public final int count;

    /// Sum of the instructions' lengths.
    public final int length;

    /// The processor mode for which it was decoded.
    public final int mode;

    /// Whether the last instruction sets RIP itself.
    public final boolean transfers;

    /// Whether successors in the same page may be linked: the last instruction changes neither
    /// mode nor translations.
    public final boolean linkable;

    /// False once the bytes that it was decoded from have changed.
    public boolean valid = true;

    /// Offset of its first byte in its page; -1 when it isn't cached.
    public final int start;

    /// Up to two successors and where they start, counted from the start of this block.
    public Block link0;

    public long delta0;
    public Block link1;
    public long delta1;

    public Block(
            Insn[] insns, int count, int mode, int start, boolean transfers, boolean linkable) {
        this.insns = insns;
        this.count = count;
        this.length = insns[insns.length - 1].end;
        this.mode = mode;
        this.start = start;
        this.transfers = transfers;
        this.linkable = linkable;
    }

    /// Remembers a successor, in place of the older of two.
    public void link(Block next, long delta) {
        link1 = link0;
        delta1 = delta0;
        link0 = next;
        delta0 = delta;
    }
}
