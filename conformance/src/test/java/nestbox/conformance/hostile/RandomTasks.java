package nestbox.conformance.hostile;

import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;

import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// A guest in 32-bit mode that switches to a task whose state segment, selectors and descriptors
/// are right for the most part. Whatever comes of it ends in a task that records the registers.
final class RandomTasks {
    /// What the guest leaves behind, in memory below this address.
    static final int END = Memory.PML4;

    /// A task state segment, a stack and a place for registers for each exception.
    private static final int RECORDER_TSS = 0x4000;

    private static final int RECORDER_STACK = 0x5000;
    private static final int RECORDS = 0xB000;
    private static final int SLOT = 0x80;
    private static final int VECTORS = 20;

    /// In [#ends]: the new task has stored its registers.
    static final int NEW_TASK_RAN = VECTORS;

    private static final int RECORDER_CODE = Memory.CODE + 0x800;
    private static final int RECORDER_CODE_SIZE = 0x80;

    private static final int MAIN_TSS = 0x7000;
    private static final int NEW_TSS = 0x7100;
    private static final int LOCAL_TABLE = 0x7400;

    private static final int NEW_TASK = 0x80;
    private static final int GATE = 0x88;
    private static final int LOCAL = 0x90;
    private static final int FIRST_RANDOM = 0x98;
    private static final int RANDOM_DESCRIPTORS = 10;
    private static final int FIRST_RECORDER = 0x100;

    private static final int TASK_GATE = 0xE500;
    private static final int VECTOR = 0x60;
    private static final int NT = 1 << 14;
    private static final int RF = 1 << 16;
    private static final int VM = 1 << 17;
    private static final int[] USUAL = {
        Tables.DATA, Tables.CODE_32, Tables.DATA, Tables.DATA, Tables.DATA, Tables.DATA
    };
    private static final int[] USERS = {
        Tables.USER_DATA,
        Tables.USER_CODE_32,
        Tables.USER_DATA,
        Tables.USER_DATA,
        Tables.USER_DATA,
        Tables.USER_DATA
    };

    private final SplittableRandom random;
    private final GuestMemory memory;

    RandomTasks(SplittableRandom random, GuestMemory memory) {
        this.random = random;
        this.memory = memory;
    }

    private boolean chance(int oneIn) {
        return random.nextInt(oneIn) == 0;
    }

    StartState prepare() {
        memory.write(0, new byte[Memory.DATA + Memory.DATA_SIZE], 0, Memory.DATA);
        FlatGuest guest = new FlatGuest(memory, false);
        descriptor(Tables.TASK, MAIN_TSS, chance(8) ? 0xFFF : 0x67, chance(6) ? 0x81 : 0x89);
        descriptor(LOCAL, LOCAL_TABLE, 0x3F, chance(10) ? randomRights() : 0x82);
        for (int i = 0; i < RANDOM_DESCRIPTORS; i++) {
            int base = chance(3) ? random.nextInt(0x1000) : 0;
            int limit = chance(4) ? 0xFFFF : 0xF_FFFF;
            descriptor(FIRST_RANDOM + 8 * i, base, limit, randomRights());
        }
        for (int i = 0; i < 8; i++) {
            memory.writeLong(LOCAL_TABLE + 8L * i, descriptor(0, 0xF_FFFF, randomRights()));
        }
        recorders(guest);
        int trigger = random.nextInt(8);
        boolean small = chance(4);
        int type = (small ? 0x81 : 0x89) | (trigger == 0 ? 2 : 0);
        int limit = chance(12) ? random.nextInt(0x80) : small ? 0x2B : 0x67;
        descriptor(NEW_TASK, NEW_TSS, limit, chance(25) ? random.nextInt(0x100) : type);
        if (small) {
            smallTask();
        } else {
            task();
        }
        code(guest, trigger);
        return guest.start();
    }

    /// Where the guest has ended: the exceptions whose tasks have run, and [#NEW_TASK_RAN].
    static Set<Integer> ends(GuestMemory memory) {
        return IntStream.rangeClosed(0, VECTORS)
                .filter(slot -> memory.readInt(RECORDS + slot * SLOT) != 0)
                .boxed()
                .collect(Collectors.toSet());
    }

    // Descriptors

    private void descriptor(int selector, int base, int limit, int rights) {
        memory.writeLong(Memory.GDT + selector, descriptor(base, limit, rights));
    }

    private static long descriptor(long base, long limit, long rights) {
        return limit & 0xFFFF | base << 16 | (rights & 0xF0FF) << 40 | (limit & 0xF_0000) << 32;
    }

    /// Mostly what a segment register takes.
    private int randomRights() {
        int size = chance(4) ? random.nextInt(16) << 12 & 0xD000 : 0xC000;
        int type = chance(2) ? 0x12 : random.nextInt(0x20);
        int dpl = chance(2) ? 0 : random.nextInt(4);
        return size | (chance(4) ? 0 : 0x80) | dpl << 5 | type;
    }

    private int selector(int usual) {
        if (!chance(6)) {
            return usual;
        }
        int index = random.nextInt(RANDOM_DESCRIPTORS + 2);
        int any = index < RANDOM_DESCRIPTORS ? FIRST_RANDOM + 8 * index : random.nextInt(0x400);
        return any & ~7 | random.nextInt(8);
    }

    // Tasks

    private void task() {
        boolean user = chance(3);
        boolean virtual = chance(8);
        memory.writeInt(NEW_TSS + 4, FlatGuest.STACK);
        memory.writeInt(NEW_TSS + 8, Tables.DATA);
        memory.writeInt(NEW_TSS + 0x1C, random.nextInt());
        memory.writeInt(NEW_TSS + 0x20, recorder(VECTORS));
        int flags = chance(3) ? random.nextInt() & ~(VM | RF) : 2;
        memory.writeInt(NEW_TSS + 0x24, virtual ? flags | VM : flags);
        for (int i = 0; i < 8; i++) {
            memory.writeInt(NEW_TSS + 0x28 + 4L * i, random.nextInt());
        }
        memory.writeInt(NEW_TSS + 0x38, FlatGuest.STACK - (chance(4) ? random.nextInt(64) : 0));
        int[] usual = user ? USERS : USUAL;
        for (int i = 0; i < 6; i++) {
            int value = virtual ? random.nextInt(0x1_0000) : selector(usual[i]);
            memory.writeInt(NEW_TSS + 0x48 + 4L * i, value | random.nextInt() << 16);
        }
        memory.writeInt(NEW_TSS + 0x60, chance(3) ? LOCAL : chance(8) ? selector(LOCAL) : 0);
        memory.writeInt(NEW_TSS + 0x64, chance(6) ? 1 : 0);
    }

    private void smallTask() {
        memory.writeShort(NEW_TSS + 0x0E, recorder(VECTORS) & 0xFFFF);
        memory.writeShort(NEW_TSS + 0x10, chance(3) ? random.nextInt() : 2);
        for (int i = 0; i < 8; i++) {
            memory.writeShort(NEW_TSS + 0x12 + 2L * i, random.nextInt());
        }
        for (int i = 0; i < 4; i++) {
            memory.writeShort(NEW_TSS + 0x22 + 2L * i, selector(USUAL[i]));
        }
        memory.writeShort(NEW_TSS + 0x2A, chance(3) ? LOCAL : 0);
    }

    // Code

    private void code(FlatGuest guest, int trigger) {
        memory.writeLong(Memory.GDT + GATE, (long) TASK_GATE << 32 | (long) NEW_TASK << 16);
        long gate = memory.readLong(Memory.GDT + GATE);
        memory.writeLong(Memory.IDT + 8L * VECTOR, gate);
        memory.writeInt(MAIN_TSS + 4, FlatGuest.INTERRUPT_STACK);
        memory.writeShort(MAIN_TSS + 8, Tables.DATA);
        memory.writeShort(MAIN_TSS, NEW_TASK);
        CodeBuffer code = new CodeBuffer();
        for (int register : new int[] {1, 2, 3, 5, 6, 7}) {
            code.move32(register, random.nextInt());
        }
        if (chance(2)) {
            toUser(code);
        }
        if (chance(4)) {
            code.hex("9C 810C24").doubleWord(random.nextInt() & 0x4_0DD5).hex("9D");
        }
        switch (trigger) {
            case 0 -> code.hex("9C 810C24").doubleWord(NT).hex("9D CF");
            case 1 -> code.hex("EA").doubleWord(0).word(NEW_TASK);
            case 2 -> code.hex("9A").doubleWord(0).word(NEW_TASK);
            case 3 -> code.hex("EA").doubleWord(0).word(GATE);
            case 4 -> code.hex("9A").doubleWord(0).word(GATE);
            case 5 -> code.hex("CD").byteValue(VECTOR);
            case 6 -> {
                memory.writeLong(Memory.IDT + 8L * 6, gate);
                code.hex("0F0B");
            }
            default -> {
                memory.writeLong(Memory.IDT + 8L * 13, gate);
                code.hex("66B8").word(random.nextInt(0x300, 0x400)).hex("8ED8");
            }
        }
        guest.put(Memory.CODE, code.hex("F4"));
    }

    /// IRET to CPL 3.
    private void toUser(CodeBuffer code) {
        code.hex("6A").byteValue(Tables.USER_DATA).hex("68").doubleWord(FlatGuest.STACK);
        code.hex("6A02 6A").byteValue(Tables.USER_CODE_32);
        code.hex("68").doubleWord(Memory.CODE + code.size() + 5).hex("CF");
    }

    /// Each exception is a task of its own, so it's there when stacks aren't.
    private void recorders(FlatGuest guest) {
        for (int vector = 0; vector <= VECTORS; vector++) {
            int tss = RECORDER_TSS + vector * SLOT;
            int selector = FIRST_RECORDER + 8 * vector;
            memory.writeInt(tss + 0x20, recorder(vector));
            memory.writeInt(tss + 0x24, 2);
            memory.writeInt(tss + 0x38, RECORDER_STACK + (vector + 1) * SLOT);
            for (int i = 0; i < 6; i++) {
                memory.writeInt(tss + 0x48 + 4L * i, USUAL[i]);
            }
            descriptor(selector, tss, 0x67, 0x89);
            long gate = (long) TASK_GATE << 32 | (long) selector << 16;
            memory.writeLong(Memory.IDT + 8L * vector, gate);
            guest.put(recorder(vector), record(RECORDS + vector * SLOT));
        }
    }

    private static int recorder(int number) {
        return RECORDER_CODE + number * RECORDER_CODE_SIZE;
    }

    /// Stores what a state segment doesn't get, and the error code.
    private static CodeBuffer record(int at) {
        CodeBuffer code = new CodeBuffer();
        code.hex("9C 8F05").doubleWord(at); // EFLAGS
        code.hex("8925").doubleWord(at + 4);
        code.hex("A3").doubleWord(at + 8);
        code.hex("0F00C8 A3").doubleWord(at + 12); // TR
        code.hex("0F00C0 A3").doubleWord(at + 16); // LDTR
        code.hex("8CC8 A3").doubleWord(at + 20);
        code.hex("8CD0 A3").doubleWord(at + 24);
        code.hex("8CE0 A3").doubleWord(at + 28);
        code.hex("0F20C0 A3").doubleWord(at + 32); // CR0: #GP at CPL 3
        code.hex("0F20D0 A3").doubleWord(at + 36);
        code.hex("0F20D8 A3").doubleWord(at + 40);
        code.hex("0F21F0 A3").doubleWord(at + 44); // DR6
        code.hex("0F21F8 A3").doubleWord(at + 48);
        code.hex("58 A3").doubleWord(at + 52); // the error code, if there is one
        return code.hex("FA F4 EBFC");
    }
}
