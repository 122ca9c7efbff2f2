package nestbox.conformance.hostile;

import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;

import java.util.SplittableRandom;

/// A Service VM whose device model calls L0 at random: mostly calls that make sense one by one,
/// with structures of which some make sense, in an order that need not.
final class DeviceModelCalls {
    private static final int CALLS = 150;
    private static final int STRUCTURES = Memory.DATA + 0x1_0000;
    private static final int STRUCTURE_BYTES = 512;
    private static final int EACH = 16;

    /// What a post-launched VM executes, and its request buffer.
    private static final int GIVEN = Memory.DATA + 0x4_0000;

    private static final int GIVEN_PAGES = 8;
    private static final int BUFFER = Memory.DATA + 0x5_0000;

    /// More than a processor's turn.
    private static final int LONGEST_SPIN = 60_000;

    private static final int STATE = 136;
    private static final int SLOT = 256;
    private static final int R8 = 8;
    private static final int RDI = 7;
    private static final int RSI = 6;
    private static final long CALL = 0x8000_0000L;

    private static final long[] FIRST_UUID = {0xE811_D625_3854_79D2L, 0x4346_B318_7ACB_4E86L};
    private static final long[] SECOND_UUID = {0x4F4B_89E1_2AB8_5D61L, 0xB34A_3E34_21D3_BB8DL};

    private static final int[] NUMBERS = {
        0x00, 0x01, 0x02, 0x03, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x23, 0x24, 0x25, 0x30,
        0x31, 0x32, 0x40, 0x41, 0x42, 0x43, 0x50, 0x53, 0x55, 0x57, 0x59, 0x60, 0x63, 0x70, 0x80
    };

    /// The kinds of structures, of each of which there are several.
    private enum Structure {
        CREATION,
        REGISTERS,
        REGIONS,
        BUFFER,
        MESSAGE,
        PAGE,
        NONSENSE
    }

    private final SplittableRandom random;
    private final RandomValues values;
    private final GuestMemory memory;
    private final CodeBuffer code = new CodeBuffer();

    DeviceModelCalls(SplittableRandom random, GuestMemory memory) {
        this.random = random;
        this.memory = memory;
        values = new RandomValues(random);
    }

    StartState prepare() {
        FlatGuest guest = new FlatGuest(memory, true);
        for (Structure kind : Structure.values()) {
            for (int i = 0; i < EACH; i++) {
                fill(kind, address(kind, i));
            }
        }
        for (int at = 0; at < GIVEN_PAGES << 12; at += 8) {
            memory.writeLong(GIVEN + at, someCode());
        }
        if (random.nextInt(8) != 0) {
            begin(random.nextInt(2));
        }
        for (int i = 0; i < CALLS; i++) {
            step();
        }
        code.hex("EBFE");
        return guest.put(Memory.CODE, code).start();
    }

    /// Port and memory accesses, and anything.
    private long someCode() {
        return switch (random.nextInt(4)) {
            case 0 -> 0xEDEC_EFEE_EDEC_EFEEL;
            case 1 -> 0x9090_D000_0000_A190L | (long) random.nextInt(256) << 16;
            case 2 -> 0x9090_9090_F490_FB90L;
            default -> random.nextLong();
        };
    }

    private static int address(Structure kind, int number) {
        return STRUCTURES + (kind.ordinal() * EACH + number) * STRUCTURE_BYTES;
    }

    private long some(Structure kind) {
        return address(kind, random.nextInt(EACH));
    }

    /// @return the value that makes sense, more often than not
    private long mostly(long value) {
        return random.nextInt(10) == 0 ? values.any() : value;
    }

    private void fill(Structure kind, int at) {
        for (int i = 0; i < STRUCTURE_BYTES; i += 8) {
            memory.writeLong(at + i, kind == Structure.NONSENSE ? values.any() : 0);
        }
        switch (kind) {
            case CREATION -> {
                long[] uuid = random.nextInt(3) == 0 ? SECOND_UUID : FIRST_UUID;
                memory.writeLong(at + 8, mostly(uuid[0]));
                memory.writeLong(at + 16, uuid[1]);
                memory.writeLong(at + 24, random.nextInt(3) == 0 ? random.nextInt(64) : 0);
                memory.writeLong(at + 40, random.nextInt(4) == 0 ? values.any() : 0);
            }
            case REGISTERS -> registers(at);
            case REGIONS -> regions(at);
            case BUFFER -> memory.writeLong(at, mostly(BUFFER));
            case MESSAGE -> {
                memory.writeLong(at, mostly(0xFEE0_0000L));
                memory.writeLong(at + 8, mostly(random.nextInt(0x800)));
            }
            case PAGE -> {
                memory.writeLong(at, random.nextInt(2));
                memory.writeLong(at + 8, mostly(random.nextInt(GIVEN_PAGES) << 12));
            }
            case NONSENSE -> {}
        }
    }

    private void registers(int at) {
        boolean flat = random.nextBoolean();
        for (int i = 0; i < 16; i++) {
            memory.writeLong(at + 8 + 8 * i, values.any());
        }
        memory.writeLong(at + 168, random.nextInt(GIVEN_PAGES << 12) & ~7);
        memory.writeLong(at + 184, mostly(flat ? 1 : 0));
        memory.writeLong(at + 192, mostly(0));
        memory.writeLong(at + 208, mostly(0));
        memory.writeInt(at + 256, (int) mostly(flat ? 0xC09B : 0x9B));
        memory.writeInt(at + 260, flat ? -1 : 0xFFFF);
        for (int i = 0; i < 8; i++) {
            memory.writeShort(at + 276 + 2 * i, flat ? i == 0 ? 8 : 16 : 0);
        }
    }

    private void regions(int at) {
        int count = 1 + random.nextInt(4);
        memory.writeShort(at, (int) vm());
        memory.writeInt(at + 8, (int) mostly(count));
        memory.writeLong(at + 16, at + 32);
        for (int i = 0; i < count; i++) {
            int region = at + 32 + 32 * i;
            int page = random.nextInt(GIVEN_PAGES);
            memory.writeInt(region, (int) mostly(random.nextInt(5) == 0 ? 2 : 0));
            memory.writeInt(region + 4, (int) mostly(0x47));
            memory.writeLong(region + 8, mostly(random.nextInt(4) << 12));
            memory.writeLong(region + 16, mostly(GIVEN + (page << 12)));
            memory.writeLong(region + 24, mostly(random.nextInt(1, 1 + GIVEN_PAGES - page) << 12));
        }
    }

    /// As the Service VM counts.
    private long vm() {
        return random.nextInt(8) == 0 ? values.any() : 1 + random.nextInt(2);
    }

    private void call(int number, long first, long second) {
        code.move64(R8, mostlyExactly(CALL | number)).move64(RDI, first).move64(RSI, second);
        code.hex("0F01C1");
    }

    private long mostlyExactly(long id) {
        return random.nextInt(40) == 0 ? values.any() : id;
    }

    /// What a device model does first.
    private void begin(int number) {
        int vm = number + 1;
        if (number == 1) {
            call(0x01, 1, 0);
        }
        int creation = address(Structure.CREATION, number);
        long[] uuid = number == 0 ? FIRST_UUID : SECOND_UUID;
        memory.writeLong(creation + 8, uuid[0]);
        memory.writeLong(creation + 16, uuid[1]);
        memory.writeLong(creation + 24, 0);
        memory.writeLong(creation + 40, 0);
        memory.writeLong(address(Structure.BUFFER, 0), BUFFER);
        memory.writeShort(address(Structure.REGIONS, 0), vm);
        call(0x10, creation, 0);
        call(0x42, address(Structure.REGIONS, 0), 0);
        call(0x30, vm, address(Structure.BUFFER, 0));
        call(0x16, vm, some(Structure.REGISTERS));
        call(0x12, vm, 0);
        spin(LONGEST_SPIN);
    }

    private void step() {
        switch (random.nextInt(24)) {
            case 0 -> call(0x10, some(Structure.CREATION), 0);
            case 1 -> call(0x11, vm(), 0);
            case 2 -> call(0x12, vm(), 0);
            case 3 -> call(0x13, vm(), 0);
            case 4 -> call(0x15, vm(), 0);
            case 5 -> call(0x16, vm(), some(Structure.REGISTERS));
            case 6 -> call(0x23, vm(), some(Structure.MESSAGE));
            case 7 -> call(0x25, vm(), random.nextInt(50) | (long) random.nextInt(5) << 32);
            case 8 -> call(0x30, vm(), some(Structure.BUFFER));
            case 9 -> call(0x41, vm(), some(Structure.PAGE));
            case 10, 11 -> call(0x42, some(Structure.REGIONS), 0);
            case 12 -> call(0x43, vm(), some(Structure.PAGE));
            case 13 -> call(0x01, random.nextInt(5), 0);
            case 14 -> call(0x02, random.nextInt(300), 0);
            case 15, 16 -> nonsense();
            case 17 -> code.store(BUFFER + random.nextInt(0x1000 - 8), 8, values.any());
            case 18, 19 -> spin();
            default -> answer();
        }
    }

    private void nonsense() {
        Structure kind = Structure.values()[random.nextInt(Structure.values().length)];
        long first = random.nextBoolean() ? vm() : some(kind);
        long second = random.nextInt(3) == 0 ? values.any() : some(kind);
        call(
                NUMBERS[random.nextInt(NUMBERS.length)],
                random.nextBoolean() ? first : values.any(),
                second);
    }

    /// Completes the request of a vCPU, if there is one.
    private void answer() {
        int slot = random.nextInt(8) == 0 ? random.nextInt(16) : 0;
        code.store(BUFFER + slot * SLOT + 88, 8, values.any());
        code.store(BUFFER + slot * SLOT + STATE, 4, mostly(1));
        call(0x31, 1 + random.nextInt(2), slot);
        spin();
    }

    private void spin() {
        spin(random.nextInt(1, LONGEST_SPIN));
    }

    /// Gives the others time: MOV ECX; LOOP.
    private void spin(int rounds) {
        code.move32(1, rounds).hex("E2FE");
    }
}
