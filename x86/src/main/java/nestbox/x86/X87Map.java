package nestbox.x86;

import static nestbox.x86.Operand.*;
import static nestbox.x86.X87.*;

/// The escape opcodes D8 to DF, and FWAIT. SDM Vol. 2D, "Escape Opcode Instructions", Tables A-7 to
/// A-22, with the encodings that the tables leave out but all processors execute as aliases.
final class X87Map {
    private X87Map() {}

    private static OpcodeRow row(int opcode, Op op, Operand... operands) {
        return OpcodeMap.row(0, opcode, op, operands);
    }

    // spotless:off
    static void rows() {
        row(0x9B, FWAIT);

        X87[] arithmetic = {FADD, FMUL, FCOM, FCOMP, FSUB, FSUBR, FDIV, FDIVR};
        X87[] integer = {FIADD, FIMUL, FICOM, FICOMP, FISUB, FISUBR, FIDIV, FIDIVR};
        X87[] reversed = {FADD, FMUL, FCOM, FCOMP, FSUBR, FSUB, FDIVR, FDIV};
        for (int i = 0; i < 8; i++) {
            boolean compares = i == 2 || i == 3;
            row(0xD8, arithmetic[i], ST0, Md).ext(i).memory();
            row(0xD8, arithmetic[i], ST0, STi).ext(i).register();
            row(0xDA, integer[i], ST0, Md).ext(i).memory();
            row(0xDC, arithmetic[i], ST0, Mq).ext(i).memory();
            row(0xDC, reversed[i], compares ? ST0 : STi, compares ? STi : ST0).ext(i).register();
            row(0xDE, integer[i], ST0, Mw).ext(i).memory();
        }
        escapeD9();
        escapeDAandDB();
        escapeDDtoDF();
    }

    private static void escapeD9() {
        row(0xD9, FLD, ST0, Md).ext(0).memory();
        row(0xD9, FST, Md, ST0).ext(2).memory();
        row(0xD9, FSTP, Md, ST0).ext(3).memory();
        row(0xD9, FLDENV, Menv).ext(4).memory();
        row(0xD9, FLDCW, Mw).ext(5).memory();
        row(0xD9, FNSTENV, Menv).ext(6).memory();
        row(0xD9, FNSTCW, Mw).ext(7).memory();
        row(0xD9, FLD, ST0, STi).ext(0).register();
        row(0xD9, FXCH, ST0, STi).ext(1).register();
        row(0xD9, FNOP).ext(2).rm(0).register();
        row(0xD9, FSTP, STi, ST0).ext(3).register();
        row(0xD9, FCHS, ST0).ext(4).rm(0).register();
        row(0xD9, FABS, ST0).ext(4).rm(1).register();
        row(0xD9, FTST, ST0).ext(4).rm(4).register();
        row(0xD9, FXAM, ST0).ext(4).rm(5).register();
        X87[] constants = {FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ};
        for (int i = 0; i < constants.length; i++) {
            row(0xD9, constants[i], ST0).ext(5).rm(i).register();
        }
        X87[] functions = {
            F2XM1, FYL2X, FPTAN, FPATAN, FXTRACT, FPREM1, FDECSTP, FINCSTP,
            FPREM, FYL2XP1, FSQRT, FSINCOS, FRNDINT, FSCALE, FSIN, FCOS
        };
        for (int i = 0; i < functions.length; i++) {
            row(0xD9, functions[i], ST0).ext(6 + i / 8).rm(i % 8).register();
        }
    }

    private static void escapeDAandDB() {
        X87[] moves = {FCMOVB, FCMOVE, FCMOVBE, FCMOVU};
        X87[] notMoves = {FCMOVNB, FCMOVNE, FCMOVNBE, FCMOVNU};
        for (int i = 0; i < 4; i++) {
            row(0xDA, moves[i], ST0, STi).ext(i).register();
            row(0xDB, notMoves[i], ST0, STi).ext(i).register();
        }
        row(0xDA, FUCOMPP).ext(5).rm(1).register();
        row(0xDB, FILD, ST0, Md).ext(0).memory();
        row(0xDB, FISTTP, Md, ST0).ext(1).memory();
        row(0xDB, FIST, Md, ST0).ext(2).memory();
        row(0xDB, FISTP, Md, ST0).ext(3).memory();
        row(0xDB, FLD, ST0, Mt).ext(5).memory();
        row(0xDB, FSTP, Mt, ST0).ext(7).memory();
        row(0xDB, FNENI).ext(4).rm(0).register();
        row(0xDB, FNDISI).ext(4).rm(1).register();
        row(0xDB, FNCLEX).ext(4).rm(2).register();
        row(0xDB, FNINIT).ext(4).rm(3).register();
        row(0xDB, FNSETPM).ext(4).rm(4).register();
        row(0xDB, FUCOMI, ST0, STi).ext(5).register();
        row(0xDB, FCOMI, ST0, STi).ext(6).register();
    }

    private static void escapeDDtoDF() {
        row(0xDD, FLD, ST0, Mq).ext(0).memory();
        row(0xDD, FISTTP, Mq, ST0).ext(1).memory();
        row(0xDD, FST, Mq, ST0).ext(2).memory();
        row(0xDD, FSTP, Mq, ST0).ext(3).memory();
        row(0xDD, FRSTOR, Mstate).ext(4).memory();
        row(0xDD, FNSAVE, Mstate).ext(6).memory();
        row(0xDD, FNSTSW, Mw).ext(7).memory();
        row(0xDD, FFREE, STi).ext(0).register();
        row(0xDD, FXCH, ST0, STi).ext(1).register();
        row(0xDD, FST, STi, ST0).ext(2).register();
        row(0xDD, FSTP, STi, ST0).ext(3).register();
        row(0xDD, FUCOM, ST0, STi).ext(4).register();
        row(0xDD, FUCOMP, ST0, STi).ext(5).register();

        row(0xDE, FADDP, STi, ST0).ext(0).register();
        row(0xDE, FMULP, STi, ST0).ext(1).register();
        row(0xDE, FCOMP, ST0, STi).ext(2).register();
        row(0xDE, FCOMPP).ext(3).rm(1).register();
        row(0xDE, FSUBRP, STi, ST0).ext(4).register();
        row(0xDE, FSUBP, STi, ST0).ext(5).register();
        row(0xDE, FDIVRP, STi, ST0).ext(6).register();
        row(0xDE, FDIVP, STi, ST0).ext(7).register();

        row(0xDF, FILD, ST0, Mw).ext(0).memory();
        row(0xDF, FISTTP, Mw, ST0).ext(1).memory();
        row(0xDF, FIST, Mw, ST0).ext(2).memory();
        row(0xDF, FISTP, Mw, ST0).ext(3).memory();
        row(0xDF, FBLD, ST0, Mt).ext(4).memory();
        row(0xDF, FILD, ST0, Mq).ext(5).memory();
        row(0xDF, FBSTP, Mt, ST0).ext(6).memory();
        row(0xDF, FISTP, Mq, ST0).ext(7).memory();
        row(0xDF, FFREEP, STi).ext(0).register();
        row(0xDF, FXCH, ST0, STi).ext(1).register();
        row(0xDF, FSTP, STi, ST0).ext(2).register();
        row(0xDF, FSTP, STi, ST0).ext(3).register();
        row(0xDF, FNSTSW_AX).ext(4).rm(0).register();
        row(0xDF, FUCOMIP, ST0, STi).ext(5).register();
        row(0xDF, FCOMIP, ST0, STi).ext(6).register();
    }
    // spotless:on
}
