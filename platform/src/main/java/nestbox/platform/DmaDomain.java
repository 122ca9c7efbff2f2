package nestbox.platform;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/// Memory as one device sees it: what VT-d calls a DMA remapping domain.
///
/// After reset every address is that of memory. A hypervisor that gives the device to a virtual
/// machine instead lists the ranges that the device may reach, so that a driver can't make it read
/// or change what is not the machine's. Outside of them reads give zero and writes are dropped, as
/// where there is no memory, and are counted as faults. Nothing here throws for an address.
public final class DmaDomain implements Ram {
    /// Addresses that reach memory.
    ///
    /// @param deviceAddress what the device calls the first byte of `length`
    /// @param address where it is in memory
    public record Range(long deviceAddress, long address, long length, boolean writable) {
        public Range {
            if (deviceAddress < 0
                    || address < 0
                    || length <= 0
                    || length > Long.MAX_VALUE - Math.max(deviceAddress, address)) {
                throw new IllegalArgumentException(
                        "DMA range of %x bytes from %x to %x"
                                .formatted(length, deviceAddress, address));
            }
        }

        private long end() {
            return deviceAddress + length;
        }

        private long translate(long from) {
            return address + (from - deviceAddress);
        }
    }

    /// An access that was not allowed.
    ///
    /// @param address as the device called the first byte that it may not reach
    public record Fault(long address, boolean write) {}

    private static final long NOT_IN_ONE_RANGE = -1;

    private final GuestMemory memory;
    private boolean restricted;
    private Range[] ranges = {};
    private long[] starts = {};
    private long faults;
    private Optional<Fault> lastFault = Optional.empty();

    public DmaDomain(GuestMemory memory) {
        this.memory = memory;
    }

    // What a hypervisor does

    /// From now on the device reaches these ranges and nothing else.
    ///
    /// @throws IllegalArgumentException when two of them have a device address in common
    public void restrictTo(Collection<Range> allowed) {
        Range[] sorted = allowed.toArray(Range[]::new);
        Arrays.sort(sorted, Comparator.comparingLong(Range::deviceAddress));
        for (int i = 1; i < sorted.length; i++) {
            if (sorted[i].deviceAddress < sorted[i - 1].end()) {
                throw new IllegalArgumentException(sorted[i - 1] + " overlaps " + sorted[i]);
            }
        }
        ranges = sorted;
        starts = Arrays.stream(sorted).mapToLong(Range::deviceAddress).toArray();
        restricted = true;
    }

    /// As after power-on: the device reaches all of memory, and no fault has happened.
    public void reset() {
        restricted = false;
        ranges = new Range[0];
        starts = new long[0];
        faults = 0;
        lastFault = Optional.empty();
    }

    public boolean isRestricted() {
        return restricted;
    }

    /// How often the device met addresses that it may not reach, since reset.
    public long faults() {
        return faults;
    }

    public Optional<Fault> lastFault() {
        return lastFault;
    }

    // What a device does

    /// Whether all of some bytes are memory that the device may read or, for `write`, change. Where
    /// it may not, that is a fault.
    public boolean reaches(long address, long length, boolean write) {
        if (!restricted) {
            return memory.host(address, length) >= 0;
        }
        for (long done = 0; done < length; ) {
            long from = address + done;
            int at = floor(from);
            long count = run(at, from, length - done);
            if (!allows(at, from, write) || memory.host(ranges[at].translate(from), count) < 0) {
                return false;
            }
            done += count;
        }
        return true;
    }

    @Override
    public int readByte(long address) {
        long physical = physical(address, 1, false);
        return physical >= 0 ? memory.readByte(physical) : (int) gather(address, 1);
    }

    @Override
    public int readShort(long address) {
        long physical = physical(address, 2, false);
        return physical >= 0 ? memory.readShort(physical) : (int) gather(address, 2);
    }

    @Override
    public int readInt(long address) {
        long physical = physical(address, 4, false);
        return physical >= 0 ? memory.readInt(physical) : (int) gather(address, 4);
    }

    @Override
    public long readLong(long address) {
        long physical = physical(address, 8, false);
        return physical >= 0 ? memory.readLong(physical) : gather(address, 8);
    }

    @Override
    public void writeByte(long address, int value) {
        long physical = physical(address, 1, true);
        if (physical >= 0) {
            memory.writeByte(physical, value);
        } else {
            scatter(address, 1, value);
        }
    }

    @Override
    public void writeShort(long address, int value) {
        long physical = physical(address, 2, true);
        if (physical >= 0) {
            memory.writeShort(physical, value);
        } else {
            scatter(address, 2, value);
        }
    }

    @Override
    public void writeInt(long address, int value) {
        long physical = physical(address, 4, true);
        if (physical >= 0) {
            memory.writeInt(physical, value);
        } else {
            scatter(address, 4, value);
        }
    }

    @Override
    public void writeLong(long address, long value) {
        long physical = physical(address, 8, true);
        if (physical >= 0) {
            memory.writeLong(physical, value);
        } else {
            scatter(address, 8, value);
        }
    }

    @Override
    public void read(long address, byte[] into, int at, int length) {
        if (!restricted) {
            memory.read(address, into, at, length);
            return;
        }
        for (int done = 0; done < length; ) {
            long from = address + done;
            int range = floor(from);
            int count = (int) run(range, from, length - done);
            if (allows(range, from, false)) {
                memory.read(ranges[range].translate(from), into, at + done, count);
            } else {
                Arrays.fill(into, at + done, at + done + count, (byte) 0);
            }
            done += count;
        }
    }

    @Override
    public void write(long address, byte[] from, int at, int length) {
        if (!restricted) {
            memory.write(address, from, at, length);
            return;
        }
        for (int done = 0; done < length; ) {
            long to = address + done;
            int range = floor(to);
            int count = (int) run(range, to, length - done);
            if (allows(range, to, true)) {
                memory.write(ranges[range].translate(to), from, at + done, count);
            }
            done += count;
        }
    }

    // Numbers that cross from one range to the next, or out of all, go byte by byte.

    private long gather(long address, int length) {
        byte[] bytes = new byte[length];
        read(address, bytes, 0, length);
        long value = 0;
        for (int i = 0; i < length; i++) {
            value |= (bytes[i] & 0xFFL) << 8 * i;
        }
        return value;
    }

    private void scatter(long address, int length, long value) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (value >>> 8 * i);
        }
        write(address, bytes, 0, length);
    }

    // Translation

    /// Where a number lies that is in one range, which is nearly all of them.
    private long physical(long address, int length, boolean write) {
        if (!restricted) {
            return address;
        }
        int at = floor(address);
        boolean inside =
                covers(at, address)
                        && ranges[at].end() - address >= length
                        && (ranges[at].writable || !write);
        return inside ? ranges[at].translate(address) : NOT_IN_ONE_RANGE;
    }

    /// The last range that starts at or below an address; -1 when there is none.
    private int floor(long address) {
        int found = Arrays.binarySearch(starts, address);
        return found >= 0 ? found : -found - 2;
    }

    private boolean covers(int at, long address) {
        return at >= 0 && address < ranges[at].end();
    }

    private boolean allows(int at, long address, boolean write) {
        boolean allowed = covers(at, address) && (ranges[at].writable || !write);
        if (!allowed) {
            faults++;
            lastFault = Optional.of(new Fault(address, write));
        }
        return allowed;
    }

    /// How many of `limit` bytes from an address on share its fate.
    ///
    /// @param at the range that [#floor] found for the address
    private long run(int at, long address, long limit) {
        if (!covers(at, address) && at + 1 >= ranges.length) {
            return limit;
        }
        long end = covers(at, address) ? ranges[at].end() : starts[at + 1];
        // From a negative address to a range above may be more than a long can say.
        long distance = end - address;
        return distance < 0 ? limit : Math.min(distance, limit);
    }
}
