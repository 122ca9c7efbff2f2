package nestbox.devices.virtio.blk;

import java.io.IOException;

/// Where the sectors of a disk are kept.
///
/// Callers stay within [#sectors]; any `IOException` is trouble of the host, which the guest sees
/// as an error of the disk.
public interface Disk extends AutoCloseable {
    int SECTOR = 512;

    /// Capacity in sectors of 512 bytes.
    long sectors();

    boolean readOnly();

    /// @param offset in bytes
    void read(long offset, byte[] into, int at, int length) throws IOException;

    /// @param offset in bytes
    void write(long offset, byte[] from, int at, int length) throws IOException;

    /// Returns when everything written is on stable storage.
    void flush() throws IOException;

    /// Whether [#discard] frees something.
    default boolean canDiscard() {
        return false;
    }

    /// The contents of a range are no longer needed.
    default void discard(long offset, long length) throws IOException {}

    /// Makes a range read as zero.
    default void writeZeroes(long offset, long length) throws IOException {
        byte[] zeroes = new byte[(int) Math.min(length, 1 << 16)];
        for (long done = 0; done < length; done += zeroes.length) {
            write(offset + done, zeroes, 0, (int) Math.min(zeroes.length, length - done));
        }
    }

    @Override
    void close() throws IOException;
}
