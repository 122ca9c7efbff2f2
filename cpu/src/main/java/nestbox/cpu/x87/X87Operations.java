package nestbox.cpu.x87;

import nestbox.cpu.core.Semantic;
import nestbox.cpu.fp.Extended;
import nestbox.cpu.fp.ExtendedUnit;
import nestbox.x86.X87;

/// The meaning of each x87 instruction.
public final class X87Operations {
    private X87Operations() {}

    // spotless:off
    public static Semantic of(X87 op) {
        return switch (op) {
            case FADD, FIADD -> Arithmetic.of(ExtendedUnit::add);
            case FMUL, FIMUL -> Arithmetic.of(ExtendedUnit::multiply);
            case FSUB, FISUB -> Arithmetic.of(ExtendedUnit::subtract);
            case FDIV, FIDIV -> Arithmetic.of(ExtendedUnit::divide);
            case FSUBR, FISUBR -> Arithmetic.of(X87Operations::subtractReversed);
            case FDIVR, FIDIVR -> Arithmetic.of(X87Operations::divideReversed);
            case FADDP -> Arithmetic.popping(ExtendedUnit::add);
            case FMULP -> Arithmetic.popping(ExtendedUnit::multiply);
            case FSUBP -> Arithmetic.popping(ExtendedUnit::subtract);
            case FDIVP -> Arithmetic.popping(ExtendedUnit::divide);
            case FSUBRP -> Arithmetic.popping(X87Operations::subtractReversed);
            case FDIVRP -> Arithmetic.popping(X87Operations::divideReversed);

            case FCOM, FICOM -> Comparison.conditions(true, 0);
            case FCOMP, FICOMP -> Comparison.conditions(true, 1);
            case FCOMPP -> Comparison.conditions(true, 2);
            case FUCOM -> Comparison.conditions(false, 0);
            case FUCOMP -> Comparison.conditions(false, 1);
            case FUCOMPP -> Comparison.conditions(false, 2);
            case FCOMI -> Comparison.flags(true, 0);
            case FCOMIP -> Comparison.flags(true, 1);
            case FUCOMI -> Comparison.flags(false, 0);
            case FUCOMIP -> Comparison.flags(false, 1);
            case FTST -> Comparison::ftst;
            case FXAM -> Comparison::fxam;

            case FLD -> Transfer::fld;
            case FST -> Transfer.fst(false);
            case FSTP -> Transfer.fst(true);
            case FILD -> Transfer::fild;
            case FIST -> Transfer.fist(false);
            case FISTP -> Transfer.fist(true);
            case FISTTP -> Transfer::fisttp;
            case FBLD -> Transfer::fbld;
            case FBSTP -> Transfer::fbstp;
            case FXCH -> Transfer::fxch;
            case FCMOVB -> Transfer.fcmov(2);
            case FCMOVNB -> Transfer.fcmov(3);
            case FCMOVE -> Transfer.fcmov(4);
            case FCMOVNE -> Transfer.fcmov(5);
            case FCMOVBE -> Transfer.fcmov(6);
            case FCMOVNBE -> Transfer.fcmov(7);
            case FCMOVU -> Transfer.fcmov(10);
            case FCMOVNU -> Transfer.fcmov(11);
            case FLD1 -> Transfer.constant(0, Extended.INTEGER_BIT, 0);
            case FLDL2T -> Transfer.constant(1, 0xD49A784BCD1B8AFEL, 0x492BF6FF4DAFDB4CL);
            case FLDL2E -> Transfer.constant(0, 0xB8AA3B295C17F0BBL, 0xBE87FED0691D3E88L);
            case FLDPI -> Transfer.constant(1, 0xC90FDAA22168C234L, 0xC4C6628B80DC1CD1L);
            case FLDLG2 -> Transfer.constant(-2, 0x9A209A84FBCFF798L, 0x8F8959AC0B7C9178L);
            case FLDLN2 -> Transfer.constant(-1, 0xB17217F7D1CF79ABL, 0xC9E3B39803F2F6AFL);
            case FLDZ -> Transfer.constant(0, 0, 0);

            case FCHS -> Function.sign(0xFFFF, Extended.SIGN);
            case FABS -> Function.sign(Extended.EXPONENT, 0);
            case FSQRT -> Function.unary((fpu, a, aSe) -> fpu.unit.squareRoot(a, aSe));
            case FRNDINT -> Function.unary((fpu, a, aSe) -> fpu.unit.roundToInteger(a, aSe));
            case F2XM1 -> Function.unary((fpu, a, aSe) -> fpu.transcendental.exponential(a, aSe));
            case FSCALE -> Function.binary((fpu, a, aSe, b, bSe) -> fpu.unit.scale(a, aSe, b, bSe));
            case FPREM ->
                    Function.remainder(
                            (fpu, a, aSe, b, bSe) -> fpu.remainder.truncating(a, aSe, b, bSe));
            case FPREM1 ->
                    Function.remainder(
                            (fpu, a, aSe, b, bSe) -> fpu.remainder.nearest(a, aSe, b, bSe));
            case FYL2X ->
                    Function.binaryPop(
                            (fpu, x, xSe, y, ySe) -> fpu.transcendental.logarithm(y, ySe, x, xSe));
            case FYL2XP1 ->
                    Function.binaryPop(
                            (fpu, x, xSe, y, ySe) ->
                                    fpu.transcendental.logarithmPlusOne(y, ySe, x, xSe));
            case FPATAN ->
                    Function.binaryPop(
                            (fpu, x, xSe, y, ySe) -> fpu.transcendental.arcTangent(y, ySe, x, xSe));
            case FSIN -> Function.circular(Function.SINE);
            case FCOS -> Function.circular(Function.COSINE);
            case FPTAN -> Function::fptan;
            case FSINCOS -> Function::fsincos;
            case FXTRACT -> Function::fxtract;

            case FNOP -> Control::fnop;
            case FNENI, FNDISI, FNSETPM -> Control::ignored;
            case FINCSTP -> Control::fincstp;
            case FDECSTP -> Control::fdecstp;
            case FFREE -> Control::ffree;
            case FFREEP -> Control::ffreep;
            case FNINIT -> Control::fninit;
            case FNCLEX -> Control::fnclex;
            case FLDCW -> Control::fldcw;
            case FNSTCW -> Control::fnstcw;
            case FNSTSW -> Control::fnstsw;
            case FNSTSW_AX -> Control::fnstswAx;
            case FLDENV -> Control::fldenv;
            case FNSTENV -> Control::fnstenv;
            case FRSTOR -> Control::frstor;
            case FNSAVE -> Control::fnsave;
            case FWAIT -> Control::fwait;
        };
    }

    // spotless:on

    private static void subtractReversed(ExtendedUnit unit, long a, int aSe, long b, int bSe) {
        unit.subtract(b, bSe, a, aSe);
    }

    private static void divideReversed(ExtendedUnit unit, long a, int aSe, long b, int bSe) {
        unit.divide(b, bSe, a, aSe);
    }
}
