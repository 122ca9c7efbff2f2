package nestbox.conformance.oracle;

import nestbox.x86.OpcodeMap;
import nestbox.x86.OpcodeRow;
import nestbox.x86.OpcodeRow.Mandatory;
import nestbox.x86.Operand;
import nestbox.x86.Operand.Place;
import nestbox.x86.SystemOp;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;

/// The parts of one instruction's encoding, as they are being chosen.
///
/// SDM Vol. 2A, "Instruction Format".
final class Encoding {
    static final int NONE = -1;
    static final int RSP = 4;
    static final int RBP = 5;

    final OpcodeRow row;
    final boolean mode64;
    boolean lock;
    boolean prefix66;
    boolean prefix67;
    /// F2, F3 or 0.
    int repeat;
    /// 26, 2E, 36, 3E, 64, 65 or 0.
    int segment;
    boolean rex;
    boolean rexW;
    boolean rexR;
    boolean rexX;
    boolean rexB;
    int mod;
    int reg;
    int rm;
    boolean sib;
    int scale;
    int index;
    int base;
    int displacementSize;
    long displacement;
    byte[] immediate = {};

    Encoding(OpcodeRow row, boolean mode64) {
        this.row = row;
        this.mode64 = mode64;
    }

    /// In bytes.
    int operandSize() {
        if (!mode64) {
            return modifies66() ? 2 : 4;
        }
        return switch (row.size64()) {
            case USUAL -> rexW ? 8 : modifies66() ? 2 : 4;
            case DEFAULT_64 -> modifies66() && !rexW ? 2 : 8;
            case FORCED_64 -> 8;
        };
    }

    /// In bytes.
    int addressSize() {
        return (prefix67 ? 4 : 8) >> (mode64 ? 0 : 1);
    }

    private boolean modifies66() {
        return prefix66 && row.mandatory() != Mandatory.P66;
    }

    boolean hasOperandOfVariableWidth() {
        for (Operand operand : row.operands()) {
            if (operand.width(2) != operand.width(8)) {
                return true;
            }
        }
        return false;
    }

    boolean isMemory() {
        return row.hasModRm() && mod != 3 && !mentions(Place.RM_REGISTER);
    }

    boolean mentions(Place place) {
        for (Operand operand : row.operands()) {
            if (operand.place() == place) {
                return true;
            }
        }
        return false;
    }

    int immediateSize() {
        int size = 0;
        for (Operand operand : row.operands()) {
            size +=
                    switch (operand.place()) {
                        case IMMEDIATE -> operand.width(operandSize());
                        case OFFSET -> addressSize();
                        default -> 0;
                    };
        }
        return size;
    }

    int baseRegister() {
        return base | (rexB ? 8 : 0);
    }

    int indexRegister() {
        return index | (rexX ? 8 : 0);
    }

    int rmRegister() {
        return rm | (rexB ? 8 : 0);
    }

    int regRegister() {
        return reg | (rexR ? 8 : 0);
    }

    boolean anyRexBit() {
        return rexW || rexR || rexX || rexB;
    }

    int modRm() {
        return mod << 6 | reg << 3 | rm;
    }

    /// Whether these bytes mean the row, and not a narrower one of the same opcode.
    boolean meansItsRow() {
        Mandatory present =
                repeat == 0xF2
                        ? Mandatory.PF2
                        : repeat == 0xF3
                                ? Mandatory.PF3
                                : prefix66 ? Mandatory.P66 : Mandatory.NONE;
        if (row.op() == SystemOp.PAUSE && rexB) {
            return false; // It is XCHG with R8.
        }
        return OpcodeMap.find(row.map(), row.opcode(), present, modRm(), mode64) == row;
    }

    byte[] bytes(SplittableRandom random) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        prefixes(random).forEach(out::write);
        if (rex || anyRexBit()) {
            out.write(0x40 | bit(rexW, 3) | bit(rexR, 2) | bit(rexX, 1) | bit(rexB, 0));
        }
        switch (row.map()) {
            case 0 -> {}
            case 1 -> out.write(0x0F);
            case 2 -> write(out, 0x0F, 0x38);
            default -> write(out, 0x0F, 0x3A);
        }
        out.write(row.opcode());
        if (row.hasModRm()) {
            out.write(modRm());
            if (sib) {
                out.write(scale << 6 | index << 3 | base);
            }
            for (int i = 0; i < displacementSize; i++) {
                out.write((int) (displacement >> 8 * i));
            }
        }
        out.writeBytes(immediate);
        return out.toByteArray();
    }

    private List<Integer> prefixes(SplittableRandom random) {
        List<Integer> prefixes = new ArrayList<>();
        add(prefixes, lock, 0xF0);
        add(prefixes, prefix66, 0x66);
        add(prefixes, prefix67, 0x67);
        add(prefixes, repeat != 0, repeat);
        add(prefixes, segment != 0, segment);
        Collections.shuffle(prefixes, Random.from(random));
        return prefixes;
    }

    private static void add(List<Integer> prefixes, boolean present, int prefix) {
        if (present) {
            prefixes.add(prefix);
        }
    }

    private static void write(ByteArrayOutputStream out, int first, int second) {
        out.write(first);
        out.write(second);
    }

    private static int bit(boolean set, int position) {
        return set ? 1 << position : 0;
    }
}
