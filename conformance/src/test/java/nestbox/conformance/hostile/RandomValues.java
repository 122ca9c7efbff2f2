package nestbox.conformance.hostile;

import nestbox.devices.BoardMap;
import nestbox.platform.GuestMemory;

import java.util.SplittableRandom;

/// Numbers that a guest would choose to do harm: addresses of devices and tables, ends of pages and
/// of address spaces, largest and smallest values.
final class RandomValues {
    private static final long[] DEVICES = {
        BoardMap.LOCAL_APIC,
        BoardMap.LOCAL_APIC + 0x300,
        BoardMap.IOAPIC,
        BoardMap.HPET,
        BoardMap.ECAM,
        BoardMap.ECAM + 0x1_8000,
        BoardMap.MMIO32,
        BoardMap.MMIO32 + 0x4000,
        BoardMap.MMIO64,
        BoardMap.FIRMWARE,
        0xA_0000,
        0xFFFF_0000L
    };

    /// Where RAM begins or ends.
    private static final long[] RAM_ENDS = {
        0xA_0000,
        0xC_0000,
        GuestMemory.PCI_HOLE,
        GuestMemory.FOUR_GIB,
        GuestMemory.FOUR_GIB + Victim.RAM - GuestMemory.PCI_HOLE
    };

    /// How much of others' memory a guest aims at, from its start.
    static final long STRANGERS_SIZE = 16 << 20;

    private final SplittableRandom random;
    private final long[] strangers;

    /// @param strangers where memory starts that isn't the guest's
    RandomValues(SplittableRandom random, long... strangers) {
        this.random = random;
        this.strangers = strangers.clone();
    }

    /// An address of memory that isn't the guest's.
    long stranger() {
        return strangers[random.nextInt(strangers.length)] + random.nextLong(STRANGERS_SIZE);
    }

    long any() {
        return switch (random.nextInt(8)) {
            case 0 -> random.nextLong();
            case 1 -> random.nextInt();
            case 2 -> random.nextLong() >> random.nextInt(64);
            case 3 -> random.nextInt(256);
            case 4 -> (1L << random.nextInt(64)) - random.nextInt(3);
            case 5 -> random.nextInt(-20, 20);
            case 6 -> selector();
            default -> address();
        };
    }

    /// A linear or physical address, or an offset.
    long address() {
        if (strangers.length > 0 && random.nextInt(4) == 0) {
            return stranger();
        }
        return switch (random.nextInt(16)) {
            case 0 -> DEVICES[random.nextInt(DEVICES.length)] + random.nextInt(64);
            case 1 -> random.nextInt(Memory.CODE);
            case 2 -> Memory.CODE + random.nextInt(Memory.CODE_SIZE);
            case 3 -> random.nextLong();
            case 4 -> random.nextInt();
            case 5 -> (1L << 47) - random.nextInt(32);
            case 6 -> RAM_ENDS[random.nextInt(RAM_ENDS.length)] - random.nextInt(32);
            case 7 -> ((long) random.nextInt(512) << 12) - random.nextInt(16);
            case 8 -> -random.nextLong(1 << 20);
            case 9 -> Memory.CODE + Memory.CODE_SIZE - random.nextInt(32);
            default -> Memory.DATA + random.nextInt(Memory.DATA_SIZE);
        };
    }

    /// Mostly one that names a descriptor.
    int selector() {
        return switch (random.nextInt(6)) {
            case 0 -> random.nextInt(0x10000);
            case 1 -> 0;
            default -> random.nextInt(Memory.DESCRIPTORS) << 3 | random.nextInt(8);
        };
    }
}
