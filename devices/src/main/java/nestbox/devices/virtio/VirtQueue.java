package nestbox.devices.virtio;

import static nestbox.devices.virtio.VirtioRegisters.AVAIL_NO_INTERRUPT;
import static nestbox.devices.virtio.VirtioRegisters.DESC_BYTES;
import static nestbox.devices.virtio.VirtioRegisters.DESC_INDIRECT;
import static nestbox.devices.virtio.VirtioRegisters.DESC_NEXT;
import static nestbox.devices.virtio.VirtioRegisters.DESC_WRITE;
import static nestbox.devices.virtio.VirtioRegisters.F_EVENT_IDX;
import static nestbox.devices.virtio.VirtioRegisters.F_INDIRECT_DESC;
import static nestbox.devices.virtio.VirtioRegisters.NO_VECTOR;

import nestbox.platform.DmaDomain;

import java.lang.invoke.VarHandle;
import java.util.Optional;

/// A split virtqueue, seen from the device: takes chains from the available ring and puts them,
/// done, on the used ring.
///
/// Everything in guest memory is read once and checked before use. The first thing found wrong
/// stops the queue for good, so the work for one call is bounded by the queue size whatever the
/// rings say.
public final class VirtQueue {
    /// What a snapshot holds.
    public record State(
            int size,
            boolean enabled,
            long descriptors,
            long available,
            long used,
            int vector,
            int nextAvailable,
            int nextUsed,
            boolean kicked,
            QueueFault fault) {}

    private static final int RING_HEADER = 4;
    private static final int INDEX = 2;
    private static final int AVAILABLE_ENTRY = 2;
    private static final int USED_ENTRY = 8;
    private static final int EVENT_BYTES = 2;
    private static final int MASK_16 = 0xFFFF;

    private final DmaDomain memory;
    private final int index;
    private final int maxSize;
    private long features;
    private int size;
    private boolean enabled;
    private long descriptors;
    private long available;
    private long used;
    private int vector;
    private int nextAvailable;
    private int nextUsed;
    private int publishedUsed;
    private boolean kicked;
    private QueueFault fault;

    VirtQueue(DmaDomain memory, int index, int maxSize) {
        if (Integer.bitCount(maxSize) != 1 || maxSize > 1 << 15) {
            throw new IllegalArgumentException("queue size " + maxSize);
        }
        this.memory = memory;
        this.index = index;
        this.maxSize = maxSize;
        reset();
    }

    void reset() {
        features = 0;
        size = maxSize;
        enabled = false;
        descriptors = 0;
        available = 0;
        used = 0;
        vector = NO_VECTOR;
        nextAvailable = 0;
        nextUsed = 0;
        publishedUsed = 0;
        kicked = false;
        fault = QueueFault.NONE;
    }

    // What the transport sets up

    void negotiate(long features) {
        this.features = features;
    }

    int vector() {
        return vector;
    }

    void assignVector(int vector) {
        this.vector = vector;
    }

    boolean enabled() {
        return enabled;
    }

    /// An illegal size changes nothing; nor does any once the queue is enabled.
    void resize(int newSize) {
        if (!enabled && Integer.bitCount(newSize) == 1 && newSize <= maxSize) {
            size = newSize;
        }
    }

    long descriptors() {
        return descriptors;
    }

    long available() {
        return available;
    }

    long used() {
        return used;
    }

    void place(long descriptors, long available, long used) {
        if (!enabled) {
            this.descriptors = descriptors;
            this.available = available;
            this.used = used;
        }
    }

    void enable() {
        enabled = true;
        if ((descriptors & 15) != 0 || (available & 1) != 0 || (used & 3) != 0) {
            fail(QueueFault.RING_MISALIGNED);
        } else if (!memory.reaches(descriptors, (long) size * DESC_BYTES, false)
                || !memory.reaches(available, usedEventOffset() + EVENT_BYTES, false)
                || !memory.reaches(used, availableEventOffset() + EVENT_BYTES, true)) {
            fail(QueueFault.RING_NOT_IN_RAM);
        }
    }

    void kick() {
        kicked = true;
    }

    /// Whether the driver announced chains that may not all be served yet.
    boolean kicked() {
        return kicked;
    }

    void served() {
        kicked = false;
    }

    // What a device uses

    public int index() {
        return index;
    }

    public int size() {
        return size;
    }

    public QueueFault fault() {
        return fault;
    }

    /// Stops the queue: the driver broke a rule of the device type.
    public void fail(QueueFault reason) {
        if (fault == QueueFault.NONE) {
            fault = reason;
        }
    }

    public boolean hasNext() {
        return waiting() > 0;
    }

    /// Takes the next chain that the driver made available.
    public Optional<DescriptorChain> next() {
        if (waiting() <= 0) {
            return Optional.empty();
        }
        VarHandle.loadLoadFence();
        int slot = nextAvailable & size - 1;
        int head = memory.readShort(available + RING_HEADER + (long) slot * AVAILABLE_ENTRY);
        DescriptorChain chain = new DescriptorChain(memory, head);
        fail(collect(chain));
        if (fault != QueueFault.NONE) {
            return Optional.empty();
        }
        nextAvailable = nextAvailable + 1 & MASK_16;
        return Optional.of(chain);
    }

    /// Puts a chain on the used ring. The driver sees it after the queue has been served.
    ///
    /// @param written how many bytes, from the start of the writable part, the device wrote
    public void complete(DescriptorChain chain, long written) {
        long entry = used + RING_HEADER + (long) (nextUsed & size - 1) * USED_ENTRY;
        memory.writeInt(entry, chain.head());
        memory.writeInt(entry + 4, (int) written);
        nextUsed = nextUsed + 1 & MASK_16;
    }

    /// Gives back the last chains that [#next] returned.
    ///
    /// @param taken how many of them are not completed
    /// @param completed how many of them are completed, but not yet seen by the driver
    public void undo(int taken, int completed) {
        nextAvailable = nextAvailable - taken - completed & MASK_16;
        nextUsed = nextUsed - completed & MASK_16;
    }

    private int waiting() {
        if (!enabled || fault != QueueFault.NONE) {
            return 0;
        }
        int count = memory.readShort(available + INDEX) - nextAvailable & MASK_16;
        if (count > size) {
            fail(QueueFault.AVAILABLE_INDEX_RAN_AWAY);
            return 0;
        }
        return count;
    }

    /// Follows a chain. No chain is longer than the largest size of this queue, which also ends
    /// loops; an indirect table may take the place of a chain's last descriptor, once.
    private QueueFault collect(DescriptorChain chain) {
        long table = descriptors;
        long entries = size;
        int at = chain.head();
        boolean indirect = false;
        for (int count = 0; count <= maxSize; count++) {
            if (at >= entries) {
                return QueueFault.DESCRIPTOR_INDEX_OUT_OF_RANGE;
            }
            long descriptor = table + (long) at * DESC_BYTES;
            long address = memory.readLong(descriptor);
            long length = memory.readInt(descriptor + 8) & 0xFFFF_FFFFL;
            int flags = memory.readShort(descriptor + 12);
            if ((flags & DESC_INDIRECT) != 0) {
                boolean legal =
                        !indirect
                                && (features & F_INDIRECT_DESC) != 0
                                && (flags & DESC_NEXT) == 0
                                && length != 0
                                && length % DESC_BYTES == 0
                                && memory.reaches(address, length, false);
                if (!legal) {
                    return QueueFault.BAD_INDIRECT_TABLE;
                }
                indirect = true;
                table = address;
                entries = length / DESC_BYTES;
                at = 0;
                continue;
            }
            QueueFault problem = chain.add(address, length, (flags & DESC_WRITE) != 0);
            if (problem != QueueFault.NONE || (flags & DESC_NEXT) == 0) {
                return problem;
            }
            at = memory.readShort(descriptor + 14);
        }
        return QueueFault.CHAIN_TOO_LONG;
    }

    // Telling the driver

    /// Shows the driver what was completed.
    ///
    /// @return whether the driver wants an interrupt for it
    boolean publish() {
        if (!enabled
                || fault == QueueFault.RING_MISALIGNED
                || fault == QueueFault.RING_NOT_IN_RAM) {
            return false;
        }
        boolean eventIndex = (features & F_EVENT_IDX) != 0;
        if (eventIndex) {
            memory.writeShort(used + availableEventOffset(), nextAvailable);
        }
        int before = publishedUsed;
        if (nextUsed == before) {
            return false;
        }
        VarHandle.storeStoreFence();
        memory.writeShort(used + INDEX, nextUsed);
        publishedUsed = nextUsed;
        VarHandle.fullFence();
        if (!eventIndex) {
            return (memory.readShort(available) & AVAIL_NO_INTERRUPT) == 0;
        }
        int event = memory.readShort(available + usedEventOffset());
        return (nextUsed - event - 1 & MASK_16) < (nextUsed - before & MASK_16);
    }

    private long usedEventOffset() {
        return RING_HEADER + (long) size * AVAILABLE_ENTRY;
    }

    private long availableEventOffset() {
        return RING_HEADER + (long) size * USED_ENTRY;
    }

    State save() {
        return new State(
                size,
                enabled,
                descriptors,
                available,
                used,
                vector,
                nextAvailable,
                nextUsed,
                kicked,
                fault);
    }

    void restore(State state) {
        switch (state) {
            case State(
                            var savedSize,
                            var on,
                            var table,
                            var availableRing,
                            var usedRing,
                            var msix,
                            var taken,
                            var done,
                            var announced,
                            var problem) -> {
                size = savedSize;
                enabled = on;
                descriptors = table;
                available = availableRing;
                used = usedRing;
                vector = msix;
                nextAvailable = taken;
                nextUsed = done;
                publishedUsed = done;
                kicked = announced;
                fault = problem;
            }
        }
    }
}
