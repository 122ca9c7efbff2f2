package nestbox.conformance.hostile;

import nestbox.x86.Branch;
import nestbox.x86.OpcodeMap;
import nestbox.x86.OpcodeRow;
import nestbox.x86.OpcodeRow.Mandatory;
import nestbox.x86.OpcodeRow.Mod;
import nestbox.x86.Operand;
import nestbox.x86.StateSave;
import nestbox.x86.StringOp;
import nestbox.x86.SystemOp;

import java.util.List;
import java.util.SplittableRandom;

/// Instructions that exist, with operands that make no sense: they get further than random bytes,
/// most of which are undefined or harmless.
final class RandomCode {
    private static final List<OpcodeRow> ALL = OpcodeMap.rows();

    /// What changes modes, tables, control flow and many bytes at once. HLT comes in through the
    /// other list only, since it mostly ends a case.
    private static final List<OpcodeRow> DANGEROUS =
            ALL.stream().filter(RandomCode::isDangerous).toList();

    private static final int[] SEGMENT_PREFIXES = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65};
    private static final int[] REPEAT_PREFIXES = {0xF2, 0xF3};

    private final SplittableRandom random;
    private final RandomValues values;

    RandomCode(SplittableRandom random, RandomValues values) {
        this.random = random;
        this.values = values;
    }

    private static boolean isDangerous(OpcodeRow row) {
        if (row.op().name().equals("HLT")) {
            return false;
        }
        return row.isPrivileged()
                || row.isBlockEnd()
                || row.op() instanceof Branch
                || row.op() instanceof StringOp
                || row.op() instanceof StateSave
                || row.op() instanceof SystemOp;
    }

    /// @param codeSize 2, 4 or 8: what the code segment will say
    byte[] instructions(int bytes, int codeSize) {
        CodeBuffer code = new CodeBuffer();
        while (code.size() < bytes) {
            instruction(code, codeSize);
        }
        return code.toBytes();
    }

    private void instruction(CodeBuffer code, int codeSize) {
        List<OpcodeRow> rows = random.nextInt(3) == 0 ? DANGEROUS : ALL;
        OpcodeRow row = rows.get(random.nextInt(rows.size()));
        boolean is64 = codeSize == 8;
        if (is64 ? row.isInvalidIn64() : row.isOnly64()) {
            return;
        }
        boolean small = row.mandatory() == Mandatory.P66 || usualPrefix(row) && chance(8);
        boolean shortAddress = chance(24);
        prefixes(code, row, small, shortAddress);
        int rex = is64 && chance(2) ? 0x40 | random.nextInt(16) : 0;
        if (rex != 0) {
            code.byteValue(rex);
        }
        switch (row.map()) {
            case 1 -> code.byteValue(0x0F);
            case 2 -> code.hex("0F38");
            case 3 -> code.hex("0F3A");
            default -> {}
        }
        code.byteValue(row.opcode());
        int addressSize = addressSize(codeSize, shortAddress);
        if (row.hasModRm()) {
            modRm(code, row, addressSize);
        }
        boolean wide = (rex & 8) != 0 || is64 && row.size64() != OpcodeRow.Size64.USUAL;
        boolean half = small && row.mandatory() != Mandatory.P66;
        int operandSize = wide ? 8 : half == (codeSize == 2) ? 4 : 2;
        for (Operand operand : row.operands()) {
            immediate(code, operand, operandSize, addressSize);
        }
    }

    private static boolean usualPrefix(OpcodeRow row) {
        return row.mandatory() == Mandatory.ANY || row.mandatory() == Mandatory.NO_REP;
    }

    private void prefixes(CodeBuffer code, OpcodeRow row, boolean small, boolean shortAddress) {
        if (small) {
            code.byteValue(0x66);
        }
        if (shortAddress) {
            code.byteValue(0x67);
        }
        if (chance(12)) {
            code.byteValue(SEGMENT_PREFIXES[random.nextInt(SEGMENT_PREFIXES.length)]);
        }
        if (chance(row.isLockable() ? 6 : 60)) {
            code.byteValue(0xF0);
        }
        switch (row.mandatory()) {
            case PF2 -> code.byteValue(0xF2);
            case PF3 -> code.byteValue(0xF3);
            case ANY -> {
                if (chance(row.op() instanceof StringOp ? 2 : 20)) {
                    code.byteValue(REPEAT_PREFIXES[random.nextInt(2)]);
                }
            }
            case NO_REP, NONE, P66 -> {}
        }
    }

    private static int addressSize(int codeSize, boolean other) {
        return switch (codeSize) {
            case 2 -> other ? 4 : 2;
            case 4 -> other ? 2 : 4;
            default -> other ? 4 : 8;
        };
    }

    private void modRm(CodeBuffer code, OpcodeRow row, int addressSize) {
        boolean register = row.mod() == Mod.REGISTER || row.mod() == Mod.ANY && chance(3);
        int mod = register ? 3 : random.nextInt(3);
        int reg = row.extension() >= 0 ? row.extension() : random.nextInt(8);
        int rm = row.rmValue() >= 0 ? row.rmValue() : random.nextInt(8);
        code.byteValue(mod << 6 | reg << 3 | rm);
        if (mod == 3) {
            return;
        }
        boolean absolute;
        if (addressSize == 2) {
            absolute = mod == 0 && rm == 6;
        } else {
            int base = rm;
            if (rm == 4) {
                int sib = random.nextInt(256);
                code.byteValue(sib);
                base = sib & 7;
            }
            absolute = mod == 0 && base == 5;
        }
        if (mod == 1) {
            code.byteValue(random.nextInt());
        } else if (mod == 2 || absolute) {
            number(code, addressSize == 2 ? 2 : 4, absolute || chance(4) ? values.address() : 0);
        }
    }

    private void immediate(CodeBuffer code, Operand operand, int operandSize, int addressSize) {
        switch (operand.place()) {
            case IMMEDIATE -> {
                boolean isJump = operand == Operand.Jb || operand == Operand.Jz;
                long value = isJump ? random.nextInt(-100, 100) : values.any();
                number(code, operand.width(operandSize), value);
            }
            case OFFSET -> number(code, addressSize, values.address());
            case FAR_POINTER -> {
                number(code, operand.width(operandSize), values.address());
                code.word(values.selector());
            }
            case RM, REG, MEMORY, RM_REGISTER, OPCODE, FIXED -> {}
        }
    }

    private static void number(CodeBuffer code, int width, long value) {
        switch (width) {
            case 1 -> code.byteValue((int) value);
            case 2 -> code.word((int) value);
            case 4 -> code.doubleWord(value);
            default -> code.quadWord(value);
        }
    }

    private boolean chance(int oneIn) {
        return random.nextInt(oneIn) == 0;
    }
}
