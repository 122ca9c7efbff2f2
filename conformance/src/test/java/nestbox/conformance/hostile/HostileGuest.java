package nestbox.conformance.hostile;

import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.RFlags;

import java.util.SplittableRandom;

/// A guest in some mode with random code, registers and tables.
///
/// It gets into that state by code of its own, so nothing is tried that no guest could bring about.
final class HostileGuest {
    private static final int EAX = 0;
    private static final int ECX = 1;
    private static final int ESP = 4;

    /// FXSAVE image: MXCSR and its mask.
    private static final int MXCSR_AT = 24;

    private static final Msr[] MSRS = {
        Msr.IA32_STAR,
        Msr.IA32_LSTAR,
        Msr.IA32_FMASK,
        Msr.IA32_SYSENTER_CS,
        Msr.IA32_SYSENTER_ESP,
        Msr.IA32_SYSENTER_EIP,
        Msr.IA32_FS_BASE,
        Msr.IA32_GS_BASE,
        Msr.IA32_KERNEL_GS_BASE,
        Msr.IA32_APIC_BASE,
        Msr.IA32_TSC_DEADLINE
    };

    private final SplittableRandom random;
    private final RandomValues values;
    private final GuestMemory memory;
    private final Mode mode;
    private final CodeBuffer code = new CodeBuffer();

    private HostileGuest(SplittableRandom random, GuestMemory memory) {
        this.random = random;
        this.memory = memory;
        values = new RandomValues(random);
        mode = Mode.values()[random.nextInt(Mode.values().length)];
    }

    /// Fills memory with a guest.
    static StartState prepare(SplittableRandom random, GuestMemory memory) {
        return new HostileGuest(random, memory).prepare();
    }

    private StartState prepare() {
        new Tables(random, values, memory, mode.isLong()).write();
        hostileCode();
        floatState();
        prologue();
        byte[] bytes = code.toBytes();
        memory.write(Memory.PROLOGUE, bytes, 0, bytes.length);
        return new StartState(
                mode.isLong(),
                Memory.PROLOGUE,
                0,
                0,
                0,
                Memory.PML4,
                Memory.GDT,
                Memory.DESCRIPTORS * 8 - 1,
                mode.isLong() ? Tables.CODE_64 : Tables.CODE_32,
                Tables.DATA);
    }

    private boolean chance(int oneIn) {
        return random.nextInt(oneIn) == 0;
    }

    private void hostileCode() {
        byte[] bytes = new byte[Memory.CODE_SIZE];
        random.nextBytes(bytes);
        if (!chance(5)) {
            byte[] made =
                    new RandomCode(random, values).instructions(Memory.CODE_SIZE, mode.codeSize());
            System.arraycopy(made, 0, bytes, 0, bytes.length);
        }
        memory.write(Memory.CODE, bytes, 0, bytes.length);
    }

    private void floatState() {
        for (int i = 0; i < 512; i += 8) {
            memory.writeLong(Memory.FLOAT_STATE + i, random.nextLong());
        }
        memory.writeInt(Memory.FLOAT_STATE + MXCSR_AT, random.nextInt() & 0xFFFF);
    }

    // The way into the mode

    private void prologue() {
        code.move32(ESP, Memory.PROLOGUE_STACK);
        long idt = chance(20) ? values.address() : Memory.IDT;
        loadTable("0F011D", idt, chance(20) ? random.nextInt(0x1000) : 0xFFF);
        if (mode == Mode.REAL) {
            enterReal();
            return;
        }
        controlRegisters();
        code.move32(EAX, Tables.LOCAL_TABLE).hex("0F00D0");
        code.move32(EAX, Tables.TASK).hex("0F00D8");
        memory.writeInt(Memory.GDT + Tables.TASK + 4, 0x0000_8900);
        if (chance(4)) {
            debugRegisters();
        }
        if (chance(8)) {
            Msr msr = MSRS[random.nextInt(MSRS.length)];
            code.writeMsr(msr.number(), values.any());
        }
        frame();
        code.hex(mode.isLong() ? "0FAE0C25" : "0FAE0D");
        code.doubleWord(Memory.FLOAT_STATE);
        generalRegisters();
        code.hex(mode.isLong() ? "48CF" : "CF");
    }

    /// LGDT or LIDT, with the operand in the prologue's page.
    private void loadTable(String opcode, long base, int limit) {
        long at = Memory.PROLOGUE + 0xF00;
        memory.writeShort(at, limit);
        memory.writeLong(at + 2, base);
        // In 64-bit mode, absolute addresses need a SIB byte.
        code.hex(mode.isLong() ? opcode.substring(0, 4) + "1C25" : opcode).doubleWord(at);
    }

    private void controlRegisters() {
        long cr4 = ControlBits.CR4_OSFXSR | random.nextInt() & 0x0007_07DF & random.nextInt();
        // Nearly all pages are user pages, so that these two mostly end a case at once.
        cr4 |= chance(10) ? random.nextInt() & (ControlBits.CR4_SMEP | ControlBits.CR4_SMAP) : 0;
        if (mode.isLong()) {
            moveToControl(4, cr4 | ControlBits.CR4_PAE);
            code.writeMsr(Msr.IA32_EFER.number(), 0x500 | random.nextInt() & 0x801);
            moveToControl(0, cr0() | ControlBits.CR0_PG);
            return;
        }
        boolean pae = chance(2);
        cr4 &= ~ControlBits.CR4_PCIDE;
        moveToControl(4, pae ? cr4 | ControlBits.CR4_PAE : cr4 & ~ControlBits.CR4_PAE);
        moveToControl(3, pae ? Memory.PAE_PDPT : Memory.LEGACY_DIRECTORY);
        moveToControl(0, chance(3) ? cr0() : cr0() | ControlBits.CR0_PG);
    }

    private long cr0() {
        long optional =
                ControlBits.CR0_WP | ControlBits.CR0_AM | ControlBits.CR0_NE | ControlBits.CR0_MP;
        long rare = chance(8) ? ControlBits.CR0_TS | ControlBits.CR0_EM : 0;
        return ControlBits.CR0_PE | ControlBits.CR0_ET | (optional | rare) & random.nextLong();
    }

    private void moveToControl(int register, long value) {
        code.move32(EAX, value).hex("0F22").byteValue(0xC0 | register << 3);
    }

    private void debugRegisters() {
        for (int register = 0; register < 4; register++) {
            code.move32(EAX, Memory.CODE + random.nextInt(Memory.CODE_SIZE));
            code.hex("0F23").byteValue(0xC0 | register << 3);
        }
        code.move32(EAX, random.nextInt() & 0xFFFF_03FFL | 0x400);
        code.hex("0F23F8");
    }

    private long flags() {
        long flags = RFlags.FIXED | random.nextInt() & (RFlags.STATUS | RFlags.DF);
        flags |= chance(3) ? RFlags.IF : 0;
        flags |= chance(10) ? RFlags.TF : 0;
        flags |= chance(4) ? RFlags.AC : 0;
        flags |= chance(16) ? RFlags.NT | RFlags.RF : 0;
        flags |= chance(2) ? 3 << 12 : (long) random.nextInt(4) << 12;
        return mode == Mode.VIRTUAL_8086 ? flags | RFlags.VM : flags;
    }

    /// What IRET takes from the stack.
    private void frame() {
        boolean user = chance(2);
        int stack = Memory.DATA + random.nextInt(0x1000, Memory.DATA_SIZE);
        if (mode == Mode.VIRTUAL_8086) {
            for (int i = 0; i < 4; i++) {
                push(chance(4) ? random.nextInt(0x10000) : Memory.DATA >> 4);
            }
            push(Memory.DATA >> 4);
            push(random.nextInt(0x10000));
        } else if (mode.isLong() || user) {
            push(user ? Tables.USER_DATA : Tables.DATA);
            push(stack);
        }
        push(flags());
        int offset = random.nextInt(Memory.CODE_SIZE);
        switch (mode) {
            case VIRTUAL_8086 -> push(Memory.CODE >> 4);
            case PROTECTED_16, COMPATIBILITY_16 ->
                    push(user ? Tables.USER_CODE_16 : Tables.CODE_16);
            case PROTECTED_32, COMPATIBILITY_32 ->
                    push(user ? Tables.USER_CODE_32 : Tables.CODE_32);
            case LONG -> push(user ? Tables.USER_CODE_64 : Tables.CODE_64);
            case REAL -> throw new AssertionError("real-address mode isn't entered by IRET");
        }
        push(mode.codeSize() == 2 ? offset : Memory.CODE + offset);
    }

    private void push(long value) {
        code.hex("68").doubleWord(value);
    }

    private void generalRegisters() {
        for (int register = 0; register < (mode.isLong() ? 16 : 8); register++) {
            if (register == ESP) {
                continue;
            }
            long value = values.any();
            if (register == ECX && !chance(4)) {
                value = random.nextInt(100);
            }
            if (mode.isLong()) {
                code.move64(register, value);
            } else {
                code.move32(register, value);
            }
        }
    }

    /// By way of 16-bit protected mode.
    private void enterReal() {
        loadTable("0F011D", chance(8) ? values.address() : 0, 0x3FF);
        generalRegisters();
        code.move32(ESP, random.nextInt(0x10000));
        // The 16-bit segment starts at the code: what is left of the prologue lies there as well.
        code.hex("EA").doubleWord(0).word(Tables.CODE_16);
        CodeBuffer tail = new CodeBuffer();
        tail.hex("66B8").doubleWord(Tables.DATA_16).hex("8ED8 8EC0 8ED0 8EE0 8EE8");
        tail.hex("66B8").doubleWord(cr0() & ~ControlBits.CR0_PE).hex("0F22C0");
        tail.hex("EA").word(0x40 + random.nextInt(0x1000)).word(Memory.CODE >> 4);
        byte[] bytes = tail.toBytes();
        memory.write(Memory.CODE, bytes, 0, bytes.length);
    }
}
