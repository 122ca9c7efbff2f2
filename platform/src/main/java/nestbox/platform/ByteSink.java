package nestbox.platform;

/// Takes the bytes that a character device sends.
@FunctionalInterface
public interface ByteSink {
    void write(byte value);
}
