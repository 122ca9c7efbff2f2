package nestbox.cpu.paging;

/// The cached translations that one tag names (a PCID; with VMX also VPID and EPT root), one
/// context for each privilege.
final class AddressSpace {
    /// Accesses from CPL 3; from CPL 0–2; and those with user pages open (SMAP with EFLAGS.AC).
    static final int USER = 0;

    static final int SUPERVISOR = 1;
    static final int SUPERVISOR_AC = 2;
    static final int CLASSES = 3;

    /// What it is the space of; changes when the space is recycled.
    long tag;

    /// When it was last switched to, for choosing the one to recycle.
    long lastUse;

    private final TlbContext[] contexts = new TlbContext[CLASSES];

    TlbContext context(int privilege) {
        TlbContext context = contexts[privilege];
        if (context == null) {
            context = new TlbContext();
            contexts[privilege] = context;
        }
        return context;
    }

    void flush() {
        for (TlbContext context : contexts) {
            if (context != null) {
                context.flush();
            }
        }
    }

    void invalidate(long linear) {
        for (TlbContext context : contexts) {
            if (context != null) {
                context.invalidate(linear);
            }
        }
    }

    void dropWritable(long hostPage) {
        for (TlbContext context : contexts) {
            if (context != null) {
                context.dropWritable(hostPage);
            }
        }
    }
}
