package nestbox.conformance.hostile;

import static nestbox.devices.virtio.VirtioRegisters.*;

import nestbox.cpu.StartState;
import nestbox.devices.BoardMap;
import nestbox.platform.GuestMemory;

import java.util.SplittableRandom;

/// A guest that sets up the queues of a virtio device nearly as it should, and then offers it
/// descriptors that lie.
final class BrokenRings {
    /// PCI devices 3 to 6 are virtio's: random numbers, disk, network, console.
    private static final int FIRST_DEVICE = 3;

    private static final int DEVICES = 4;

    /// Where BARs are put for the case, 64 KiB for each device.
    private static final long REGISTERS = BoardMap.MMIO32 + 0x10_0000;

    private static final int MSIX_BAR = 0x14;
    private static final int REGISTER_BAR = 0x20;
    private static final int NOTIFY = 0x3000;
    private static final int QUEUES = 3;

    /// In RAM, for each queue: descriptors, available ring, used ring.
    private static final int RINGS = 0x10_0000;

    private static final int RINGS_SIZE = 0x1_0000;
    private static final int AVAILABLE = 0x8000;
    private static final int USED = 0xC000;
    private static final int QUEUE_ENTRIES = 256;

    /// Most indexes are smaller than the smallest queue is at first.
    private static final int USUAL_ENTRIES = 64;
    private static final int REQUESTS = 0x18_0000;
    private static final int REQUESTS_SIZE = 0x4000;
    private static final int ROUNDS = 6;

    /// All that its devices need; the processor writes little else.
    static final long OWN = RINGS;

    static final long OWN_END = REQUESTS + REQUESTS_SIZE + 0x2000;

    private final SplittableRandom random;
    private final RandomValues values;
    private final GuestMemory memory;
    private final CodeBuffer code = new CodeBuffer();
    private final int buffersPerLie;
    private final int device;
    private final long registers;
    private int available;

    /// @param buffersPerLie how rare a buffer is that lies anywhere
    /// @param strangers where memory starts that isn't the guest's
    BrokenRings(SplittableRandom random, GuestMemory memory, int buffersPerLie, long... strangers) {
        this.random = random;
        this.buffersPerLie = buffersPerLie;
        this.memory = memory;
        values = new RandomValues(random, strangers);
        device = FIRST_DEVICE + random.nextInt(DEVICES);
        registers = REGISTERS + device * 0x1_0000L;
    }

    StartState prepare() {
        // Interrupts in between; what the device sends meets handlers.
        StartState start = DevicePokes.withHandlers(memory, program());
        for (int queue = 0; queue < QUEUES; queue++) {
            rings(queue);
        }
        requests();
        return start;
    }

    private boolean chance(int oneIn) {
        return random.nextInt(oneIn) == 0;
    }

    // What the guest's code does

    private CodeBuffer program() {
        long config = BoardMap.ECAM + (long) device * 0x8000;
        code.store(config + REGISTER_BAR, 4, registers);
        code.store(config + REGISTER_BAR + 4, 4, 0);
        code.store(config + MSIX_BAR, 4, registers + 0x8000);
        code.store(config + 4, 2, chance(16) ? random.nextInt(8) : 6);
        common(DEVICE_STATUS, 1, 0);
        common(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER);
        features();
        common(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK);
        vectors();
        for (int queue = 0; queue < QUEUES; queue++) {
            common(QUEUE_SELECT, 2, chance(20) ? random.nextInt(0x10000) : queue);
            if (chance(6)) {
                common(QUEUE_SIZE, 2, chance(4) ? random.nextInt(0x10000) : 1 << random.nextInt(9));
            }
            common(QUEUE_MSIX_VECTOR, 2, random.nextInt(4));
            place(QUEUE_DESC, ring(queue));
            place(QUEUE_DRIVER, ring(queue) + AVAILABLE);
            place(QUEUE_DEVICE, ring(queue) + USED);
            common(QUEUE_ENABLE, 2, 1);
        }
        code.hex("FB");
        common(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
        for (int round = 0; round < ROUNDS; round++) {
            round();
        }
        return code.hex("EBFE");
    }

    private void common(int offset, int width, long value) {
        code.store(registers + offset, width, value);
    }

    private void features() {
        for (int half = 0; half < 2; half++) {
            common(DEVICE_FEATURE_SELECT, 4, half);
            common(DRIVER_FEATURE_SELECT, 4, half);
            // The device's own offer, or most of it.
            code.load(registers + DEVICE_FEATURE, 4);
            if (half == 0 && chance(2)) {
                code.hex("25").doubleWord(random.nextInt() | random.nextInt());
            }
            code.move64(3, registers + DRIVER_FEATURE).hex("8903");
        }
    }

    private void vectors() {
        if (chance(2)) {
            return;
        }
        long config = BoardMap.ECAM + (long) device * 0x8000;
        // Wherever the capability is: an enable bit too much does no harm.
        for (int at = 0x40; at < 0x100; at += 4) {
            if (chance(4)) {
                code.store(config + at + 2, 2, 0x8000);
            }
        }
        for (int vector = 0; vector < 4; vector++) {
            long entry = registers + 0x8000 + 16L * vector;
            code.store(entry, 4, chance(4) ? values.address() : BoardMap.LOCAL_APIC);
            code.store(entry + 4, 4, chance(8) ? values.any() : 0);
            code.store(entry + 8, 4, chance(4) ? values.any() : 0x40 + vector);
            code.store(entry + 12, 4, 0);
        }
    }

    private void place(int register, long address) {
        long target = chance(60) ? values.address() : address;
        common(register, 4, target);
        common(register + 4, 4, target >>> 32);
    }

    private static long ring(int queue) {
        return RINGS + (long) queue * RINGS_SIZE;
    }

    private void round() {
        int queue = random.nextInt(QUEUES);
        available += chance(40) ? random.nextInt(0x10000) : 1 + random.nextInt(8);
        code.store(ring(queue) + AVAILABLE + 2, 2, available);
        code.store(registers + NOTIFY + 4L * queue, 2, queue);
        switch (random.nextInt(12)) {
            case 0 -> code.store(REQUESTS + random.nextInt(0x1000), 8, values.any());
            case 1 -> code.store(ring(queue) + random.nextInt(0x1000), 8, values.any());
            case 2 -> common(random.nextInt(COMMON_SIZE), 1 << random.nextInt(4), values.any());
            case 3 -> code.store(registers + 0x2000 + random.nextInt(64), 4, values.any());
            case 4 -> code.load(registers + 0x1000, 1);
            case 5 -> code.hex("FA");
            default -> {}
        }
    }

    // What lies in memory

    private void rings(int queue) {
        long ring = ring(queue);
        for (int i = 0; i < QUEUE_ENTRIES; i++) {
            descriptor(ring + (long) i * DESC_BYTES, i);
            memory.writeShort(ring + AVAILABLE + 4 + 2L * i, index(80));
        }
        memory.writeShort(ring + AVAILABLE, random.nextInt(2));
        memory.writeShort(ring + AVAILABLE + 2, 0);
    }

    private void descriptor(long at, int number) {
        int flags = chance(60) ? random.nextInt(0x10000) : randomFlags(number);
        boolean indirect = chance(12);
        long address = REQUESTS + (random.nextInt(REQUESTS_SIZE) & -16);
        long length = chance(3) ? 1 + random.nextInt(20) : random.nextInt(0x2000);
        if (indirect) {
            flags = DESC_INDIRECT | (chance(8) ? DESC_NEXT : 0);
            address = ring(random.nextInt(QUEUES)) + 16L * random.nextInt(QUEUE_ENTRIES);
            length = chance(6) ? random.nextInt(0x1000) : 16L * random.nextInt(64);
        }
        if (chance(buffersPerLie)) {
            address = values.address();
        }
        if (chance(60)) {
            length = values.any();
        }
        memory.writeLong(at, address);
        memory.writeInt(at + 8, (int) length);
        memory.writeShort(at + 12, flags);
        memory.writeShort(at + 14, chance(3) ? index(20) : number + 1 & USUAL_ENTRIES - 1);
    }

    /// Chains of up to four, readable descriptors first.
    private int randomFlags(int number) {
        if (chance(8)) {
            return random.nextInt(4);
        }
        return (number % 4 < 3 ? DESC_NEXT : 0) | (number % 4 > 1 ? DESC_WRITE : 0);
    }

    private int index(int oneInIsFar) {
        return random.nextInt(chance(oneInIsFar) ? 0x10000 : USUAL_ENTRIES);
    }

    /// Headers of disk requests, at every place where a descriptor may start: type and sector.
    private void requests() {
        for (int at = 0; at < REQUESTS_SIZE; at += 16) {
            int type = chance(8) ? random.nextInt(20) : random.nextInt(5);
            memory.writeInt(REQUESTS + at, type);
            memory.writeInt(REQUESTS + at + 4, 0);
            memory.writeLong(REQUESTS + at + 8, chance(8) ? values.any() : random.nextInt(128));
        }
    }
}
