package nestbox.boot;

/// What the user asked to boot can't be booted; the message says what is wrong, where, and what to
/// do about it.
///
/// Unchecked, because the only sensible answer is to show the sentence to the user.
public final class BootException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public BootException(String message) {
        super(message);
    }

    /// @param why what is wrong with a kernel and what to do about it, without the full stop
    static BootException unusable(BootFile kernel, String why) {
        return new BootException(
                "The kernel %s can't be booted: %s.".formatted(kernel.name(), why));
    }

    public BootException(String message, Throwable cause) {
        super(message, cause);
    }
}
