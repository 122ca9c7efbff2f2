package nestbox.devices.virtio.blk;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.BitSet;

/// A disk that leaves another one untouched: what the guest writes goes to a sparse temporary file
/// that is gone when the disk is closed or the process ends.
///
/// Kept in clusters of 4 KiB, each of which comes from below, from the temporary file, or is all
/// zero. Memory is one or two bits for a cluster; room in the temporary file's directory is bounded
/// by the size of the disk, and running out of it is an I/O error for the guest.
public final class OverlayDisk implements Disk {
    /// The most that a disk below may hold: as many clusters as an `int` can count.
    public static final long MAX_BYTES = 8L << 40;

    private static final int CLUSTER = 4096;

    private final Disk below;
    private final FileChannel own;
    private final long bytes;

    /// Clusters that are in the temporary file.
    private final BitSet copied = new BitSet();

    /// Clusters that are zero whatever is below.
    private final BitSet zeroed = new BitSet();

    private OverlayDisk(Disk below, FileChannel own) {
        this.below = below;
        this.own = own;
        bytes = below.sectors() * SECTOR;
    }

    /// @param directory where the temporary file is made
    public static OverlayDisk over(Disk below, Path directory) throws IOException {
        if (below.sectors() > MAX_BYTES / SECTOR) {
            throw new IllegalArgumentException("a disk of more than 8 TiB can't have an overlay");
        }
        Path path = Files.createTempFile(directory, "overlay", ".disk");
        Files.delete(path);
        return new OverlayDisk(
                below,
                FileChannel.open(
                        path,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.SPARSE,
                        StandardOpenOption.DELETE_ON_CLOSE));
    }

    @Override
    public long sectors() {
        return below.sectors();
    }

    @Override
    public boolean readOnly() {
        return false;
    }

    @Override
    public boolean canDiscard() {
        return true;
    }

    @Override
    public void read(long offset, byte[] into, int at, int length) throws IOException {
        int step;
        for (int done = 0; done < length; done += step) {
            long from = offset + done;
            int first = cluster(from);
            int end = endOfRun(first, cluster(offset + length - 1) + 1);
            step = (int) Math.min(length - done, (long) end * CLUSTER - from);
            if (copied.get(first)) {
                readOwn(from, into, at + done, step);
            } else if (zeroed.get(first)) {
                Arrays.fill(into, at + done, at + done + step, (byte) 0);
            } else {
                below.read(from, into, at + done, step);
            }
        }
    }

    /// First cluster, up to a limit, that isn't kept where the given one is.
    private int endOfRun(int first, int limit) {
        int end = first + 1;
        while (end < limit
                && copied.get(end) == copied.get(first)
                && zeroed.get(end) == zeroed.get(first)) {
            end++;
        }
        return end;
    }

    @Override
    public void write(long offset, byte[] from, int at, int length) throws IOException {
        if (length == 0) {
            return;
        }
        int first = cluster(offset);
        int last = cluster(offset + length - 1);
        if (offset % CLUSTER != 0) {
            copyUp(first);
        }
        if ((offset + length) % CLUSTER != 0) {
            copyUp(last);
        }
        writeOwn(offset, from, at, length);
        copied.set(first, last + 1);
        zeroed.clear(first, last + 1);
    }

    /// Brings a cluster that is about to be changed in part into the temporary file.
    private void copyUp(int cluster) throws IOException {
        if (copied.get(cluster)) {
            return;
        }
        long start = (long) cluster * CLUSTER;
        byte[] contents = new byte[(int) Math.min(CLUSTER, bytes - start)];
        read(start, contents, 0, contents.length);
        writeOwn(start, contents, 0, contents.length);
        copied.set(cluster);
        zeroed.clear(cluster);
    }

    /// Does nothing: there is nothing that outlives the process.
    @Override
    public void flush() {}

    @Override
    public void discard(long offset, long length) {
        int first = cluster(offset + CLUSTER - 1);
        int end = offset + length == bytes ? cluster(bytes - 1) + 1 : cluster(offset + length);
        if (first < end) {
            copied.clear(first, end);
            zeroed.set(first, end);
        }
    }

    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        long wholeStart = Math.min(offset + CLUSTER - 1 & -CLUSTER, offset + length);
        long end = offset + length;
        long wholeEnd = end == bytes ? end : Math.max(end & -CLUSTER, wholeStart);
        Disk.super.writeZeroes(offset, wholeStart - offset);
        discard(wholeStart, wholeEnd - wholeStart);
        Disk.super.writeZeroes(wholeEnd, end - wholeEnd);
    }

    /// Writes what the guest changed, for a snapshot.
    public void save(DataOutput out) throws IOException {
        byte[] contents = new byte[CLUSTER];
        out.writeLong(sectors());
        out.writeInt(copied.cardinality());
        for (int i = copied.nextSetBit(0); i >= 0; i = copied.nextSetBit(i + 1)) {
            out.writeInt(i);
            readOwn((long) i * CLUSTER, contents, 0, CLUSTER);
            out.write(contents);
        }
        out.writeInt(zeroed.cardinality());
        for (int i = zeroed.nextSetBit(0); i >= 0; i = zeroed.nextSetBit(i + 1)) {
            out.writeInt(i);
        }
    }

    /// Takes over what [#save] wrote, in place of any changes.
    ///
    /// @throws IOException also if it was written for a disk of another size
    public void restore(DataInput in) throws IOException {
        if (in.readLong() != sectors()) {
            throw new IOException("the snapshot is of a disk of another size");
        }
        copied.clear();
        zeroed.clear();
        byte[] contents = new byte[CLUSTER];
        for (int left = in.readInt(); left > 0; left--) {
            int cluster = checked(in.readInt());
            in.readFully(contents);
            writeOwn((long) cluster * CLUSTER, contents, 0, CLUSTER);
            copied.set(cluster);
        }
        for (int left = in.readInt(); left > 0; left--) {
            zeroed.set(checked(in.readInt()));
        }
    }

    private int checked(int cluster) throws IOException {
        if (cluster < 0 || (long) cluster * CLUSTER >= bytes) {
            throw new IOException("the snapshot has a cluster beyond the end of the disk");
        }
        return cluster;
    }

    private static int cluster(long offset) {
        return (int) (offset / CLUSTER);
    }

    private void readOwn(long offset, byte[] into, int at, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(into, at, length);
        while (buffer.hasRemaining()) {
            if (own.read(buffer, offset + buffer.position() - at) < 0) {
                Arrays.fill(into, buffer.position(), at + length, (byte) 0);
                return;
            }
        }
    }

    private void writeOwn(long offset, byte[] from, int at, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(from, at, length);
        while (buffer.hasRemaining()) {
            own.write(buffer, offset + buffer.position() - at);
        }
    }

    @Override
    public void close() throws IOException {
        try (below) {
            own.close();
        }
    }
}
