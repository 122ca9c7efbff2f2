package nestbox.devices.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/// A file whose bytes are the disk's bytes.
///
/// A file that does not end at a multiple of 512 bytes is a disk whose last sector is filled up
/// with zeroes; nothing of the file is hidden. Writing to that sector makes the file longer.
public final class RawDisk implements Disk {
    private final FileChannel file;
    private final long sectors;
    private final boolean readOnly;

    private RawDisk(FileChannel file, boolean readOnly) throws IOException {
        this.file = file;
        this.readOnly = readOnly;
        sectors = (file.size() + SECTOR - 1) / SECTOR;
    }

    /// Opens a file that the guest may change.
    public static RawDisk open(Path path) throws IOException {
        return new RawDisk(
                FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE), false);
    }

    public static RawDisk openReadOnly(Path path) throws IOException {
        return new RawDisk(FileChannel.open(path, StandardOpenOption.READ), true);
    }

    @Override
    public long sectors() {
        return sectors;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public void read(long offset, byte[] into, int at, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(into, at, length);
        while (buffer.hasRemaining()) {
            if (file.read(buffer, offset + buffer.position() - at) < 0) {
                Arrays.fill(into, buffer.position(), at + length, (byte) 0);
                return;
            }
        }
    }

    @Override
    public void write(long offset, byte[] from, int at, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(from, at, length);
        while (buffer.hasRemaining()) {
            file.write(buffer, offset + buffer.position() - at);
        }
    }

    @Override
    public void flush() throws IOException {
        if (!readOnly) {
            file.force(false);
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
