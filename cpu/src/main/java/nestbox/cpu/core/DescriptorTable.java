package nestbox.cpu.core;

/// GDTR or IDTR.
public final class DescriptorTable {
    public long base;

    /// Last valid offset, 0 to 0xFFFF.
    public int limit = 0xFFFF;

    public void set(long base, int limit) {
        this.base = base;
        this.limit = limit;
    }
}
