package nestbox.x86;

import java.util.List;

/// One cell of the manual's opcode maps: an encoding, what it does and where its operands are.
///
/// The chained methods narrow the encoding or add what the manual says beside it; each returns
/// the row itself. Rows are complete when [OpcodeMap] has been built and don't change afterwards.
public final class OpcodeRow {
    /// Which of the prefixes 66, F3 and F2 select the row. ANY: they have their usual meaning.
    /// NO_REP: neither F3 nor F2, and 66 has its usual meaning. Where P66 selects the row, it
    /// doesn't change the operand size.
    public enum Mandatory {
        ANY,
        NO_REP,
        NONE,
        P66,
        PF3,
        PF2
    }

    /// What ModRM.mod must be.
    public enum Mod {
        ANY,
        MEMORY,
        REGISTER
    }

    /// How the operand size is found in 64-bit mode. SDM Vol. 2D, Table A-1 superscripts.
    public enum Size64 {
        /// 32 bits, 64 with REX.W.
        USUAL,
        /// d64: 64 bits, 16 with prefix 66.
        DEFAULT_64,
        /// f64: always 64 bits.
        FORCED_64
    }

    private final int map;
    private final int opcode;
    private final Op op;
    private final List<Operand> operands;
    private Mandatory mandatory = Mandatory.ANY;
    private Mod mod = Mod.ANY;
    private int reg = -1;
    private int rm = -1;
    private Size64 size64 = Size64.USUAL;
    private boolean lockable;
    private boolean invalidIn64;
    private boolean only64;
    private boolean modRm;
    private boolean endsBlock;
    private boolean privileged;

    OpcodeRow(int map, int opcode, Op op, Operand... operands) {
        this.map = map;
        this.opcode = opcode;
        this.op = op;
        this.operands = List.of(operands);
        for (Operand operand : operands) {
            modRm |= operand.needsModRm();
        }
    }

    /// The row is chosen only with this prefix: `NONE` when none of 66, F3 and F2 may be there.
    public OpcodeRow prefix(Mandatory prefix) {
        mandatory = prefix;
        return this;
    }

    /// Only with this value in ModRM.reg (an opcode extension, `/digit`).
    public OpcodeRow ext(int digit) {
        reg = digit;
        modRm = true;
        return this;
    }

    /// Only with this value in ModRM.rm.
    public OpcodeRow rm(int value) {
        rm = value;
        modRm = true;
        return this;
    }

    public OpcodeRow memory() {
        mod = Mod.MEMORY;
        modRm = true;
        return this;
    }

    public OpcodeRow register() {
        mod = Mod.REGISTER;
        modRm = true;
        return this;
    }

    /// LOCK is allowed when the destination is memory.
    public OpcodeRow lockable() {
        lockable = true;
        return this;
    }

    public OpcodeRow invalidIn64() {
        invalidIn64 = true;
        return this;
    }

    public OpcodeRow only64() {
        only64 = true;
        return this;
    }

    public OpcodeRow default64() {
        size64 = Size64.DEFAULT_64;
        return this;
    }

    public OpcodeRow forced64() {
        size64 = Size64.FORCED_64;
        return this;
    }

    /// What follows may run in another mode, at another place or with other translations.
    public OpcodeRow endsBlock() {
        endsBlock = true;
        return this;
    }

    /// #GP(0) unless CPL = 0.
    public OpcodeRow ring0() {
        privileged = true;
        return this;
    }

    /// 0: one-byte map, 1: 0F, 2: 0F38, 3: 0F3A.
    public int map() {
        return map;
    }

    public int opcode() {
        return opcode;
    }

    public Op op() {
        return op;
    }

    public List<Operand> operands() {
        return operands;
    }

    public Mandatory mandatory() {
        return mandatory;
    }

    public Mod mod() {
        return mod;
    }

    /// ModRM.reg that selects the row; -1 when any does.
    public int extension() {
        return reg;
    }

    /// ModRM.rm that selects the row; -1 when any does.
    public int rmValue() {
        return rm;
    }

    public Size64 size64() {
        return size64;
    }

    public boolean isLockable() {
        return lockable;
    }

    public boolean isInvalidIn64() {
        return invalidIn64;
    }

    public boolean isOnly64() {
        return only64;
    }

    public boolean hasModRm() {
        return modRm;
    }

    public boolean isBlockEnd() {
        return endsBlock;
    }

    public boolean isPrivileged() {
        return privileged;
    }

    boolean matches(Mandatory present, int modRmByte, boolean mode64) {
        if (mode64 ? invalidIn64 : only64) {
            return false;
        }
        return matchesPrefix(present) && matchesModRm(modRmByte);
    }

    private boolean matchesPrefix(Mandatory present) {
        return switch (mandatory) {
            case ANY -> true;
            case NO_REP -> present == Mandatory.NONE || present == Mandatory.P66;
            case NONE, P66, PF3, PF2 -> mandatory == present;
        };
    }

    private boolean matchesModRm(int modRmByte) {
        return switch (mod) {
                    case ANY -> true;
                    case MEMORY -> modRmByte < 0xC0;
                    case REGISTER -> modRmByte >= 0xC0;
                }
                && (reg < 0 || (modRmByte >> 3 & 7) == reg)
                && (rm < 0 || (modRmByte & 7) == rm);
    }

    @Override
    public String toString() {
        String prefix = mandatory == Mandatory.ANY ? "" : mandatory + " ";
        String extension = reg < 0 ? "" : " /" + reg;
        return "%smap%d %02X%s %s %s"
                .formatted(prefix, map, opcode, extension, op.name(), operands);
    }
}
