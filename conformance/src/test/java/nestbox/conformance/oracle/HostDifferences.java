package nestbox.conformance.oracle;

import nestbox.x86.Branch;
import nestbox.x86.FloatSimd;
import nestbox.x86.Move;
import nestbox.x86.Op;
import nestbox.x86.OpcodeRow.Mod;
import nestbox.x86.Operand;
import nestbox.x86.RFlags;
import nestbox.x86.StateSave;
import nestbox.x86.Vector;
import nestbox.x86.X87;

/// Where the host may rightly differ from the processor that we emulate, which is Intel's.
///
/// The manual's undefined status flags belong to [UndefinedFlags]; here is what an AMD processor,
/// or a Linux kernel under the helper, does otherwise, and what the manual leaves open.
final class HostDifferences {
    private static final int LAST_INSTRUCTION = 6;
    private static final int LAST_INSTRUCTION_END = 24;
    private static final int FXSAVE_MXCSR_MASK = 28;
    private static final int FXSAVE_RESERVED = 416;
    private static final int FXSAVE_SIZE = 512;

    private static final int FSW_C1 = 1 << 9;
    private static final int FSW_C0_C3 = 1 << 8 | 1 << 14;
    private static final int FSW_C0_C2_C3 = FSW_C0_C3 | 1 << 10;
    private static final int INVALID = 1;
    private static final int DENORMAL = 2;
    private static final int STACK_FAULT = 1 << 6;

    /// Linux reports a fault in its own half as a violation, so that programs can't tell what is
    /// mapped there; the last page of the lower half is treated alike.
    private static final long KERNEL_ADDRESSES = 0x0000_7FFF_FFFF_F000L;

    private HostDifferences() {}

    /// Whether AMD processors decode it as Intel's do.
    static boolean encodingAgrees(Encoding code) {
        boolean word = code.operandSize() == 2;
        return switch (code.row.op().name()) {
            // BSWAP of 16 bits is undefined. MOVSXD to 16 bits reads 16 bits, or 32 with AMD.
            case "BSWAP", "MOVSXD" -> !word;
            // AMD: REP prefixes change the condition.
            case "LOOPE", "LOOPNE" -> code.repeat == 0 && !code.prefix66;
            // From memory it doesn't touch the x87 state on AMD processors.
            case "CVTPI2PS" -> code.mod == 3;
            // AMD: LOCK makes CR8 of CR0.
            case "MOV_FROM_CR", "MOV_TO_CR" -> !code.lock;
            // AMD: near branches honour prefix 66 in 64-bit mode and truncate RIP; Intel: ignored.
            default -> !(code.mode64 && code.row.op() instanceof Branch && code.prefix66);
        };
    }

    /// Whether two exceptions are both due, and which comes first isn't the same everywhere.
    static boolean isTie(Case test, State expected, State actual) {
        Op op = test.row().op();
        // AMD: a write only where there is something to change. Intel: perhaps always.
        boolean write = actual.vector() == Vector.GP || actual.vector() == Vector.PF;
        if (op == Move.ARPL && write) {
            return true;
        }
        if (actual.vector() != Vector.GP) {
            return false;
        }
        boolean stack = expected.vector() == Vector.SS;
        // Intel: CALL looks at the target first. AMD: the return address is pushed first.
        boolean call = op == Branch.CALL_INDIRECT;
        // An operand that is neither aligned nor canonical, addressed by RSP or RBP.
        boolean misaligned = (test.operandAddress() & 15) != 0;
        boolean push = stack || expected.vector() == Vector.PF || expected.vector() == Vector.AC;
        return call && push || stack && misaligned;
    }

    /// The page-fault error code without what depends on the kernel.
    static int errorCode(State result) {
        boolean hidden =
                result.vector() == Vector.PF
                        && Long.compareUnsigned(result.faultAddress(), KERNEL_ADDRESSES) >= 0;
        return hidden ? result.errorCode() | 1 : result.errorCode();
    }

    /// Whether general registers can be compared.
    static boolean comparesRegisters(Case test, State expected) {
        // AMD: after a fault POPA has popped some of them.
        return !(test.row().op() == Move.POPA && expected.vector() == Vector.PF);
    }

    /// Status flags that differ although the manual defines them.
    static long flags(Case test, State expected) {
        return switch (test.row().op()) {
            // Intel: unchanged after an unmasked exception. AMD: unordered.
            case X87.FCOMI, X87.FCOMIP, X87.FUCOMI, X87.FUCOMIP ->
                    unmasked(expected, INVALID | DENORMAL) == 0 ? 0 : RFlags.STATUS;
            default -> 0;
        };
    }

    /// Whether CR2 can be compared: AMD processors look at the last byte of a large area first.
    static boolean comparesFaultAddress(Case test) {
        return !(test.row().op() instanceof StateSave || savesEnvironment(test));
    }

    /// Whether x87 and MMX registers can be compared.
    static boolean comparesX87(Case test, State expected) {
        Op op = test.row().op();
        boolean memory = test.row().mod() == Mod.MEMORY;
        if (op == X87.FLD && memory) {
            // AMD: FLD of a denormal completes even when the exception is unmasked.
            return unmasked(expected, DENORMAL) == 0;
        }
        // AMD: the change to MMX registers comes before the SSE exception is found.
        return !(op instanceof FloatSimd && expected.vector() == Vector.XM);
    }

    private static int unmasked(State state, int exceptions) {
        return state.fsw() & ~state.fcw() & 0x3F & exceptions;
    }

    /// The bits of the x87 status word that are defined after the instruction.
    static int definedStatus(Case test, State expected) {
        Op op = test.row().op();
        if (Approximation.isTranscendental(op)) {
            return ~FSW_C1; // The direction of rounding depends on the approximation.
        }
        return op instanceof X87 x87 ? definedStatus(x87, expected) : -1;
    }

    private static int definedStatus(X87 op, State expected) {
        return switch (op) {
            // Undefined.
            case FFREE, FFREEP -> ~FSW_C1;
            // Intel: 0. AMD: changed by a stack fault only.
            case FCOMI, FCOMIP, FUCOMI, FUCOMIP -> ~FSW_C1;
            // Intel: unchanged after an unmasked exception. AMD: unordered.
            case FCOM, FCOMP, FCOMPP, FUCOM, FUCOMP, FUCOMPP, FICOM, FICOMP, FTST ->
                    unmasked(expected, INVALID | DENORMAL) == 0 ? -1 : ~FSW_C0_C2_C3;
            // Where there is no quotient the manual doesn't say what becomes of its bits.
            case FPREM, FPREM1 ->
                    isSpecial(expected) || unmasked(expected, -1) != 0 ? ~FSW_C0_C3 : -1;
            // Whether it overflows or underflows when both may be said.
            case FLD -> (expected.fsw() & STACK_FAULT) == 0 ? -1 : ~FSW_C1;
            default -> -1;
        };
    }

    private static boolean isSpecial(State state) {
        return (state.fsw() & INVALID) != 0 || (state.signExponent(0) & 0x7FFF) == 0x7FFF;
    }

    /// Whether a byte of the memory that the instruction stored may differ.
    ///
    /// AMD processors save the last instruction's pointers only while an exception is pending, and
    /// Intel's need not update them for instructions that raise none.
    static boolean storedDiffers(Case test, long offset) {
        if (test.row().op() == Move.PUSH_SREG && test.operandSize() == 4) {
            // Intel: 16 bits are written. AMD: they are zero-extended.
            long pushed = test.before().gpr(Encoding.RSP) - 4 - test.operandAddress();
            return offset >= pushed + 2 && offset < pushed + 4;
        }
        if (test.row().op() instanceof StateSave) {
            return offset >= LAST_INSTRUCTION && offset < LAST_INSTRUCTION_END
                    || offset >= FXSAVE_MXCSR_MASK && offset < FXSAVE_MXCSR_MASK + 4
                    || offset >= FXSAVE_RESERVED && offset < FXSAVE_SIZE;
        }
        if (!savesEnvironment(test)) {
            return false;
        }
        return test.operandSize() == 2 ? offset >= 6 && offset < 14 : offset >= 12 && offset < 28;
    }

    private static boolean savesEnvironment(Case test) {
        return test.row().operands().contains(Operand.Menv)
                || test.row().operands().contains(Operand.Mstate);
    }
}
