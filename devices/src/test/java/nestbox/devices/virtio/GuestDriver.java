package nestbox.devices.virtio;

import nestbox.devices.BoardMap;
import nestbox.devices.pci.IntxRouting;
import nestbox.devices.pci.PciAddress;
import nestbox.devices.pci.PciFirmware;
import nestbox.devices.pci.PciHost;
import nestbox.platform.GuestMemory;
import nestbox.platform.IrqLine;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortIo;
import nestbox.platform.PortSpace;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A small board with one virtio device, and what a guest's driver would do with it: everything
/// goes through configuration space, BARs and rings in guest memory.
public final class GuestDriver implements AutoCloseable {
    public static final long VERSION_1 = VirtioRegisters.F_VERSION_1;
    public static final long INDIRECT = VirtioRegisters.F_INDIRECT_DESC;
    public static final long EVENT_IDX = VirtioRegisters.F_EVENT_IDX;

    private static final PciAddress SLOT = new PciAddress(3, 0);
    private static final long CONFIG = BoardMap.ECAM + (3L << 15);

    public record Message(long address, int data) {}

    public record Used(int head, int length) {}

    /// A buffer of a request: for the device to read if it has contents, else to write.
    public record Buffer(long address, int length, boolean forDevice) {}

    public final GuestMemory memory = new GuestMemory(128 << 20);
    public final MmioSpace mmio = new MmioSpace();
    public final PortSpace ports = new PortSpace();
    public final List<Message> messages = new ArrayList<>();
    public final VirtioPci device;
    private final PciHost host;
    private final List<Ring> rings = new ArrayList<>();
    private boolean line;
    private long free = 1 << 20;

    public GuestDriver(VirtioDevice kind) {
        device = new VirtioPci(kind, memory);
        PortIo nobody =
                new PortIo() {
                    @Override
                    public int read(int port, int size) {
                        return -1;
                    }

                    @Override
                    public void write(int port, int size, int value) {}
                };
        host =
                PciHost.of(
                        ports,
                        mmio,
                        (address, data) -> messages.add(new Message(address, data)),
                        pin ->
                                pin == IntxRouting.ioApicPin(SLOT.device(), 0)
                                        ? level -> line = level
                                        : IrqLine.unconnected(),
                        irq -> IrqLine.unconnected(),
                        nobody);
        host.bus().add(SLOT, device);
        powerOn();
    }

    public void powerOn() {
        host.reset();
        PciFirmware.assign(host, ports);
        writeConfig(4, 2, 0x6);
    }

    @Override
    public void close() {
        memory.close();
    }

    // Configuration

    public int readConfig(int offset, int size) {
        return (int) mmio.read(CONFIG + offset, size);
    }

    public void writeConfig(int offset, int size, int value) {
        mmio.write(CONFIG + offset, size, value);
    }

    public int capability(int id, int type) {
        int at = readConfig(0x34, 1);
        while (at != 0 && (readConfig(at, 1) != id || id == 9 && readConfig(at + 3, 1) != type)) {
            at = readConfig(at + 1, 1);
        }
        return at;
    }

    /// Address of one of the structures that a vendor capability describes.
    public long structure(int type) {
        int at = capability(9, type);
        return bar(readConfig(at + 4, 1)) + readConfig(at + 8, 4);
    }

    public long bar(int index) {
        return readConfig(0x10 + 4 * index, 4) & 0xFFFF_FFF0L;
    }

    public int common(int offset, int size) {
        return (int) mmio.read(structure(VirtioRegisters.CAP_COMMON) + offset, size);
    }

    public void common(int offset, int size, int value) {
        mmio.write(structure(VirtioRegisters.CAP_COMMON) + offset, size, value);
    }

    public long deviceConfig(int offset, int size) {
        return mmio.read(structure(VirtioRegisters.CAP_DEVICE) + offset, size);
    }

    public int status() {
        return common(VirtioRegisters.DEVICE_STATUS, 1);
    }

    public void status(int value) {
        common(VirtioRegisters.DEVICE_STATUS, 1, value);
    }

    public boolean needsReset() {
        return (status() & VirtioRegisters.DEVICE_NEEDS_RESET) != 0;
    }

    public boolean line() {
        return line;
    }

    public int isr() {
        return (int) mmio.read(structure(VirtioRegisters.CAP_ISR), 1);
    }

    public long offeredFeatures() {
        common(VirtioRegisters.DEVICE_FEATURE_SELECT, 4, 0);
        long low = common(VirtioRegisters.DEVICE_FEATURE, 4) & 0xFFFF_FFFFL;
        common(VirtioRegisters.DEVICE_FEATURE_SELECT, 4, 1);
        return low | (long) common(VirtioRegisters.DEVICE_FEATURE, 4) << 32;
    }

    /// Resets the device and offers it features.
    ///
    /// @return whether it took them
    public boolean negotiate(long features) {
        status(0);
        rings.clear();
        status(VirtioRegisters.ACKNOWLEDGE);
        status(VirtioRegisters.ACKNOWLEDGE | VirtioRegisters.DRIVER);
        for (int half = 0; half < 2; half++) {
            common(VirtioRegisters.DRIVER_FEATURE_SELECT, 4, half);
            common(VirtioRegisters.DRIVER_FEATURE, 4, (int) (features >>> 32 * half));
        }
        status(status() | VirtioRegisters.FEATURES_OK);
        return (status() & VirtioRegisters.FEATURES_OK) != 0;
    }

    /// From reset to a running device with all queues, 16 entries each.
    public GuestDriver start(long features) {
        if (!negotiate(features | VERSION_1)) {
            throw new AssertionError("features refused");
        }
        int count = common(VirtioRegisters.NUM_QUEUES, 2);
        for (int queue = 0; queue < count; queue++) {
            rings.add(new Ring(queue, 16, features));
        }
        status(status() | VirtioRegisters.DRIVER_OK);
        return this;
    }

    /// Enables MSI-X and gives each queue the vector of its number, the configuration the next.
    public void useMsix() {
        int at = capability(0x11, 0);
        long table = bar(readConfig(at + 4, 4) & 7);
        int vectors = (readConfig(at + 2, 2) & 0x7FF) + 1;
        for (int vector = 0; vector < vectors; vector++) {
            mmio.write(table + 16L * vector, 8, 0xFEE0_0000L);
            mmio.write(table + 16L * vector + 8, 8, 0x40 + vector);
        }
        writeConfig(at + 2, 2, 0x8000);
        for (int queue = 0; queue < vectors - 1; queue++) {
            common(VirtioRegisters.QUEUE_SELECT, 2, queue);
            common(VirtioRegisters.QUEUE_MSIX_VECTOR, 2, queue);
        }
        common(VirtioRegisters.CONFIG_MSIX_VECTOR, 2, vectors - 1);
    }

    public int queues() {
        return rings.size();
    }

    public Ring ring(int queue) {
        return rings.get(queue);
    }

    // Memory

    public long allocate(long bytes, int alignment) {
        free = free + alignment - 1 & -alignment;
        long at = free;
        free += bytes;
        return at;
    }

    /// A buffer for the device to read.
    public Buffer out(byte... contents) {
        long at = allocate(contents.length, 1);
        memory.write(at, contents, 0, contents.length);
        return new Buffer(at, contents.length, false);
    }

    /// A buffer for the device to write.
    public Buffer in(int length) {
        long at = allocate(length, 1);
        for (int i = 0; i < length; i++) {
            memory.writeByte(at + i, 0xEE);
        }
        return new Buffer(at, length, true);
    }

    public byte[] contents(Buffer buffer) {
        byte[] bytes = new byte[buffer.length];
        memory.read(buffer.address, bytes, 0, bytes.length);
        return bytes;
    }

    /// The driver's side of a split virtqueue.
    public final class Ring {
        public final int queue;
        public final int size;
        public final long descriptors;
        public final long available;
        public final long used;
        private final long features;
        private int nextDescriptor;
        private int nextAvailable;
        private int seen;

        Ring(int queue, int size, long features) {
            this.queue = queue;
            this.size = size;
            this.features = features;
            descriptors = allocate(16L * size, 16);
            available = allocate(6 + 2L * size, 2);
            used = allocate(6 + 8L * size, 4);
            for (long at = descriptors; at < free; at++) {
                memory.writeByte(at, 0);
            }
            common(VirtioRegisters.QUEUE_SELECT, 2, queue);
            common(VirtioRegisters.QUEUE_SIZE, 2, size);
            address(VirtioRegisters.QUEUE_DESC, descriptors);
            address(VirtioRegisters.QUEUE_DRIVER, available);
            address(VirtioRegisters.QUEUE_DEVICE, used);
            common(VirtioRegisters.QUEUE_ENABLE, 2, 1);
        }

        private void address(int register, long value) {
            common(register, 4, (int) value);
            common(register + 4, 4, (int) (value >>> 32));
        }

        public void descriptor(
                long table, int index, long address, int length, int flags, int next) {
            long at = table + 16L * index;
            memory.writeLong(at, address);
            memory.writeInt(at + 8, length);
            memory.writeShort(at + 12, flags);
            memory.writeShort(at + 14, next);
        }

        /// Makes a chain available without telling the device.
        public int add(Buffer... buffers) {
            int head = nextDescriptor;
            if ((features & INDIRECT) != 0) {
                long table = allocate(16L * buffers.length, 16);
                write(table, 0, buffers, Integer.MAX_VALUE);
                descriptor(
                        descriptors,
                        head,
                        table,
                        16 * buffers.length,
                        VirtioRegisters.DESC_INDIRECT,
                        0);
                nextDescriptor = (head + 1) % size;
            } else {
                write(descriptors, head, buffers, size);
                nextDescriptor = (head + buffers.length) % size;
            }
            publish(head);
            return head;
        }

        private void write(long table, int first, Buffer[] buffers, int modulus) {
            for (int i = 0; i < buffers.length; i++) {
                Buffer b = buffers[i];
                int flags =
                        (b.forDevice ? VirtioRegisters.DESC_WRITE : 0)
                                | (i < buffers.length - 1 ? VirtioRegisters.DESC_NEXT : 0);
                int next = (first + i + 1) % modulus;
                descriptor(table, (first + i) % modulus, b.address, b.length, flags, next);
            }
        }

        public void publish(int head) {
            memory.writeShort(available + 4 + 2L * (nextAvailable % size), head);
            nextAvailable = nextAvailable + 1 & 0xFFFF;
            memory.writeShort(available + 2, nextAvailable);
        }

        public void kick() {
            mmio.write(structure(VirtioRegisters.CAP_NOTIFY) + 4L * queue, 2, queue);
        }

        public int request(Buffer... buffers) {
            int head = add(buffers);
            kick();
            return head;
        }

        /// Takes the next chain off the used ring.
        public Optional<Used> used() {
            if (memory.readShort(used + 2) == seen) {
                return Optional.empty();
            }
            long entry = used + 4 + 8L * (seen % size);
            seen = seen + 1 & 0xFFFF;
            return Optional.of(new Used(memory.readInt(entry), memory.readInt(entry + 4)));
        }

        public void usedEvent(int index) {
            memory.writeShort(available + 4 + 2L * size, index);
        }

        public int availableEvent() {
            return memory.readShort(used + 4 + 8L * size);
        }
    }
}
