package nestbox.hypervisor;

/// L1's tables don't allow an access of its guest that L0 carries out: it ends here, and L1 hears
/// of it. It carries no stack trace, being part of what guests do.
final class RefusedAccess extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final long address;
    private final boolean write;

    /// @param address guest-physical, of L2
    RefusedAccess(long address, boolean write) {
        super("refused access", null, false, false);
        this.address = address;
        this.write = write;
    }

    long address() {
        return address;
    }

    boolean isWrite() {
        return write;
    }
}
