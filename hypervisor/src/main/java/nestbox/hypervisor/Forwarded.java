package nestbox.hypervisor;

/// An access is the device model's, which has to answer first: the instruction is carried out again
/// then. It carries no stack trace, being part of what guests do.
final class Forwarded extends RuntimeException {
    private static final long serialVersionUID = 1;

    Forwarded() {
        super("forwarded access", null, false, false);
    }
}
