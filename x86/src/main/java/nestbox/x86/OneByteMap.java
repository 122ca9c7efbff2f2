package nestbox.x86;

import static nestbox.x86.Operand.*;

/// SDM Vol. 2D, Table A-2, "One-byte Opcode Map", with the groups of Table A-6. x87 opcodes
/// (D8–DF) have a table of their own.
final class OneByteMap {
    private static final Shift[] GROUP_2 = Shift.values();
    private static final Operand[] SEGMENTS = {ES, CS, SS, DS};

    private OneByteMap() {}

    private static OpcodeRow row(int opcode, Op op, Operand... operands) {
        return OpcodeMap.row(0, opcode, op, operands);
    }

    // spotless:off
    static void rows() {
        for (int i = 0; i < 8; i++) {
            Alu op = Alu.values()[i];
            boolean stores = op != Alu.CMP;
            arithmetic(row(i * 8,     op, Eb, Gb), stores);
            arithmetic(row(i * 8 + 1, op, Ev, Gv), stores);
            row(i * 8 + 2, op, Gb, Eb);
            row(i * 8 + 3, op, Gv, Ev);
            row(i * 8 + 4, op, AL, Ib);
            row(i * 8 + 5, op, rAX, Iz);
            arithmetic(row(0x80, op, Eb, Ib).ext(i), stores);
            arithmetic(row(0x81, op, Ev, Iz).ext(i), stores);
            arithmetic(row(0x82, op, Eb, Ib).ext(i).invalidIn64(), stores);
            arithmetic(row(0x83, op, Ev, sIb).ext(i), stores);
        }
        for (int i = 0; i < 4; i++) {
            row(0x06 + 8 * i, Move.PUSH_SREG, SEGMENTS[i]).invalidIn64();
            if (i != 1) {
                row(0x07 + 8 * i, Move.POP_SREG, SEGMENTS[i]).invalidIn64().endsBlock();
            }
        }
        row(0x27, Alu.DAA).invalidIn64();
        row(0x2F, Alu.DAS).invalidIn64();
        row(0x37, Alu.AAA).invalidIn64();
        row(0x3F, Alu.AAS).invalidIn64();
        for (int i = 0; i < 8; i++) {
            row(0x40 + i, Alu.INC, Zv).invalidIn64();
            row(0x48 + i, Alu.DEC, Zv).invalidIn64();
            row(0x50 + i, Move.PUSH, Zv).default64();
            row(0x58 + i, Move.POP, Zv).default64();
        }
        row(0x60, Move.PUSHA).invalidIn64();
        row(0x61, Move.POPA).invalidIn64();
        row(0x62, Move.BOUND, Gv, Ma).invalidIn64().memory();
        row(0x63, Move.ARPL, Ew, Gw).invalidIn64();
        row(0x63, Move.MOVSXD, Gv, Ed).only64();
        row(0x68, Move.PUSH, Iz).default64();
        row(0x69, Alu.IMUL, Gv, Ev, Iz);
        row(0x6A, Move.PUSH, sIb).default64();
        row(0x6B, Alu.IMUL, Gv, Ev, sIb);
        row(0x6C, StringOp.INS, Yb, DX);
        row(0x6D, StringOp.INS, Yz, DX);
        row(0x6E, StringOp.OUTS, DX, Xb);
        row(0x6F, StringOp.OUTS, DX, Xz);
        for (int i = 0; i < 16; i++) {
            row(0x70 + i, Branch.JCC, Jb).forced64().endsBlock();
        }
        row(0x84, Alu.TEST, Eb, Gb);
        row(0x85, Alu.TEST, Ev, Gv);
        row(0x86, Move.XCHG, Eb, Gb).lockable();
        row(0x87, Move.XCHG, Ev, Gv).lockable();
        row(0x88, Move.MOV, Eb, Gb);
        row(0x89, Move.MOV, Ev, Gv);
        row(0x8A, Move.MOV, Gb, Eb);
        row(0x8B, Move.MOV, Gv, Ev);
        row(0x8C, Move.MOV_FROM_SREG, Ev, Sw);
        row(0x8D, Move.LEA, Gv, M).memory();
        row(0x8E, Move.MOV_TO_SREG, Sw, Ew).endsBlock();
        row(0x8F, Move.POP, Ev).ext(0).default64();
        row(0x90, SystemOp.PAUSE).prefix(OpcodeRow.Mandatory.PF3).endsBlock();
        for (int i = 0; i < 8; i++) {
            row(0x90 + i, Move.XCHG, Zv, rAX);
        }
        row(0x98, Move.CBW, rAX);
        row(0x99, Move.CWD, rAX);
        row(0x9A, Branch.CALL_FAR, Ap).invalidIn64().endsBlock();
        row(0x9C, Move.PUSHF).default64();
        row(0x9D, Move.POPF).default64().endsBlock();
        row(0x9E, Move.SAHF);
        row(0x9F, Move.LAHF);
        row(0xA0, Move.MOV, AL, Ob);
        row(0xA1, Move.MOV, rAX, Ov);
        row(0xA2, Move.MOV, Ob, AL);
        row(0xA3, Move.MOV, Ov, rAX);
        row(0xA4, StringOp.MOVS, Yb, Xb);
        row(0xA5, StringOp.MOVS, Yv, Xv);
        row(0xA6, StringOp.CMPS, Xb, Yb);
        row(0xA7, StringOp.CMPS, Xv, Yv);
        row(0xA8, Alu.TEST, AL, Ib);
        row(0xA9, Alu.TEST, rAX, Iz);
        row(0xAA, StringOp.STOS, Yb, AL);
        row(0xAB, StringOp.STOS, Yv, rAX);
        row(0xAC, StringOp.LODS, AL, Xb);
        row(0xAD, StringOp.LODS, rAX, Xv);
        row(0xAE, StringOp.SCAS, AL, Yb);
        row(0xAF, StringOp.SCAS, rAX, Yv);
        for (int i = 0; i < 8; i++) {
            row(0xB0 + i, Move.MOV, Zb, Ib);
            row(0xB8 + i, Move.MOV, Zv, Iv);
            row(0xC0, GROUP_2[i], Eb, Ib).ext(i);
            row(0xC1, GROUP_2[i], Ev, Ib).ext(i);
            row(0xD0, GROUP_2[i], Eb, ONE).ext(i);
            row(0xD1, GROUP_2[i], Ev, ONE).ext(i);
            row(0xD2, GROUP_2[i], Eb, CL).ext(i);
            row(0xD3, GROUP_2[i], Ev, CL).ext(i);
        }
        row(0xC2, Branch.RET, Iw).forced64().endsBlock();
        row(0xC3, Branch.RET).forced64().endsBlock();
        row(0xC4, Move.LOAD_FAR, Gv, Mp).memory().invalidIn64().endsBlock();
        row(0xC5, Move.LOAD_FAR, Gv, Mp).memory().invalidIn64().endsBlock();
        row(0xC6, Move.MOV, Eb, Ib).ext(0);
        row(0xC7, Move.MOV, Ev, Iz).ext(0);
        row(0xC8, Move.ENTER, Iw, Ib).default64();
        row(0xC9, Move.LEAVE).default64();
        row(0xCA, Branch.RET_FAR, Iw).endsBlock();
        row(0xCB, Branch.RET_FAR).endsBlock();
        row(0xCC, Branch.INT3).endsBlock();
        row(0xCD, Branch.INT, Ib).endsBlock();
        row(0xCE, Branch.INTO).invalidIn64().endsBlock();
        row(0xCF, Branch.IRET).endsBlock();
        row(0xD4, Alu.AAM, Ib).invalidIn64();
        row(0xD5, Alu.AAD, Ib).invalidIn64();
        row(0xD7, Move.XLAT);
        row(0xE0, Branch.LOOPNE, Jb).forced64().endsBlock();
        row(0xE1, Branch.LOOPE, Jb).forced64().endsBlock();
        row(0xE2, Branch.LOOP, Jb).forced64().endsBlock();
        row(0xE3, Branch.JCXZ, Jb).forced64().endsBlock();
        row(0xE4, StringOp.IN, AL, Ib).endsBlock();
        row(0xE5, StringOp.IN, rAX, Ib).endsBlock();
        row(0xE6, StringOp.OUT, Ib, AL).endsBlock();
        row(0xE7, StringOp.OUT, Ib, rAX).endsBlock();
        row(0xE8, Branch.CALL, Jz).forced64().endsBlock();
        row(0xE9, Branch.JMP, Jz).forced64().endsBlock();
        row(0xEA, Branch.JMP_FAR, Ap).invalidIn64().endsBlock();
        row(0xEB, Branch.JMP, Jb).forced64().endsBlock();
        row(0xEC, StringOp.IN, AL, DX).endsBlock();
        row(0xED, StringOp.IN, rAX, DX).endsBlock();
        row(0xEE, StringOp.OUT, DX, AL).endsBlock();
        row(0xEF, StringOp.OUT, DX, rAX).endsBlock();
        row(0xF1, Branch.INT1).endsBlock();
        row(0xF4, Branch.HLT).ring0().endsBlock();
        row(0xF5, Branch.CMC);
        row(0xF6, Alu.TEST, Eb, Ib).ext(0);
        row(0xF7, Alu.TEST, Ev, Iz).ext(0);
        row(0xF6, Alu.TEST, Eb, Ib).ext(1);
        row(0xF7, Alu.TEST, Ev, Iz).ext(1);
        row(0xF6, Alu.NOT, Eb).ext(2).lockable();
        row(0xF7, Alu.NOT, Ev).ext(2).lockable();
        row(0xF6, Alu.NEG, Eb).ext(3).lockable();
        row(0xF7, Alu.NEG, Ev).ext(3).lockable();
        row(0xF6, Alu.MUL, Eb).ext(4);
        row(0xF7, Alu.MUL, Ev).ext(4);
        row(0xF6, Alu.IMUL1, Eb).ext(5);
        row(0xF7, Alu.IMUL1, Ev).ext(5);
        row(0xF6, Alu.DIV, Eb).ext(6);
        row(0xF7, Alu.DIV, Ev).ext(6);
        row(0xF6, Alu.IDIV, Eb).ext(7);
        row(0xF7, Alu.IDIV, Ev).ext(7);
        row(0xF8, Branch.CLC);
        row(0xF9, Branch.STC);
        row(0xFA, Branch.CLI);
        row(0xFB, Branch.STI).endsBlock();
        row(0xFC, Branch.CLD);
        row(0xFD, Branch.STD);
        row(0xFE, Alu.INC, Eb).ext(0).lockable();
        row(0xFF, Alu.INC, Ev).ext(0).lockable();
        row(0xFE, Alu.DEC, Eb).ext(1).lockable();
        row(0xFF, Alu.DEC, Ev).ext(1).lockable();
        row(0xFF, Branch.CALL_INDIRECT, Ev).ext(2).forced64().endsBlock();
        row(0xFF, Branch.CALL_FAR_INDIRECT, Mp).ext(3).memory().endsBlock();
        row(0xFF, Branch.JMP_INDIRECT, Ev).ext(4).forced64().endsBlock();
        row(0xFF, Branch.JMP_FAR_INDIRECT, Mp).ext(5).memory().endsBlock();
        row(0xFF, Move.PUSH, Ev).ext(6).default64();
    }

    // spotless:on

    private static void arithmetic(OpcodeRow row, boolean stores) {
        if (stores) {
            row.lockable();
        }
    }
}
