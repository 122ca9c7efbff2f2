package nestbox.platform;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.platform.DmaDomain.Range;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/// Random ranges and accesses against a model that goes byte by byte, with all of memory compared.
class DmaDomainFuzzTest {
    private static final long SEED = 0xD3A_0001;
    private static final int ROUNDS = 60;
    private static final int ACCESSES = 150;
    private static final int SIZE = 1 << 20;
    private static final int MAX_LENGTH = 1 << 11;

    private final GuestMemory memory = new GuestMemory(SIZE);
    private final DmaDomain dma = new DmaDomain(memory);
    private final SplittableRandom random = new SplittableRandom(SEED);
    private final byte[] model = new byte[SIZE];
    private List<Range> ranges = List.of();

    @AfterEach
    void free() {
        memory.close();
    }

    @Test
    void onlyTheRangesAreReached() {
        System.out.println("seed " + SEED);
        random.nextBytes(model);
        Arrays.fill(model, 0xA0000, 0xC0000, (byte) 0);
        memory.write(0, model, 0, SIZE);
        byte[] now = new byte[SIZE];
        for (int round = 0; round < ROUNDS; round++) {
            ranges = randomRanges();
            dma.restrictTo(ranges);
            for (int i = 0; i < ACCESSES; i++) {
                access(randomAddress());
            }
            memory.read(0, now, 0, SIZE);
            assertThat(Arrays.mismatch(now, model)).as("round %d, %s", round, ranges).isEqualTo(-1);
        }
    }

    /// Next to each other or not, some of them where there is no memory, in any order.
    private List<Range> randomRanges() {
        List<Range> made = new ArrayList<>();
        long at = random.nextInt(3) == 0 ? 0 : random.nextLong() >>> 1 + random.nextInt(63);
        for (int count = random.nextInt(6); count > 0; count--) {
            long length = 1 + random.nextLong(1L << random.nextInt(18));
            long address =
                    random.nextInt(8) == 0
                            ? random.nextLong() >>> 1 + random.nextInt(63)
                            : random.nextLong(SIZE + 0x100);
            if (length < Long.MAX_VALUE - Math.max(at, address)) {
                made.add(random.nextInt(made.size() + 1), range(at, address, length));
                at += length + (random.nextBoolean() ? 0 : random.nextInt(0x3000));
            }
            if (at < 0) {
                break;
            }
        }
        return made;
    }

    private Range range(long deviceAddress, long address, long length) {
        return new Range(deviceAddress, address, length, random.nextInt(4) != 0);
    }

    private long randomAddress() {
        if (ranges.isEmpty() || random.nextInt(10) == 0) {
            return random.nextLong() >> random.nextInt(64);
        }
        Range range = ranges.get(random.nextInt(ranges.size()));
        return switch (random.nextInt(3)) {
            case 0 -> range.deviceAddress() + random.nextInt(32) - 16;
            case 1 -> range.deviceAddress() + range.length() + random.nextInt(32) - 16;
            default -> range.deviceAddress() + random.nextLong(range.length());
        };
    }

    private void access(long address) {
        boolean write = random.nextBoolean();
        int width = 1 << random.nextInt(4);
        int length = random.nextBoolean() ? random.nextInt(64) : random.nextInt(MAX_LENGTH);
        switch (random.nextInt(3)) {
            case 0 -> question(address, length, write);
            case 1 -> bulk(address, length, write);
            default -> {
                if (isPartlyRam(address, width, write)) {
                    bulk(address, width, write); // of such a number, memory drops all
                } else {
                    number(address, width, write);
                }
            }
        }
    }

    private void question(long address, int length, boolean write) {
        long faults = dma.faults();
        boolean allowed = isAllowed(address, length, write);
        boolean backed = true;
        for (int i = 0; i < length; i++) {
            backed &= !isAllowed(address + i, 1, write) || ram(address + i, write) >= 0;
        }
        assertThat(dma.reaches(address, length, write)).isEqualTo(allowed && backed);
        if (allowed || backed) {
            assertThat(dma.faults() - faults).isEqualTo(allowed ? 0 : 1);
        }
    }

    private void bulk(long address, int length, boolean write) {
        long faults = dma.faults();
        byte[] bytes = new byte[length + 2];
        random.nextBytes(bytes);
        if (write) {
            dma.write(address, bytes, 1, length);
            modelWrite(address, bytes, 1, length);
        } else {
            byte[] expected = bytes.clone();
            modelRead(address, expected, 1, length);
            dma.read(address, bytes, 1, length);
            assertThat(bytes).isEqualTo(expected);
        }
        assertThat(dma.faults() == faults).isEqualTo(isAllowed(address, length, write));
    }

    private void number(long address, int width, boolean write) {
        long faults = dma.faults();
        ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        if (write) {
            long value = random.nextLong();
            modelWrite(address, bytes.putLong(value).array(), 0, width);
            switch (width) {
                case 1 -> dma.writeByte(address, (int) value);
                case 2 -> dma.writeShort(address, (int) value);
                case 4 -> dma.writeInt(address, (int) value);
                default -> dma.writeLong(address, value);
            }
        } else {
            modelRead(address, bytes.array(), 0, width);
            long actual =
                    switch (width) {
                        case 1 -> dma.readByte(address);
                        case 2 -> dma.readShort(address);
                        case 4 -> dma.readInt(address) & 0xFFFF_FFFFL;
                        default -> dma.readLong(address);
                    };
            assertThat(actual).isEqualTo(bytes.getLong());
        }
        assertThat(dma.faults() == faults).isEqualTo(isAllowed(address, width, write));
    }

    // The model

    private void modelRead(long address, byte[] into, int at, int length) {
        for (int i = 0; i < length; i++) {
            int ram = ram(address + i, false);
            into[at + i] = ram < 0 ? 0 : model[ram];
        }
    }

    private void modelWrite(long address, byte[] from, int at, int length) {
        for (int i = 0; i < length; i++) {
            int ram = ram(address + i, true);
            if (ram >= 0) {
                model[ram] = from[at + i];
            }
        }
    }

    /// The range that allows an access to a byte.
    private Optional<Range> range(long address, boolean write) {
        for (Range range : ranges) {
            if (address >= range.deviceAddress()
                    && address < range.deviceAddress() + range.length()) {
                return range.writable() || !write ? Optional.of(range) : Optional.empty();
            }
        }
        return Optional.empty();
    }

    private boolean isAllowed(long address, int length, boolean write) {
        for (int i = 0; i < length; i++) {
            if (range(address + i, write).isEmpty()) {
                return false;
            }
        }
        return true;
    }

    /// Where a byte that may be accessed is in RAM; -1 where it may not or is not.
    private int ram(long address, boolean write) {
        Optional<Range> range = range(address, write);
        if (range.isEmpty()) {
            return -1;
        }
        long to = range.get().address() + (address - range.get().deviceAddress());
        return to < SIZE && (to < 0xA0000 || to >= 0xC0000) ? (int) to : -1;
    }

    private boolean isPartlyRam(long address, int length, boolean write) {
        int allowed = 0;
        int ram = 0;
        for (int i = 0; i < length; i++) {
            allowed += isAllowed(address + i, 1, write) ? 1 : 0;
            ram += ram(address + i, write) >= 0 ? 1 : 0;
        }
        return ram > 0 && ram < allowed;
    }
}
