package nestbox.cpu.control;

import nestbox.cpu.core.Cpu;

/// A task's context as its TSS holds it. SDM Vol. 3A, "Task-State Segment (TSS)" and "16-Bit
/// Task-State Segment (TSS)".
///
/// @param selectors in the order ES CS SS DS FS GS
record TaskState(
        boolean hasPageRoot,
        long pageRoot,
        long instruction,
        long flags,
        long[] registers,
        int[] selectors,
        int localTable,
        boolean trap) {

    static TaskState read32(Cpu cpu, long base) {
        long[] registers = new long[8];
        for (int i = 0; i < 8; i++) {
            registers[i] = cpu.mmu.readSystem(base + 0x28 + 4 * i, 4);
        }
        int[] selectors = new int[6];
        for (int i = 0; i < 6; i++) {
            selectors[i] = (int) cpu.mmu.readSystem(base + 0x48 + 4 * i, 2);
        }
        return new TaskState(
                true,
                cpu.mmu.readSystem(base + 0x1C, 4),
                cpu.mmu.readSystem(base + 0x20, 4),
                cpu.mmu.readSystem(base + 0x24, 4),
                registers,
                selectors,
                (int) cpu.mmu.readSystem(base + 0x60, 2),
                (cpu.mmu.readSystem(base + 0x64, 2) & 1) != 0);
    }

    static TaskState read16(Cpu cpu, long base) {
        long[] registers = new long[8];
        for (int i = 0; i < 8; i++) {
            registers[i] = cpu.mmu.readSystem(base + 0x12 + 2 * i, 2);
        }
        int[] selectors = new int[6];
        for (int i = 0; i < 4; i++) {
            selectors[i] = (int) cpu.mmu.readSystem(base + 0x22 + 2 * i, 2);
        }
        return new TaskState(
                false,
                0,
                cpu.mmu.readSystem(base + 0x0E, 2),
                cpu.mmu.readSystem(base + 0x10, 2),
                registers,
                selectors,
                (int) cpu.mmu.readSystem(base + 0x2A, 2),
                false);
    }
}
