package nestbox.images;

/// A guest image cannot be had; the message says what failed, where, and what to do about it.
///
/// Unchecked, because the only sensible answer is to show the sentence to the user.
public final class ImageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ImageException(String message) {
        super(message);
    }

    public ImageException(String message, Throwable cause) {
        super(message, cause);
    }
}
