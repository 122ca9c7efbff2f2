package nestbox.x86;

import static nestbox.x86.OpcodeRow.Mandatory.*;
import static nestbox.x86.Operand.*;

/// The general-purpose instructions of SDM Vol. 2D, Table A-3 (0F), Table A-4 (0F38) and
/// Table A-5 (0F3A).
final class TwoByteMap {
    private TwoByteMap() {}

    private static OpcodeRow row(int opcode, Op op, Operand... operands) {
        return OpcodeMap.row(1, opcode, op, operands);
    }

    // spotless:off
    static void rows() {
        row(0x0B, Branch.UD).endsBlock();
        row(0x0D, Move.PREFETCH, Mb).memory();
        row(0x0D, Move.NOP, Ev).register();
        row(0x18, Move.PREFETCH, Mb).memory();
        row(0x18, Move.NOP, Ev).register();
        for (int i = 0x19; i <= 0x1F; i++) {
            row(i, Move.NOP, Ev);
        }
        for (int i = 0; i < 16; i++) {
            row(0x40 + i, Move.CMOV, Gv, Ev);
            row(0x80 + i, Branch.JCC, Jz).forced64().endsBlock();
            row(0x90 + i, Move.SETCC, Eb);
        }
        row(0xA0, Move.PUSH_SREG, FS).default64();
        row(0xA1, Move.POP_SREG, FS).default64().endsBlock();
        row(0xA3, Bits.BT, Ev, Gv);
        row(0xA4, Shift.SHLD, Ev, Gv, Ib);
        row(0xA5, Shift.SHLD, Ev, Gv, CL);
        row(0xA8, Move.PUSH_SREG, GS).default64();
        row(0xA9, Move.POP_SREG, GS).default64().endsBlock();
        row(0xAB, Bits.BTS, Ev, Gv).lockable();
        row(0xAC, Shift.SHRD, Ev, Gv, Ib);
        row(0xAD, Shift.SHRD, Ev, Gv, CL);
        row(0xAE, Move.FENCE).ext(5).register().prefix(NONE);
        row(0xAE, Move.FENCE).ext(6).register().prefix(NONE);
        row(0xAE, Move.FENCE).ext(7).register().prefix(NONE);
        row(0xAF, Alu.IMUL, Gv, Ev);
        row(0xB0, Alu.CMPXCHG, Eb, Gb).lockable();
        row(0xB1, Alu.CMPXCHG, Ev, Gv).lockable();
        row(0xB2, Move.LOAD_FAR, Gv, Mp).memory().endsBlock();
        row(0xB3, Bits.BTR, Ev, Gv).lockable();
        row(0xB4, Move.LOAD_FAR, Gv, Mp).memory().endsBlock();
        row(0xB5, Move.LOAD_FAR, Gv, Mp).memory().endsBlock();
        row(0xB6, Move.MOVZX, Gv, Eb);
        row(0xB7, Move.MOVZX, Gv, Ew);
        row(0xB8, Bits.POPCNT, Gv, Ev).prefix(PF3);
        row(0xB9, Branch.UD, Gv, Ev).endsBlock();
        row(0xBA, Bits.BT,  Ev, Ib).ext(4);
        row(0xBA, Bits.BTS, Ev, Ib).ext(5).lockable();
        row(0xBA, Bits.BTR, Ev, Ib).ext(6).lockable();
        row(0xBA, Bits.BTC, Ev, Ib).ext(7).lockable();
        row(0xBB, Bits.BTC, Ev, Gv).lockable();
        row(0xBC, Bits.BSF, Gv, Ev);
        row(0xBD, Bits.BSR, Gv, Ev);
        row(0xBE, Move.MOVSX, Gv, Eb);
        row(0xBF, Move.MOVSX, Gv, Ew);
        row(0xC0, Alu.XADD, Eb, Gb).lockable();
        row(0xC1, Alu.XADD, Ev, Gv).lockable();
        row(0xC3, Move.MOV, My, Gy).memory().prefix(NONE);
        row(0xC7, Alu.CMPXCHG8B, M).ext(1).memory().lockable();
        for (int i = 0; i < 8; i++) {
            row(0xC8 + i, Bits.BSWAP, Zv);
        }
        row(0xFF, Branch.UD, Gv, Ev).endsBlock();

        OpcodeMap.row(2, 0xF0, Move.MOVBE, Gv, Mv).memory().prefix(NO_REP);
        OpcodeMap.row(2, 0xF1, Move.MOVBE, Mv, Gv).memory().prefix(NO_REP);
    }
    // spotless:on
}
