package nestbox.x86;

/// How an operand is named by an instruction. SDM Vol. 2D, "Key to Abbreviations" (A.2): the
/// capital says where it is, the small letter how wide.
public enum Operand {
    // spotless:off
    Eb(Place.RM, 1), Ew(Place.RM, 2), Ed(Place.RM, 4), Eq(Place.RM, 8), Ev(Place.RM, Operand.V), Ey(Place.RM, Operand.Y),
    Gb(Place.REG, 1), Gw(Place.REG, 2), Gd(Place.REG, 4), Gq(Place.REG, 8), Gv(Place.REG, Operand.V), Gy(Place.REG, Operand.Y),
    /// Memory only; the width is the instruction's business.
    M(Place.MEMORY, Operand.V), Mb(Place.MEMORY, 1), Mw(Place.MEMORY, 2), Md(Place.MEMORY, 4), Mq(Place.MEMORY, 8), Mx(Place.MEMORY, 16),
    Mv(Place.MEMORY, Operand.V), My(Place.MEMORY, Operand.Y), Mp(Place.MEMORY, Operand.V), Ma(Place.MEMORY, Operand.V),
    /// A general register named by ModRM.rm, whatever ModRM.mod says.
    Rv(Place.RM_REGISTER, Operand.V), Ry(Place.RM_REGISTER, Operand.Y), Rd(Place.RM_REGISTER, 4),
    Sw(Place.REG, 2), Cd(Place.REG, 8), Dd(Place.REG, 8),
    /// Immediates: a byte, a byte sign-extended to the operand size, a word, a word or doubleword
    /// sign-extended to the operand size, the full operand size.
    Ib(Place.IMMEDIATE, 1), sIb(Place.IMMEDIATE, 1), Iw(Place.IMMEDIATE, 2), Iz(Place.IMMEDIATE, Operand.Z), Iv(Place.IMMEDIATE, Operand.V),
    Jb(Place.IMMEDIATE, 1), Jz(Place.IMMEDIATE, Operand.Z),
    Ap(Place.FAR_POINTER, Operand.Z),
    Ob(Place.OFFSET, 1), Ov(Place.OFFSET, Operand.V),
    /// The general register in the low three bits of the opcode.
    Zb(Place.OPCODE, 1), Zv(Place.OPCODE, Operand.V), Zy(Place.OPCODE, Operand.Y),
    AL(Place.FIXED, 1), CL(Place.FIXED, 1), DX(Place.FIXED, 2), rAX(Place.FIXED, Operand.V), ONE(Place.FIXED, 1),
    ES(Place.FIXED, 2), CS(Place.FIXED, 2), SS(Place.FIXED, 2), DS(Place.FIXED, 2), FS(Place.FIXED, 2), GS(Place.FIXED, 2),
    Xb(Place.FIXED, 1), Xv(Place.FIXED, Operand.V), Xz(Place.FIXED, Operand.Z), Yb(Place.FIXED, 1), Yv(Place.FIXED, Operand.V), Yz(Place.FIXED, Operand.Z),
    /// MMX registers: ModRM.reg, ModRM.rm or memory, ModRM.rm register only.
    Pq(Place.REG, 8), Qd(Place.RM, 4), Qq(Place.RM, 8), Nq(Place.RM_REGISTER, 8),
    /// XMM registers: ModRM.reg, ModRM.rm or memory of so many bytes, ModRM.rm register only.
    Vx(Place.REG, 16), Wb(Place.RM, 1), Ww(Place.RM, 2), Wd(Place.RM, 4), Wq(Place.RM, 8), Wx(Place.RM, 16), Ux(Place.RM_REGISTER, 16),
    /// x87: the stack top and the register ST(i) that ModRM.rm names; memory formats.
    ST0(Place.FIXED, 10), STi(Place.RM_REGISTER, 10), Mt(Place.MEMORY, 10), Menv(Place.MEMORY, Operand.V), Mstate(Place.MEMORY, 0);

    // spotless:on

    /// Where the operand's encoding is.
    public enum Place {
        RM,
        REG,
        MEMORY,
        RM_REGISTER,
        IMMEDIATE,
        FAR_POINTER,
        OFFSET,
        OPCODE,
        FIXED
    }

    /// Width codes that depend on the operand-size attribute: v is 2, 4 or 8; z is 2 or 4; y is 4
    /// or 8.
    public static final int V = -1;
    public static final int Z = -2;
    public static final int Y = -3;

    private final Place place;
    private final int width;

    Operand(Place place, int width) {
        this.place = place;
        this.width = width;
    }

    public Place place() {
        return place;
    }

    /// @param operandSize the instruction's operand size in bytes: 2, 4 or 8
    /// @return the operand's width in bytes
    public int width(int operandSize) {
        return switch (width) {
            case V -> operandSize;
            case Z -> Math.min(operandSize, 4);
            case Y -> Math.max(operandSize, 4);
            default -> width;
        };
    }

    public boolean needsModRm() {
        return switch (place) {
            case RM, REG, MEMORY, RM_REGISTER -> true;
            case IMMEDIATE, FAR_POINTER, OFFSET, OPCODE, FIXED -> false;
        };
    }
}
