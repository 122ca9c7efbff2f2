package nestbox.cpu.decode;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.I8;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Modes;
import nestbox.cpu.core.StateBlock;
import nestbox.cpu.integer.AluOperations;
import nestbox.x86.Alu;
import nestbox.x86.Branch;
import nestbox.x86.OpcodeMap;
import nestbox.x86.OpcodeRow;
import nestbox.x86.OpcodeRow.Mandatory;
import nestbox.x86.Operand;

import java.util.List;

/// Turns instruction bytes into an [Insn]. SDM Vol. 2A, "Instruction Format".
///
/// Bytes come from the address space reservation. When they end before the instruction does, the
/// result is null and [#isTruncated] tells so: the caller decides whether the next page may be
/// looked at.
public final class Decoder {
    /// SDM Vol. 2A, "Instruction Prefixes": a longer instruction is #GP.
    public static final int MAX_LENGTH = 15;

    private static final int NO_SEGMENT = -1;

    private long start;
    private int position;
    private int available;
    private boolean truncated;

    private boolean mode64;
    private boolean operandSizePrefix;
    private boolean addressSizePrefix;
    private boolean lock;
    private int repeat;
    private int segment;
    private int rex;
    private int modRm;

    public boolean isTruncated() {
        return truncated;
    }

    /// @param at offset of the first byte in the address space reservation
    /// @param bytes how many bytes can be read there
    /// @param offset of the instruction from the start of its block
    /// @param mode see [Modes]
    /// @return the instruction with its handler, or null when the bytes ended too early
    public Insn decode(long at, int bytes, int offset, int mode) {
        start = at;
        position = 0;
        available = Math.min(bytes, MAX_LENGTH);
        truncated = false;
        mode64 = (mode & Modes.CODE_SIZE) == Modes.CODE_64;
        Insn insn = new Insn();
        insn.offset = offset;
        insn.codeSize = Modes.codeSize(mode);
        insn.flat = (mode & Modes.FLAT_DATA) != 0;
        int opcode = prefixes();
        int map = 0;
        if (opcode == 0x0F) {
            map = 1;
            opcode = next8();
            if (opcode == 0x38 || opcode == 0x3A) {
                map = opcode == 0x38 ? 2 : 3;
                opcode = next8();
            }
        }
        insn.opcode = opcode;
        insn.lock = lock;
        insn.rep = repeat == 0xF3;
        insn.repne = repeat == 0xF2;
        boolean hasModRm = OpcodeMap.hasModRm(map, opcode);
        modRm = hasModRm ? next8() : 0;
        boolean exchange = map == 0 && opcode == 0x90 && (rex & 1) != 0;
        // With REX.B, 90 is XCHG with R8, and F3 doesn't make it PAUSE.
        Mandatory mandatory = exchange ? Mandatory.NONE : mandatory();
        OpcodeRow row = OpcodeMap.find(map, opcode, mandatory, modRm, mode64);
        if (row == null) {
            return truncated ? tooLongOrTruncated(insn, bytes) : undefined(insn);
        }
        insn.row = row;
        operandAndAddressSize(insn, row);
        insn.segment = segment == NO_SEGMENT ? Insn.DS : segment;
        if (row.hasModRm()) {
            modRm(insn, row);
        }
        operands(insn, row);
        insn.end = offset + position;
        if (insn.baseRegister == StateBlock.RIP) {
            insn.displacement += insn.end;
        }
        if (!mode64 && (insn.segment >= Insn.FS || insn.segment == Insn.CS)) {
            insn.flat = false;
        }
        if (truncated) {
            return tooLongOrTruncated(insn, bytes);
        }
        if (insn.lock && !(row.isLockable() && insn.isMemory)) {
            return undefined(insn);
        }
        insn.handler = Handlers.of(insn, (mode & Modes.NON_ROOT) != 0);
        return insn;
    }

    /// Whether nothing may follow the instruction in its block.
    public static boolean endsBlock(Insn insn) {
        return insn.row == null || insn.row.isBlockEnd() || isUndefined(insn);
    }

    private static boolean isUndefined(Insn insn) {
        return insn.handler == Handlers.UNDEFINED || insn.handler == Handlers.TOO_LONG;
    }

    /// Whether the instruction sets RIP itself.
    public static boolean transfers(Insn insn) {
        return insn.row != null
                && insn.row.op() instanceof Branch op
                && switch (op) {
                    case CLC, STC, CMC, CLD, STD, CLI, STI, HLT -> false;
                    default -> true;
                };
    }

    /// Whether the processor's mode and translations are surely the same after the instruction.
    public static boolean keepsMode(Insn insn) {
        return insn.row != null
                && (!insn.row.isBlockEnd()
                        || insn.row.op() instanceof Branch op
                                && switch (op) {
                                    case JMP, JCC, CALL, LOOP, LOOPE, LOOPNE, JCXZ -> true;
                                    default -> false;
                                });
    }

    /// Makes one step of a comparison and the conditional jump behind it, if they are that.
    ///
    /// @return whether the first now stands for both
    public static boolean fuse(Insn first, Insn second) {
        boolean isPair =
                second.row != null
                        && second.row.op() == Branch.JCC
                        && first.row != null
                        && (first.row.op() == Alu.CMP || first.row.op() == Alu.TEST)
                        && !isUndefined(first);
        if (isPair) {
            AluOperations.fuse(first, second);
        }
        return isPair;
    }

    private Insn tooLongOrTruncated(Insn insn, int bytes) {
        if (bytes < MAX_LENGTH) {
            return null;
        }
        truncated = false;
        insn.end = insn.offset + MAX_LENGTH;
        insn.handler = Handlers.TOO_LONG;
        return insn;
    }

    private Insn undefined(Insn insn) {
        insn.end = insn.offset + Math.max(1, position);
        insn.handler = Handlers.UNDEFINED;
        return insn;
    }

    /// Reads prefixes and returns the first opcode byte.
    private int prefixes() {
        operandSizePrefix = false;
        addressSizePrefix = false;
        lock = false;
        repeat = 0;
        segment = NO_SEGMENT;
        rex = 0;
        while (true) {
            int b = next8();
            switch (b) {
                case 0x66 -> operandSizePrefix = true;
                case 0x67 -> addressSizePrefix = true;
                case 0xF0 -> lock = true;
                case 0xF2, 0xF3 -> repeat = b;
                case 0x26, 0x2E, 0x36, 0x3E -> {
                    if (!mode64) {
                        segment = b >> 3 & 3;
                    }
                }
                case 0x64, 0x65 -> segment = b & 7;
                default -> {
                    if (!mode64 || (b & 0xF0) != 0x40) {
                        return b;
                    }
                    // REX counts only directly before the opcode.
                    int after = peek8();
                    if (!isPrefix(after)) {
                        rex = b;
                        return next8();
                    }
                }
            }
            if (truncated) {
                return 0;
            }
        }
    }

    private static boolean isPrefix(int b) {
        return switch (b) {
            case 0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65 -> true;
            default -> (b & 0xF0) == 0x40;
        };
    }

    private Mandatory mandatory() {
        return switch (repeat) {
            case 0xF2 -> Mandatory.PF2;
            case 0xF3 -> Mandatory.PF3;
            default -> operandSizePrefix ? Mandatory.P66 : Mandatory.NONE;
        };
    }

    private void operandAndAddressSize(Insn insn, OpcodeRow row) {
        boolean small = operandSizePrefix && row.mandatory() != Mandatory.P66;
        if (mode64) {
            boolean wide =
                    (rex & 8) != 0
                            || row.size64() == OpcodeRow.Size64.FORCED_64
                            || row.size64() == OpcodeRow.Size64.DEFAULT_64 && !small;
            insn.operandSize = wide ? 8 : small ? 2 : 4;
            insn.addressSize = addressSizePrefix ? 4 : 8;
        } else {
            boolean code32 = insn.codeSize == 4;
            insn.operandSize = code32 != small ? 4 : 2;
            insn.addressSize = code32 != addressSizePrefix ? 4 : 2;
        }
        insn.addressMask =
                switch (insn.addressSize) {
                    case 2 -> 0xFFFF;
                    case 4 -> 0xFFFF_FFFFL;
                    default -> -1;
                };
    }

    private void modRm(Insn insn, OpcodeRow row) {
        insn.modRm = modRm;
        insn.reg = modRm >> 3 & 7 | (rex & 4) << 1;
        insn.rm = modRm & 7 | (rex & 1) << 3;
        boolean registerOnly = false;
        for (Operand operand : row.operands()) {
            // MOV to and from control and debug registers ignores ModRM.mod.
            registerOnly |= operand == Operand.Cd || operand == Operand.Dd;
        }
        insn.isMemory = modRm < 0xC0 && !registerOnly;
        if (insn.isMemory) {
            if (insn.addressSize == 2) {
                address16(insn);
            } else {
                address32(insn);
            }
        }
    }

    /// SDM Vol. 2A, Table 2-1.
    private void address16(Insn insn) {
        int mod = modRm >> 6;
        int rm = modRm & 7;
        insn.baseRegister =
                switch (rm) {
                    case 0, 1, 7 -> StateBlock.RBX;
                    case 2, 3 -> StateBlock.RBP;
                    case 4 -> StateBlock.RSI;
                    case 5 -> StateBlock.RDI;
                    default -> mod == 0 ? StateBlock.ZERO : StateBlock.RBP;
                };
        insn.indexRegister =
                switch (rm) {
                    case 0, 2 -> StateBlock.RSI;
                    case 1, 3 -> StateBlock.RDI;
                    default -> StateBlock.ZERO;
                };
        insn.displacement =
                switch (mod) {
                    case 1 -> (byte) next8();
                    case 2 -> (short) next16();
                    default -> rm == 6 ? next16() : 0;
                };
        if (insn.baseRegister == StateBlock.RBP && segment == NO_SEGMENT) {
            insn.segment = Insn.SS;
        }
    }

    /// SDM Vol. 2A, Tables 2-2 and 2-3, with the 64-bit extensions of "RIP-Relative Addressing".
    private void address32(Insn insn) {
        int mod = modRm >> 6;
        int rm = modRm & 7;
        int base = insn.rm;
        boolean noBase = mod == 0 && rm == 5;
        if (rm == 4) {
            int sib = next8();
            int index = sib >> 3 & 7 | (rex & 2) << 2;
            if (index != 4) {
                insn.indexRegister = index * 8;
                insn.scale = sib >> 6;
            }
            base = sib & 7 | (rex & 1) << 3;
            noBase = mod == 0 && (sib & 7) == 5;
        }
        if (!noBase) {
            insn.baseRegister = base * 8;
            if ((base == 4 || base == 5) && segment == NO_SEGMENT) {
                insn.segment = Insn.SS;
            }
        } else if (rm != 4 && mode64) {
            insn.baseRegister = StateBlock.RIP;
        }
        if (mod == 1) {
            insn.displacement = (byte) next8();
        } else if (mod == 2 || noBase) {
            insn.displacement = next32();
        }
    }

    private void operands(Insn insn, OpcodeRow row) {
        List<Operand> operands = row.operands();
        insn.width =
                operands.isEmpty() ? insn.operandSize : operands.get(0).width(insn.operandSize);
        insn.sourceWidth =
                operands.size() < 2 ? insn.width : operands.get(1).width(insn.operandSize);
        boolean first = true;
        for (int i = 0; i < operands.size(); i++) {
            Operand operand = operands.get(i);
            int width = operand.width(insn.operandSize);
            switch (operand.place()) {
                case IMMEDIATE -> {
                    long value = immediate(operand, width);
                    if (first) {
                        insn.immediate = value;
                    } else {
                        insn.immediate2 = (int) value;
                    }
                    first = false;
                }
                case FAR_POINTER -> {
                    insn.immediate = width == 2 ? next16() : next32() & 0xFFFF_FFFFL;
                    insn.immediate2 = next16();
                }
                case OFFSET -> {
                    insn.isMemory = true;
                    insn.displacement = offset(insn.addressSize);
                }
                case RM, RM_REGISTER -> register(insn, i, insn.rm, width);
                case REG -> register(insn, i, insn.reg, width);
                case OPCODE -> register(insn, i, insn.opcode & 7 | (rex & 1) << 3, width);
                case FIXED -> {
                    int number = operand == Operand.CL ? 1 : operand == Operand.DX ? 2 : 0;
                    register(insn, i, number, width);
                }
                case MEMORY -> {}
            }
        }
    }

    private void register(Insn insn, int operand, int number, int width) {
        boolean high = width == 1 && rex == 0 && number >= 4 && number < 8;
        int offset = high ? (number - 4) * 8 + 1 : number * 8;
        if (operand == 0) {
            insn.destination = offset;
        } else if (operand == 1) {
            insn.source = offset;
        }
    }

    private long immediate(Operand operand, int width) {
        return switch (width) {
            case 1 -> (byte) next8();
            case 2 -> operand == Operand.Iw ? next16() : (short) next16();
            case 4 -> next32();
            default -> next64();
        };
    }

    private long offset(int addressSize) {
        return switch (addressSize) {
            case 2 -> next16();
            case 4 -> next32() & 0xFFFF_FFFFL;
            default -> next64();
        };
    }

    private int peek8() {
        if (position >= available) {
            truncated = true;
            return 0;
        }
        return SPACE.get(I8, start + position) & 0xFF;
    }

    private int next8() {
        int value = peek8();
        position++;
        return value;
    }

    private boolean lacks(int bytes) {
        position += bytes;
        if (position > available) {
            truncated = true;
        }
        return truncated;
    }

    private int next16() {
        return lacks(2) ? 0 : SPACE.get(I16, start + position - 2) & 0xFFFF;
    }

    private int next32() {
        return lacks(4) ? 0 : SPACE.get(I32, start + position - 4);
    }

    private long next64() {
        return lacks(8) ? 0 : SPACE.get(I64, start + position - 8);
    }
}
