package nestbox.conformance.oracle;

import static nestbox.x86.RFlags.AF;
import static nestbox.x86.RFlags.CF;
import static nestbox.x86.RFlags.OF;
import static nestbox.x86.RFlags.PF;
import static nestbox.x86.RFlags.SF;
import static nestbox.x86.RFlags.STATUS;
import static nestbox.x86.RFlags.ZF;

import nestbox.x86.Alu;
import nestbox.x86.Bits;
import nestbox.x86.Op;
import nestbox.x86.Shift;

/// The status flags that an instruction leaves undefined, which differ between processors.
///
/// SDM Vol. 1, "EFLAGS Cross-Reference", and the instructions' pages.
final class UndefinedFlags {
    private UndefinedFlags() {}

    /// @param width the destination's width in bytes
    /// @param count the shift count before it is masked; anything for other instructions
    static long of(Op op, int width, int count) {
        return switch (op) {
            case Alu alu -> of(alu);
            case Shift shift -> of(shift, width, count & (width == 8 ? 63 : 31));
            case Bits bits -> of(bits);
            default -> 0;
        };
    }

    private static long of(Alu op) {
        return switch (op) {
            case AND, OR, XOR, TEST -> AF;
            case MUL, IMUL1, IMUL -> SF | ZF | AF | PF;
            case DIV, IDIV -> STATUS;
            case ADD, ADC, SUB, SBB, CMP, INC, DEC, NOT, NEG, XADD, CMPXCHG, CMPXCHG8B -> 0;
            case DAA, DAS -> OF;
            case AAA, AAS -> OF | SF | ZF | PF;
            case AAM, AAD -> OF | AF | CF;
        };
    }

    private static long of(Shift op, int width, int count) {
        if (count == 0) {
            return 0;
        }
        long overflow = count == 1 ? 0 : OF;
        int bits = 8 * width;
        return switch (op) {
            case ROL, ROR, RCL, RCR -> overflow;
            case SHL, SAL, SHR -> AF | overflow | (count >= bits ? CF : 0);
            case SAR -> AF | overflow;
            case SHLD, SHRD -> AF | overflow | (count > bits ? STATUS : 0);
        };
    }

    private static long of(Bits op) {
        return switch (op) {
            case BT, BTS, BTR, BTC -> OF | SF | AF | PF;
            case BSF, BSR -> CF | OF | SF | AF | PF;
            case POPCNT, BSWAP -> 0;
        };
    }
}
