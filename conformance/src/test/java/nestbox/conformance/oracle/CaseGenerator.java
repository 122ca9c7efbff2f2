package nestbox.conformance.oracle;

import nestbox.conformance.oracle.Layout.Window;
import nestbox.conformance.oracle.Values.Flavour;
import nestbox.x86.Alu;
import nestbox.x86.Branch;
import nestbox.x86.Move;
import nestbox.x86.OpcodeRow;
import nestbox.x86.OpcodeRow.Mandatory;
import nestbox.x86.Operand;
import nestbox.x86.Operand.Place;
import nestbox.x86.RFlags;
import nestbox.x86.StateSave;
import nestbox.x86.StringOp;

import java.util.Arrays;
import java.util.SplittableRandom;

/// Makes cases of one table row: an encoding of it, and a state to run it in.
///
/// What the row's operand codes say is enough to encode any instruction; [Preparation] knows the
/// few whose operands need to fit each other.
final class CaseGenerator {
    private static final int[] NULL_SEGMENTS = {0x26, 0x2E, 0x36, 0x3E};
    private static final int[] CONTROL_REGISTERS = {0, 2, 3, 4};
    private static final int[] DEBUG_REGISTERS = {0, 1, 2, 3, 6, 7};
    private static final int ATTEMPTS = 1000;
    private static final int JCC_SIZE = 2;

    private final OpcodeRow row;
    private final boolean mode64;
    private final SplittableRandom random;
    private final Values values;
    private final Flavour flavour;

    /// @param mode64 whether for a 64-bit or a 32-bit code segment
    CaseGenerator(OpcodeRow row, boolean mode64, long seed) {
        this.row = row;
        this.mode64 = mode64;
        random = new SplittableRandom(seed);
        values = new Values(random);
        flavour = Traits.flavour(row);
    }

    /// @throws IllegalStateException when the row can't be encoded: another row always comes first
    Case next() {
        for (int i = 0; i < ATTEMPTS; i++) {
            Encoding code = encoding();
            if (code.meansItsRow() && HostDifferences.encodingAgrees(code)) {
                return build(code);
            }
        }
        throw new IllegalStateException("no encoding means the row " + row);
    }

    private Encoding encoding() {
        Encoding code = new Encoding(row, mode64);
        prefixes(code);
        if (mode64) {
            code.rexW = values.oneIn(code.hasOperandOfVariableWidth() ? 3 : 8);
            code.rex = values.oneIn(3);
            code.rexR = row.hasModRm() && values.oneIn(3);
            code.rexB = values.oneIn(3);
            code.rexX = values.oneIn(6);
        }
        if (row.hasModRm()) {
            code.mod = mod();
            code.reg = row.extension() >= 0 ? row.extension() : random.nextInt(8);
            systemRegister(code);
            code.rm = row.rmValue() >= 0 ? row.rmValue() : random.nextInt(8);
        }
        return code;
    }

    /// Leaves aside control and debug registers that don't exist, or don't always.
    private void systemRegister(Encoding code) {
        if (row.operands().contains(Operand.Cd)) {
            code.rexR = mode64 && values.oneIn(5);
            code.reg = code.rexR ? 0 : CONTROL_REGISTERS[random.nextInt(CONTROL_REGISTERS.length)];
        } else if (row.operands().contains(Operand.Dd)) {
            code.rexR = false;
            code.reg = DEBUG_REGISTERS[random.nextInt(DEBUG_REGISTERS.length)];
        }
    }

    private int mod() {
        return switch (row.mod()) {
            case MEMORY -> 0;
            case REGISTER -> 3;
            case ANY -> values.oneIn(2) ? 0 : 3;
        };
    }

    private void prefixes(Encoding code) {
        boolean variable =
                code.hasOperandOfVariableWidth() || row.size64() != OpcodeRow.Size64.USUAL;
        switch (row.mandatory()) {
            case ANY -> code.prefix66 = variable ? values.oneIn(4) : values.oneIn(30);
            case P66 -> code.prefix66 = true;
            case PF3 -> repeat(code, 0xF3, variable);
            case PF2 -> repeat(code, 0xF2, variable);
            case NO_REP -> code.prefix66 = values.oneIn(4);
            case NONE -> {}
        }
        if (row.mandatory() == Mandatory.ANY && row.map() == 0 && values.oneIn(50)) {
            code.repeat = 0xF2 + random.nextInt(2); // It means nothing here.
        }
        if (row.mandatory() == Mandatory.ANY && row.op() instanceof StringOp op) {
            code.repeat =
                    switch (random.nextInt(4)) {
                        case 0, 1 -> 0xF3;
                        case 2 -> Traits.compares(op) ? 0xF2 : 0;
                        default -> 0;
                    };
        }
        code.prefix67 = values.oneIn(mode64 ? 10 : 20);
        if (!(row.op() instanceof Branch) && values.oneIn(8)) {
            code.segment =
                    !mode64 || values.oneIn(3)
                            ? NULL_SEGMENTS[random.nextInt(NULL_SEGMENTS.length)]
                            : 0x64 + random.nextInt(2);
        }
        code.lock = values.oneIn(row.isLockable() ? 4 : 200);
    }

    private void repeat(Encoding code, int prefix, boolean variable) {
        code.repeat = prefix;
        code.prefix66 = variable && values.oneIn(4);
    }

    private Case build(Encoding code) {
        State state = new State();
        state.code32(!mode64);
        fillRegisters(state);
        fillMemory(state);
        fillFloatingPoint(code, state);
        long flags = random.nextLong() & RFlags.STATUS;
        flags |= values.oneIn(row.op() instanceof StringOp ? 2 : 4) ? RFlags.DF : 0;
        flags |= values.oneIn(20) && Traits.checksAlignment(row) ? RFlags.AC : 0;
        state.rflags(flags | RFlags.FIXED | RFlags.IF);

        code.immediate = immediate(code);
        Preparation preparation = new Preparation(random, values, code, state);
        preparation.beforeAddressing();
        state.rip(Layout.CODE + 0x200 + random.nextInt(0xC00));
        long address = address(code, state, preparation);
        boolean fixed = row.op() instanceof Branch || code.isMemory() && isRipRelative(code);
        if (!fixed && values.oneIn(20)) {
            int length = code.bytes(random).length;
            state.rip(Layout.CODE + Layout.PAGE - random.nextInt(1, length + 1));
        }
        preparation.afterAddressing(address);
        if (code.isMemory() && !isMapped(address, Traits.memoryWidth(code))) {
            // Which of #AC and #PF comes first is left to the processor.
            state.rflags(state.rflags() & ~RFlags.AC);
        }
        byte[] bytes = followed(code.bytes(random));
        if (bytes.length > State.INSTRUCTION_LIMIT) {
            return next();
        }
        state.instruction(bytes);
        for (int i = 0; !mode64 && i < 8; i++) {
            state.gpr(i, state.gpr(i) & 0xFFFF_FFFFL);
        }
        return new Case(row, state, address, code.operandSize(), preparation.undefinedFlags());
    }

    /// A conditional jump follows some comparisons, since a processor may run the two as one.
    private byte[] followed(byte[] instruction) {
        boolean compares = row.op() == Alu.CMP || row.op() == Alu.TEST;
        int length = instruction.length + JCC_SIZE;
        if (!compares || length > State.INSTRUCTION_LIMIT || values.oneIn(2)) {
            return instruction;
        }
        byte[] pair = Arrays.copyOf(instruction, length);
        pair[length - 2] = (byte) (0x70 | random.nextInt(16));
        pair[length - 1] = (byte) random.nextInt(100);
        return pair;
    }

    private static boolean isMapped(long address, int size) {
        return address >= Layout.DATA && address + size <= Layout.DATA + Layout.DATA_SIZE;
    }

    private static boolean isRipRelative(Encoding code) {
        return code.mod == 0 && code.rm == 5;
    }

    private void fillRegisters(State state) {
        for (int i = 0; i < 16; i++) {
            state.gpr(i, values.integer());
        }
        state.gpr(Encoding.RSP, stackPointer());
        state.fsBase(Layout.DATA - random.nextInt(0x1000_0000));
        state.gsBase(
                values.oneIn(2) ? random.nextInt() : Layout.DATA + random.nextInt(0x1000_0000));
    }

    /// Mostly well inside the data, so that pushes and pops succeed.
    private long stackPointer() {
        if (values.oneIn(10)) {
            return target(8);
        }
        Window window = Layout.ACROSS_PAGES;
        long middle = window.address() + window.size() / 2;
        long address = middle + random.nextInt(-150, 150);
        return values.oneIn(5) ? address : address & -8;
    }

    private void fillMemory(State state) {
        int kind = random.nextInt(3);
        byte same = (byte) random.nextInt();
        for (int i = 0; i < Layout.MEMORY_SIZE; i += 8) {
            long value = kind == 0 ? random.nextLong() : values.quadword(flavour);
            for (int j = 0; j < 8; j++) {
                byte b = kind == 2 && random.nextInt(16) != 0 ? same : (byte) (value >> 8 * j);
                state.memory(i + j, b);
            }
        }
    }

    private void fillFloatingPoint(Encoding code, State state) {
        for (int i = 0; i < 16; i++) {
            Flavour mixed = values.oneIn(5) ? anyFlavour() : flavour;
            state.xmm(i, 0, values.quadword(mixed));
            state.xmm(i, 1, values.quadword(mixed));
        }
        if (values.oneIn(4)) {
            int from = random.nextInt(16);
            for (int i = 0; i < 16; i += 2) {
                state.xmm(i, 0, state.xmm(from, 0));
                state.xmm(i, 1, state.xmm(from, 1));
            }
        }
        FloatingPoint.fill(random, values, code, state);
    }

    private Flavour anyFlavour() {
        return Flavour.values()[random.nextInt(Flavour.values().length)];
    }

    private byte[] immediate(Encoding code) {
        byte[] bytes = new byte[code.immediateSize()];
        int at = 0;
        for (Operand operand : row.operands()) {
            int size = operand.place() == Place.IMMEDIATE ? operand.width(code.operandSize()) : 0;
            Values.put(bytes, at, values.integer(), size);
            at += size;
        }
        return bytes;
    }

    /// Places the memory operand, and gives it a content.
    private long address(Encoding code, State state, Preparation preparation) {
        int width = Traits.memoryWidth(code);
        if (code.mentions(Place.OFFSET)) {
            long linear = target(width);
            long effective = linear - Addressing.segmentBase(code, state);
            if (code.prefix67 && effective >>> 32 != 0) {
                code.segment = 0;
                effective = linear & 0xFFFF_FFFFL;
            }
            effective &= -1L >>> 64 - 8 * code.addressSize();
            Values.put(code.immediate, 0, effective, code.immediate.length);
            return effective + Addressing.segmentBase(code, state);
        }
        if (!code.isMemory()) {
            return 0;
        }
        if (code.addressSize() == 2) {
            return Addressing.choose16(random, code, state);
        }
        long linear = target(width);
        int avoided = row.op() instanceof StateSave ? Preparation.STATE_COMPONENTS : 0;
        preparation.protect(Addressing.choose(random, code, state, linear, avoided));
        if (row.op() != Move.LEA) {
            state.store(linear, values.memory(width, flavour));
        }
        return linear;
    }

    /// An address for an operand of so many bytes: mostly inside the windows, else at the edges
    /// of what is mapped.
    private long target(int width) {
        Window middle = Layout.ACROSS_PAGES;
        int partial = random.nextInt(1, Math.max(2, width));
        int kind = random.nextInt(100);
        if (kind < 72) {
            long offset = random.nextInt(middle.size() - width + 1);
            boolean align = width >= 16 ? !values.oneIn(6) : values.oneIn(2);
            int alignment = width > 512 ? 64 : Math.min(Integer.highestOneBit(width), 16);
            return middle.address() + (align ? offset & -alignment : offset);
        } else if (kind < 80) {
            return Layout.BEFORE_UNMAPPED.end() - width;
        } else if (kind < 84) {
            return Layout.BEFORE_UNMAPPED.end() - partial;
        } else if (kind < 88) {
            return Layout.DATA;
        } else if (kind < 90) {
            return Layout.DATA - partial;
        } else if (kind < 94) {
            return Layout.DATA + Layout.PAGE - partial;
        } else if (kind < 97) {
            return Layout.READ_ONLY + random.nextInt(Layout.PAGE - width);
        } else if (kind < 99 || !mode64) {
            return 0x3000_0000L + random.nextInt(0x1000_0000);
        }
        return 0x0000_8000_0000_0000L + random.nextLong(1L << 40);
    }
}
