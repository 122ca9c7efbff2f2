package nestbox.devices.virtio;

import nestbox.platform.DmaDomain;

import java.util.ArrayList;
import java.util.List;

/// One request: buffers that the device reads, followed by buffers that it writes.
///
/// All of them are known to be RAM that the device may reach, and their lengths together are below
/// 4 GiB. A device sees two sequences of bytes and not how the driver cut them into descriptors, as
/// the specification demands (2.7.4, "Message Framing").
public final class DescriptorChain {
    private static final long MAX_BYTES = 0xFFFF_FFFFL;

    private record Buffer(long address, long length) {}

    /// Copies bytes that lie in one buffer.
    @FunctionalInterface
    private interface Piece {
        /// @param done how many have been copied before
        void copy(long address, int done, int count);
    }

    private final DmaDomain memory;
    private final int head;
    private final List<Buffer> readableBuffers = new ArrayList<>();
    private final List<Buffer> writableBuffers = new ArrayList<>();
    private long readable;
    private long writable;

    DescriptorChain(DmaDomain memory, int head) {
        this.memory = memory;
        this.head = head;
    }

    int head() {
        return head;
    }

    QueueFault add(long address, long length, boolean forDevice) {
        if (length == 0) {
            return QueueFault.NONE;
        }
        if (!memory.reaches(address, length, forDevice)) {
            return QueueFault.BUFFER_NOT_IN_RAM;
        }
        if (readable + writable + length > MAX_BYTES) {
            return QueueFault.CHAIN_TOO_LARGE;
        }
        if (forDevice) {
            writableBuffers.add(new Buffer(address, length));
            writable += length;
        } else if (writable > 0) {
            return QueueFault.READABLE_AFTER_WRITABLE;
        } else {
            readableBuffers.add(new Buffer(address, length));
            readable += length;
        }
        return QueueFault.NONE;
    }

    /// Bytes that the driver wrote for the device.
    public long readable() {
        return readable;
    }

    /// Bytes that the device may write.
    public long writable() {
        return writable;
    }

    /// Copies from the readable part.
    ///
    /// @return bytes copied: fewer than `length` if the part ends before
    public int read(long offset, byte[] into, int at, int length) {
        return copy(
                readableBuffers,
                offset,
                length,
                (address, done, count) -> memory.read(address, into, at + done, count));
    }

    /// Copies into the writable part.
    ///
    /// @return bytes copied: fewer than `length` if the part ends before
    public int write(long offset, byte[] from, int at, int length) {
        return copy(
                writableBuffers,
                offset,
                length,
                (address, done, count) -> memory.write(address, from, at + done, count));
    }

    private static int copy(List<Buffer> buffers, long offset, int length, Piece piece) {
        int done = 0;
        long start = 0;
        for (Buffer buffer : buffers) {
            long skip = offset + done - start;
            if (done < length && skip < buffer.length) {
                int count = (int) Math.min(length - done, buffer.length - skip);
                piece.copy(buffer.address + skip, done, count);
                done += count;
            }
            start += buffer.length;
        }
        return done;
    }
}
