package nestbox.cpu.core;

import nestbox.x86.OpcodeRow;

/// One decoded instruction: fields that the handlers read, written once by the decoder.
///
/// Registers are [StateBlock] offsets where that is said, else numbers.
public final class Insn {
    /// Segment registers by number.
    public static final int ES = 0;

    public static final int CS = 1;
    public static final int SS = 2;
    public static final int DS = 3;
    public static final int FS = 4;
    public static final int GS = 5;

    public Handler handler;
    public OpcodeRow row;

    /// Where the instruction starts and ends, in bytes from the start of its block.
    public int offset;

    public int end;

    /// How many instructions stand before it in its block.
    public int index;

    /// Operand size in bytes: that of the first operand, or the operand-size attribute if the
    /// row has no operand.
    public int width;

    /// Width in bytes of the second operand.
    public int sourceWidth;

    /// Operand-size attribute in bytes: 2, 4 or 8.
    public int operandSize;

    /// 2, 4 or 8: the size of code segment that the instruction was decoded for.
    public int codeSize;

    /// The low byte of the opcode: the condition of Jcc, SETcc and CMOVcc is in it.
    public int opcode;

    /// The ModRM byte; 0 when there is none.
    public int modRm;

    /// ModRM.reg with REX.R, and ModRM.rm with REX.B (meaningful when not [#isMemory]), as numbers.
    public int reg;

    public int rm;

    /// Destination and source general registers as state block offsets, for operands that are
    /// registers: of the first and of the second operand.
    public int destination;

    public int source;

    /// Whether the ModRM operand, or the moffs operand, is in memory.
    public boolean isMemory;

    /// Whether the memory operand needs no segment check: 64-bit mode or a flat segment.
    public boolean flat;

    /// Segment register of the memory operand, by number.
    public int segment;

    /// State block offsets of the base and index registers, [StateBlock#ZERO] when absent.
    public int baseRegister = StateBlock.ZERO;

    public int indexRegister = StateBlock.ZERO;
    public int scale;

    /// For RIP-relative operands, counted from the start of the block.
    public long displacement;

    /// What the address-size attribute leaves of an effective address.
    public long addressMask;

    /// Address-size attribute in bytes: 2, 4 or 8.
    public int addressSize;

    /// Immediate, sign-extended to the operand size where the row says so and to 64 bits; the
    /// offset of a far pointer.
    public long immediate;

    /// The second immediate: ENTER's level, a far pointer's selector, the displacement of the jump
    /// that a comparison is fused with.
    public int immediate2;

    public boolean lock;

    /// Prefix F3 and F2 where they aren't part of the opcode.
    public boolean rep;

    public boolean repne;

    /// Length in bytes.
    public int length() {
        return end - offset;
    }
}
