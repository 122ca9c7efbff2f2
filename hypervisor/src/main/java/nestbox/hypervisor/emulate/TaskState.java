package nestbox.hypervisor.emulate;

/// What a task-state segment holds of its task. SDM Vol. 3A, "Task-State Segment (TSS)" and "16-Bit
/// Task-State Segment (TSS)".
///
/// @param small whether it has 16 bits, and no page root, FS, GS and debug trap
/// @param selectors as [GuestState] numbers segments
/// @param trap whether a debug exception follows the switch
record TaskState(
        boolean small,
        long pageRoot,
        long instruction,
        long flags,
        long[] registers,
        int[] selectors,
        int localTable,
        boolean trap) {
    private static final int REGISTERS = 8;
    private static final int SEGMENTS = 6;
    private static final int SMALL_SEGMENTS = 4;

    /// Where the fields lie that are the same in both sizes, one behind the other.
    private record Layout(int width, int instruction, int segments, int localTable, int size) {
        static final Layout SMALL = new Layout(2, 0x0E, SMALL_SEGMENTS, 0x2A, 0x2C);
        static final Layout LARGE = new Layout(4, 0x20, SEGMENTS, 0x60, 0x68);

        static Layout of(boolean small) {
            return small ? SMALL : LARGE;
        }
    }

    private static final int PAGE_ROOT = 0x1C;
    private static final int TRAP = 0x64;

    /// How many bytes of a TSS a switch reads or writes.
    static int size(boolean small) {
        return Layout.of(small).size;
    }

    static TaskState read(GuestLinear memory, long base, boolean small) {
        Layout layout = Layout.of(small);
        int width = layout.width;
        long at = base + layout.instruction;
        long instruction = read(memory, at, width);
        long flags = read(memory, at + width, width);
        at += 2L * width;
        long[] registers = new long[REGISTERS];
        for (int i = 0; i < REGISTERS; i++) {
            registers[i] = read(memory, at, width);
            at += width;
        }
        int[] selectors = new int[SEGMENTS];
        for (int i = 0; i < layout.segments; i++) {
            selectors[i] = (int) read(memory, at, 2);
            at += width;
        }
        return new TaskState(
                small,
                small ? 0 : read(memory, base + PAGE_ROOT, 4),
                instruction,
                flags,
                registers,
                selectors,
                (int) read(memory, base + layout.localTable, 2),
                !small && (read(memory, base + TRAP, 2) & 1) != 0);
    }

    private static long read(GuestLinear memory, long linear, int width) {
        return memory.readSystem(linear & 0xFFFF_FFFFL, width);
    }

    /// Writes what changes while a task runs.
    void write(GuestLinear memory, long base) {
        Layout layout = Layout.of(small);
        int width = layout.width;
        long at = base + layout.instruction;
        write(memory, at, width, instruction);
        write(memory, at + width, width, flags);
        at += 2L * width;
        for (long register : registers) {
            write(memory, at, width, register);
            at += width;
        }
        for (int i = 0; i < layout.segments; i++) {
            write(memory, at, 2, selectors[i]);
            at += width;
        }
    }

    private static void write(GuestLinear memory, long linear, int width, long value) {
        memory.writeSystem(linear & 0xFFFF_FFFFL, width, value & Widths.mask(width));
    }
}
