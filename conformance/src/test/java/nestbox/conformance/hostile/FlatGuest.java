package nestbox.conformance.hostile;

import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;

/// A guest at CPL 0 that sees physical memory as it is, with tables in order: 64-bit code, or
/// 32-bit code without paging.
final class FlatGuest {
    /// First address that isn't mapped in 64-bit mode.
    static final long UNMAPPED = 1L << 39;

    static final int STACK = Memory.DATA + 0x2000;
    static final int INTERRUPT_STACK = Memory.DATA + 0x4000;

    private static final long PRESENT_WRITABLE = 3;
    private static final long LARGE = 0x80;
    private static final long INTERRUPT_GATE = 0x8E00L << 32;

    private final GuestMemory memory;
    private final boolean longMode;

    FlatGuest(GuestMemory memory, boolean longMode) {
        this.memory = memory;
        this.longMode = longMode;
        memory.write(0, new byte[Memory.DATA], 0, Memory.DATA);
        memory.writeLong(Memory.PML4, Memory.PDPT | PRESENT_WRITABLE);
        for (long i = 0; i < 512; i++) {
            memory.writeLong(Memory.PDPT + 8 * i, i << 30 | LARGE | PRESENT_WRITABLE);
        }
        memory.writeLong(Memory.GDT + Tables.CODE_32, 0x00CF_9B00_0000_FFFFL);
        memory.writeLong(Memory.GDT + Tables.DATA, 0x00CF_9300_0000_FFFFL);
        memory.writeLong(Memory.GDT + Tables.CODE_64, 0x00AF_9B00_0000_FFFFL);
        memory.writeLong(Memory.GDT + Tables.CONFORMING_32, 0x00CF_9F00_0000_FFFFL);
        memory.writeLong(Memory.GDT + (Tables.USER_CODE_32 & ~7), 0x00CF_FB00_0000_FFFFL);
        memory.writeLong(Memory.GDT + (Tables.USER_DATA & ~7), 0x00CF_F300_0000_FFFFL);
        memory.writeLong(Memory.GDT + Tables.TASK, 0x0000_8900_0000_0067L | Memory.TSS << 16);
        for (int stack = 0; stack < 7; stack++) {
            memory.writeLong(Memory.TSS + 0x24 + 8L * stack, INTERRUPT_STACK);
        }
        // The operand of LIDT.
        memory.writeShort(Memory.PROLOGUE + 0xF00, 0xFFF);
        memory.writeLong(Memory.PROLOGUE + 0xF02, Memory.IDT);
    }

    /// @param stackTable which stack of the TSS the gate switches to; 0 for none
    FlatGuest handler(int vector, long address, int stackTable) {
        return handler(vector, address, stackTable, longMode ? Tables.CODE_64 : Tables.CODE_32);
    }

    FlatGuest handler(int vector, long address, int stackTable, int selector) {
        long gate =
                address & 0xFFFF
                        | (long) selector << 16
                        | (long) stackTable << 32
                        | INTERRUPT_GATE
                        | (address & 0xFFFF_0000L) << 32;
        int size = longMode ? 16 : 8;
        memory.writeLong(Memory.IDT + (long) size * vector, gate);
        if (longMode) {
            memory.writeLong(Memory.IDT + (long) size * vector + 8, address >>> 32);
        }
        return this;
    }

    FlatGuest put(int address, CodeBuffer code) {
        byte[] bytes = code.toBytes();
        memory.write(address, bytes, 0, bytes.length);
        return this;
    }

    /// Starts with a stack, the IDT and the TSS, and goes on with the code at [Memory#CODE].
    StartState start() {
        CodeBuffer prologue = new CodeBuffer();
        prologue.move32(4, STACK);
        prologue.hex(longMode ? "0F011C25" : "0F011D").doubleWord(Memory.PROLOGUE + 0xF00);
        prologue.move32(0, Tables.TASK).hex("0F00D8");
        prologue.move32(0, Memory.CODE).hex("FFE0");
        put(Memory.PROLOGUE, prologue);
        return new StartState(
                longMode,
                Memory.PROLOGUE,
                0,
                0,
                0,
                Memory.PML4,
                Memory.GDT,
                Memory.DESCRIPTORS * 8 - 1,
                longMode ? Tables.CODE_64 : Tables.CODE_32,
                Tables.DATA);
    }
}
