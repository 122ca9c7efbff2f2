package nestbox.conformance.hostile;

import nestbox.devices.BoardMap;
import nestbox.platform.GuestMemory;

import java.util.SplittableRandom;

/// Descriptor tables, task states and page tables that work for the most part, so that hostile
/// code gets somewhere, and here and there point at nothing, at themselves or at devices.
final class Tables {
    // Selectors of descriptors that every case has.
    static final int CODE_32 = 0x08;
    static final int DATA = 0x10;
    static final int CODE_64 = 0x18;
    static final int CODE_16 = 0x20;
    static final int DATA_16 = 0x28;
    static final int USER_CODE_32 = 0x33;
    static final int USER_DATA = 0x3B;
    static final int USER_CODE_64 = 0x43;
    static final int CONFORMING_32 = 0x48;
    static final int CONFORMING_64 = 0x50;
    static final int USER_CODE_16 = 0x5B;
    static final int TASK = 0x60;
    static final int LOCAL_TABLE = 0x70;
    private static final int FIRST_RANDOM = 0x80;

    private static final int[] CODES = {CODE_32, CODE_16, USER_CODE_32, CONFORMING_32};
    private static final int[] CODES_64 = {CODE_64, CODE_64, USER_CODE_64, CONFORMING_64};

    // Types of gates
    private static final int TASK_GATE = 0x5;
    private static final int GATE_16 = 0x6;
    private static final int GATE_32 = 0xE;

    private static final long PRESENT = 1;
    private static final long LARGE = 0x80;
    private static final long ADDRESS = 0xF_FFFF_F000L;

    private final SplittableRandom random;
    private final RandomValues values;
    private final GuestMemory memory;
    private final boolean isLong;

    Tables(SplittableRandom random, RandomValues values, GuestMemory memory, boolean isLong) {
        this.random = random;
        this.values = values;
        this.memory = memory;
        this.isLong = isLong;
    }

    void write() {
        descriptors();
        interrupts();
        tasks();
        longPages();
        legacyPages();
    }

    private boolean chance(int oneIn) {
        return random.nextInt(oneIn) == 0;
    }

    // Descriptors

    private void descriptors() {
        memory.writeLong(Memory.GDT, 0);
        descriptor(CODE_32, 0, 0xFFFFF, 0xC09B);
        descriptor(DATA, 0, 0xFFFFF, 0xC093);
        descriptor(CODE_64, 0, 0xFFFFF, 0xA09B);
        descriptor(CODE_16, Memory.CODE, 0xFFFF, 0x009B);
        descriptor(DATA_16, Memory.DATA, 0xFFFF, 0x0093);
        descriptor(USER_CODE_32, 0, 0xFFFFF, 0xC0FB);
        descriptor(USER_DATA, 0, 0xFFFFF, 0xC0F3);
        descriptor(USER_CODE_64, 0, 0xFFFFF, 0xA0FB);
        descriptor(CONFORMING_32, 0, 0xFFFFF, 0xC09F);
        descriptor(CONFORMING_64, 0, 0xFFFFF, 0xA09F);
        descriptor(USER_CODE_16, Memory.CODE, 0xFFFF, 0x00FB);
        descriptor(TASK, Memory.TSS, 0x2FFF, 0x0089);
        memory.writeLong(Memory.GDT + TASK + 8, 0);
        descriptor(LOCAL_TABLE, Memory.LDT, 0x1FF, 0x0082);
        memory.writeLong(Memory.GDT + LOCAL_TABLE + 8, 0);
        for (int at = FIRST_RANDOM; at < Memory.DESCRIPTORS * 8; at += 8) {
            memory.writeLong(Memory.GDT + at, randomDescriptor());
        }
        for (int i = 0; i < Memory.DESCRIPTORS; i++) {
            memory.writeLong(Memory.LDT + 8 * i, randomDescriptor());
        }
    }

    private void descriptor(int selector, long base, long limit, int rights) {
        memory.writeLong(Memory.GDT + (selector & ~7), descriptor(base, limit, rights));
    }

    private static long descriptor(long base, long limit, long rights) {
        return limit & 0xFFFF
                | (base & 0xFF_FFFF) << 16
                | (rights & 0xF0FF) << 40
                | (limit & 0xF_0000) << 32
                | (base & 0xFF00_0000L) << 32;
    }

    private long randomDescriptor() {
        return switch (random.nextInt(8)) {
            case 0 -> random.nextLong();
            case 1 -> gate(0xC + (chance(3) ? -8 : 0), random.nextInt(4), random.nextInt(20));
            case 2 -> {
                int other = random.nextInt(16) * Memory.OTHER_TSS_SIZE;
                int type = chance(2) ? 0x9 : 0x1;
                int dpl = random.nextInt(4) << 5;
                long limit = chance(6) ? random.nextInt(0x80) : 0x67;
                yield descriptor(Memory.OTHER_TSS + other, limit, 0x80 | dpl | type);
            }
            case 3 -> descriptor(values.address(), random.nextInt(0x10_0000), randomRights());
            default -> {
                long base = chance(2) ? 0 : Memory.DATA;
                yield descriptor(
                        base, chance(3) ? random.nextInt(0x10000) : 0xFFFFF, randomRights());
            }
        };
    }

    private int randomRights() {
        int present = chance(12) ? 0 : 0x80;
        return random.nextInt(16) << 12 | present | random.nextInt(0x80);
    }

    private long gate(int type, int dpl, int extra) {
        int[] codes = isLong ? CODES_64 : CODES;
        int selector = chance(20) ? values.selector() : codes[random.nextInt(codes.length)] & ~3;
        boolean based = selector == CODE_16;
        long offset = (based ? 0 : Memory.CODE) + random.nextInt(Memory.CODE_SIZE);
        if (chance(40)) {
            offset = values.address();
        }
        int present = chance(40) ? 0 : 0x80;
        return offset & 0xFFFF
                | (long) selector << 16
                | (extra & 0xFFL) << 32
                | (long) (present | dpl << 5 | type) << 40
                | (offset & 0xFFFF_0000L) << 32;
    }

    // Interrupts

    /// In half the cases, exceptions in 64-bit mode have good gates and stacks of their own.
    private void interrupts() {
        boolean robust = chance(2);
        for (int vector = 0; vector < 256; vector++) {
            int stack = chance(8) ? random.nextInt(8) : 0;
            if (isLong && robust && vector < 32) {
                memory.writeLong(Memory.IDT + 16L * vector, goodGate());
                memory.writeLong(Memory.IDT + 16L * vector + 8, 0);
            } else if (isLong) {
                memory.writeLong(Memory.IDT + 16L * vector, gate(gateType(GATE_32), dpl(), stack));
                memory.writeLong(Memory.IDT + 16L * vector + 8, chance(60) ? values.any() : 0);
            } else {
                memory.writeLong(Memory.IDT + 8L * vector, legacyGate());
            }
        }
        for (int vector = 0; vector < 256; vector++) {
            int offset = random.nextInt(Memory.CODE_SIZE);
            int segment = chance(40) ? random.nextInt(0x10000) : Memory.CODE >> 4;
            memory.writeInt(4L * vector, segment << 16 | offset);
        }
    }

    private long goodGate() {
        long offset = Memory.CODE + random.nextInt(Memory.CODE_SIZE);
        return offset & 0xFFFF
                | (long) CODE_64 << 16
                | (long) (1 + random.nextInt(7)) << 32
                | (0x80L | dpl() << 5 | GATE_32) << 40
                | (offset & 0xFFFF_0000L) << 32;
    }

    private int dpl() {
        return chance(2) ? 3 : random.nextInt(4);
    }

    /// An interrupt gate, or the trap gate of the same size.
    private int gateType(int interrupt) {
        return chance(60) ? random.nextInt(16) : interrupt + random.nextInt(2);
    }

    private long legacyGate() {
        if (chance(24)) {
            int selector = chance(4) ? TASK : FIRST_RANDOM + 8 * random.nextInt(40);
            return (long) selector << 16 | (long) (0x80 | dpl() << 5 | TASK_GATE) << 40;
        }
        return gate(gateType(chance(8) ? GATE_16 : GATE_32), dpl(), 0);
    }

    // Tasks

    private void tasks() {
        fill(Memory.TSS, 0x3000, chance(2) ? 0 : -1);
        taskState(Memory.TSS);
        memory.writeShort(Memory.TSS + 0x66, chance(8) ? random.nextInt(0x10000) : 0x68);
        for (int i = 0; i < 16; i++) {
            taskState(Memory.OTHER_TSS + i * Memory.OTHER_TSS_SIZE);
        }
    }

    private void fill(long address, int length, int value) {
        for (int i = 0; i < length; i += 4) {
            memory.writeInt(address + i, value);
        }
    }

    private void taskState(long at) {
        for (int i = 0; i < 0x68; i += 4) {
            memory.writeInt(at + i, chance(6) ? (int) values.any() : stackTop());
        }
        if (isLong) {
            for (int i = 4; i < 0x64; i += 8) {
                memory.writeLong(at + i, chance(12) ? values.any() : stackTop());
            }
            return;
        }
        for (int i = 0; i < 3; i++) {
            memory.writeInt(at + 8 + 8 * i, DATA | (chance(8) ? random.nextInt(4) : i));
        }
        int[] selectors = {DATA, CODE_32, DATA, DATA, DATA, DATA, 0};
        for (int i = 0; i < selectors.length; i++) {
            memory.writeInt(at + 0x48 + 4 * i, chance(10) ? values.selector() : selectors[i]);
        }
        memory.writeInt(at + 0x1C, pageRoot());
        memory.writeInt(at + 0x20, Memory.CODE + random.nextInt(Memory.CODE_SIZE));
        memory.writeInt(at + 0x24, chance(4) ? random.nextInt() : 2);
    }

    private int stackTop() {
        return Memory.DATA + random.nextInt(0x1000, Memory.DATA_SIZE) & -8;
    }

    private int pageRoot() {
        return chance(2) ? Memory.LEGACY_DIRECTORY : Memory.PAE_PDPT;
    }

    // Pages

    private void longPages() {
        entry(Memory.PML4, Memory.PDPT);
        for (int i = 1; i < 512; i++) {
            memory.writeLong(Memory.PML4 + 8L * i, chance(4) ? oddEntry(Memory.PML4) : 0);
        }
        entry(Memory.PDPT, Memory.PAGE_DIRECTORY);
        for (int i = 1; i < 512; i++) {
            long plain = i < 6 ? (long) i << 30 | LARGE | flags() : 0;
            memory.writeLong(Memory.PDPT + 8L * i, chance(8) ? oddEntry(Memory.PDPT) : plain);
        }
        entry(Memory.PAGE_DIRECTORY, Memory.PAGE_TABLE);
        for (int i = 1; i < 512; i++) {
            long plain = (long) i << 21 | LARGE | flags();
            memory.writeLong(
                    Memory.PAGE_DIRECTORY + 8L * i,
                    chance(8) ? oddEntry(Memory.PAGE_DIRECTORY) : plain);
        }
        for (int i = 0; i < 512; i++) {
            boolean vital = i < 0x20 || chance(20) || i >= Memory.CODE >> 12 && i < 0x30;
            long plain = (long) i << 12 | flags();
            memory.writeLong(
                    Memory.PAGE_TABLE + 8L * i,
                    !vital && chance(12) ? oddEntry(Memory.PAGE_TABLE) : plain);
        }
        for (int i = 0; i < 4; i++) {
            long plain = i == 0 ? Memory.PAGE_DIRECTORY | PRESENT : PRESENT | Memory.PAGE_DIRECTORY;
            memory.writeLong(
                    Memory.PAE_PDPT + 8L * i,
                    i > 0 && chance(3) ? oddEntry(Memory.PAE_PDPT) : plain);
        }
    }

    private void entry(long at, long target) {
        memory.writeLong(at, target | 7);
    }

    /// Mostly present, writable, for users.
    private long flags() {
        return chance(10) ? random.nextInt(0x200) & ~LARGE | PRESENT : 7;
    }

    /// An entry that points at its own table, at a device, at no RAM, or has reserved bits set.
    private long oddEntry(long table) {
        long flags = random.nextInt(0x1000) | (chance(8) ? 0 : PRESENT);
        return switch (random.nextInt(6)) {
            case 0 -> table | flags;
            case 1 -> BoardMap.LOCAL_APIC | flags;
            case 2 -> BoardMap.HPET | flags;
            case 3 -> values.address() & ADDRESS | flags;
            case 4 -> Memory.PML4 + (random.nextInt(7) << 12) | flags;
            default -> random.nextLong() | PRESENT;
        };
    }

    private void legacyPages() {
        for (int i = 0; i < 1024; i++) {
            int plain = i == 0 ? Memory.LEGACY_TABLE | 7 : i << 22 | (int) (LARGE | flags());
            int odd = (int) oddEntry(Memory.LEGACY_DIRECTORY);
            memory.writeInt(Memory.LEGACY_DIRECTORY + 4L * i, i > 0 && chance(8) ? odd : plain);
        }
        for (int i = 0; i < 1024; i++) {
            boolean vital = i < 0x30;
            int odd = (int) oddEntry(Memory.LEGACY_TABLE);
            memory.writeInt(
                    Memory.LEGACY_TABLE + 4L * i,
                    !vital && chance(12) ? odd : i << 12 | (int) flags());
        }
    }
}
