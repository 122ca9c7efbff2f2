package nestbox.devices.virtio.blk;

import static nestbox.devices.virtio.blk.Disk.SECTOR;

import nestbox.devices.virtio.DescriptorChain;
import nestbox.devices.virtio.QueueFault;
import nestbox.devices.virtio.VirtQueue;
import nestbox.devices.virtio.VirtioDevice;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/// A disk: *VIRTIO 1.2*, 5.2 "Block Device".
///
/// The cache is write-back if the driver negotiated FLUSH and write-through otherwise. No request
/// may carry more than 126 buffers of 256 KiB, which the configuration says too.
public final class VirtioBlk extends VirtioDevice {
    /// The device has nothing that a driver can change; the contents are [Disk]'s to save.
    public record State() implements VirtioDevice.State {}

    private static final int TYPE = 2;
    private static final int CLASS_MASS_STORAGE = 0x010000;
    private static final int CONFIG_BYTES = 60;
    private static final int QUEUE_SIZE = 128;
    private static final int MAX_QUEUES = 16;

    private static final long F_SIZE_MAX = 1L << 1;
    private static final long F_SEG_MAX = 1L << 2;
    private static final long F_RO = 1L << 5;
    private static final long F_BLK_SIZE = 1L << 6;
    private static final long F_FLUSH = 1L << 9;
    private static final long F_TOPOLOGY = 1L << 10;
    private static final long F_MQ = 1L << 12;
    private static final long F_DISCARD = 1L << 13;
    private static final long F_WRITE_ZEROES = 1L << 14;

    private static final int T_IN = 0;
    private static final int T_OUT = 1;
    private static final int T_FLUSH = 4;
    private static final int T_GET_ID = 8;
    private static final int T_DISCARD = 11;
    private static final int T_WRITE_ZEROES = 13;

    private static final int HEADER_BYTES = 16;
    private static final int ID_BYTES = 20;
    private static final int STATUS_BYTES = 1;
    private static final int CHUNK = 1 << 16;

    private static final int MAX_SEGMENTS = QUEUE_SIZE - 2;
    private static final int MAX_SEGMENT_BYTES = 1 << 18;
    private static final long MAX_DATA = (long) MAX_SEGMENTS * MAX_SEGMENT_BYTES;

    private static final int RANGE_BYTES = 16;
    private static final int RANGE_UNMAP = 1;
    private static final int MAX_RANGES = 16;
    private static final int MAX_DISCARD_SECTORS = 1 << 22;
    private static final int MAX_ZERO_SECTORS = 1 << 16;

    /// The status byte is the ordinal.
    private enum Status {
        OK,
        IOERR,
        UNSUPP
    }

    private final Disk disk;
    private final byte[] serial;
    private final int queues;
    private final byte[] chunk = new byte[CHUNK];

    /// @param serial what GET_ID answers, up to 20 ASCII characters
    /// @param queues 1–16
    public VirtioBlk(String name, Disk disk, String serial, int queues) {
        super(name, TYPE, CLASS_MASS_STORAGE, CONFIG_BYTES);
        if (queues < 1 || queues > MAX_QUEUES) {
            throw new IllegalArgumentException(queues + " queues");
        }
        this.disk = disk;
        this.queues = queues;
        this.serial = Arrays.copyOf(serial.getBytes(StandardCharsets.US_ASCII), ID_BYTES);
        config.register("capacity", 0, 4).reset((int) disk.sectors());
        config.register("capacity_high", 4, 4).reset((int) (disk.sectors() >>> 32));
        config.register("size_max", 8, 4).reset(MAX_SEGMENT_BYTES);
        config.register("seg_max", 12, 4).reset(MAX_SEGMENTS);
        config.register("blk_size", 20, 4).reset(SECTOR);
        config.register("physical_block_exp", 24, 1).reset(3);
        config.register("min_io_size", 26, 2).reset(8);
        config.register("opt_io_size", 28, 4).reset(CHUNK / SECTOR);
        config.register("num_queues", 34, 2).reset(queues);
        config.register("max_discard_sectors", 36, 4).reset(MAX_DISCARD_SECTORS);
        config.register("max_discard_seg", 40, 4).reset(MAX_RANGES);
        config.register("discard_sector_alignment", 44, 4).reset(8);
        config.register("max_write_zeroes_sectors", 48, 4).reset(MAX_ZERO_SECTORS);
        config.register("max_write_zeroes_seg", 52, 4).reset(1);
        config.register("write_zeroes_may_unmap", 56, 1).reset(disk.canDiscard() ? 1 : 0);
    }

    @Override
    protected long features() {
        return F_SIZE_MAX
                | F_SEG_MAX
                | F_BLK_SIZE
                | F_FLUSH
                | F_TOPOLOGY
                | (queues > 1 ? F_MQ : 0)
                | (disk.readOnly() ? F_RO : F_WRITE_ZEROES | (disk.canDiscard() ? F_DISCARD : 0));
    }

    @Override
    protected int[] queueSizes() {
        int[] sizes = new int[queues];
        Arrays.fill(sizes, QUEUE_SIZE);
        return sizes;
    }

    @Override
    protected boolean serve(VirtQueue queue) {
        Optional<DescriptorChain> next = queue.next();
        if (next.isEmpty()) {
            return false;
        }
        DescriptorChain chain = next.get();
        byte[] header = new byte[HEADER_BYTES];
        if (chain.read(0, header, 0, HEADER_BYTES) < HEADER_BYTES
                || chain.writable() < STATUS_BYTES) {
            queue.fail(QueueFault.BAD_REQUEST);
            return false;
        }
        ByteBuffer fields = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
        Status status;
        try {
            status = execute(fields.getInt(0), fields.getLong(8), chain);
        } catch (IOException hostTrouble) {
            status = Status.IOERR;
        }
        long data = chain.writable() - STATUS_BYTES;
        chain.write(data, new byte[] {(byte) status.ordinal()}, 0, STATUS_BYTES);
        // Of a read that failed half-way, the driver can't count on any byte.
        queue.complete(chain, status == Status.OK || data == 0 ? chain.writable() : 0);
        return true;
    }

    private Status execute(int type, long sector, DescriptorChain chain) throws IOException {
        return switch (type) {
            case T_IN -> read(sector, chain);
            case T_OUT -> write(sector, chain);
            case T_FLUSH -> flush();
            case T_GET_ID -> identify(chain);
            case T_DISCARD -> (features() & F_DISCARD) == 0 ? Status.UNSUPP : ranges(chain, false);
            case T_WRITE_ZEROES -> disk.readOnly() ? Status.UNSUPP : ranges(chain, true);
            default -> Status.UNSUPP;
        };
    }

    private Status read(long sector, DescriptorChain chain) throws IOException {
        long bytes = chain.writable() - STATUS_BYTES;
        if (!isWithinDisk(sector, bytes) || bytes > MAX_DATA) {
            return Status.IOERR;
        }
        for (long done = 0; done < bytes; done += CHUNK) {
            int count = (int) Math.min(CHUNK, bytes - done);
            disk.read(sector * SECTOR + done, chunk, 0, count);
            chain.write(done, chunk, 0, count);
        }
        return Status.OK;
    }

    private Status write(long sector, DescriptorChain chain) throws IOException {
        long bytes = chain.readable() - HEADER_BYTES;
        if (disk.readOnly() || !isWithinDisk(sector, bytes) || bytes > MAX_DATA) {
            return Status.IOERR;
        }
        for (long done = 0; done < bytes; done += CHUNK) {
            int count = (int) Math.min(CHUNK, bytes - done);
            chain.read(HEADER_BYTES + done, chunk, 0, count);
            disk.write(sector * SECTOR + done, chunk, 0, count);
        }
        writeThrough();
        return Status.OK;
    }

    private Status flush() throws IOException {
        disk.flush();
        return Status.OK;
    }

    private Status identify(DescriptorChain chain) {
        if (chain.writable() - STATUS_BYTES < ID_BYTES) {
            return Status.IOERR;
        }
        chain.write(0, serial, 0, ID_BYTES);
        return Status.OK;
    }

    private Status ranges(DescriptorChain chain, boolean zero) throws IOException {
        long bytes = chain.readable() - HEADER_BYTES;
        if (bytes <= 0 || bytes % RANGE_BYTES != 0 || bytes > MAX_RANGES * RANGE_BYTES) {
            return Status.IOERR;
        }
        byte[] data = new byte[(int) bytes];
        chain.read(HEADER_BYTES, data, 0, data.length);
        ByteBuffer fields = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
        int most = zero ? MAX_ZERO_SECTORS : MAX_DISCARD_SECTORS;
        int legalFlags = zero ? RANGE_UNMAP : 0;
        for (int at = 0; at < data.length; at += RANGE_BYTES) {
            long count = fields.getInt(at + 8) & 0xFFFF_FFFFL;
            if ((fields.getInt(at + 12) & ~legalFlags) != 0) {
                return Status.UNSUPP;
            }
            if (count > most || !isWithinDisk(fields.getLong(at), count * SECTOR)) {
                return Status.IOERR;
            }
        }
        for (int at = 0; at < data.length; at += RANGE_BYTES) {
            long start = fields.getLong(at) * SECTOR;
            long length = (fields.getInt(at + 8) & 0xFFFF_FFFFL) * SECTOR;
            if (zero) {
                disk.writeZeroes(start, length);
            } else {
                disk.discard(start, length);
            }
        }
        writeThrough();
        return Status.OK;
    }

    private void writeThrough() throws IOException {
        if (!negotiated(F_FLUSH)) {
            disk.flush();
        }
    }

    private boolean isWithinDisk(long sector, long bytes) {
        long count = bytes / SECTOR;
        return bytes % SECTOR == 0
                && bytes >= 0
                && sector >= 0
                && count <= disk.sectors()
                && sector <= disk.sectors() - count;
    }

    @Override
    protected State save() {
        return new State();
    }

    @Override
    protected void restore(VirtioDevice.State state) {
        if (!(state instanceof State())) {
            throw new IllegalArgumentException(name() + ": state of another kind of device");
        }
    }
}
