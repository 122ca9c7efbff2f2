package nestbox.cpu.decode;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.integer.AluOperations;
import nestbox.cpu.integer.BitOperations;
import nestbox.cpu.integer.Branches;
import nestbox.cpu.integer.Moves;
import nestbox.cpu.integer.Shifts;
import nestbox.cpu.integer.Strings;
import nestbox.cpu.simd.IntegerSimdOperations;
import nestbox.cpu.sse.FloatSimdOperations;
import nestbox.cpu.system.SystemInstructions;
import nestbox.cpu.vmx.Intercepts;
import nestbox.cpu.vmx.VmxInstructions;
import nestbox.cpu.x87.X87Operations;
import nestbox.cpu.xsave.StateSaves;
import nestbox.x86.Alu;
import nestbox.x86.Bits;
import nestbox.x86.Branch;
import nestbox.x86.FloatSimd;
import nestbox.x86.IntegerSimd;
import nestbox.x86.Move;
import nestbox.x86.Op;
import nestbox.x86.Shift;
import nestbox.x86.StateSave;
import nestbox.x86.StringOp;
import nestbox.x86.SystemOp;
import nestbox.x86.Vector;
import nestbox.x86.VmxOp;
import nestbox.x86.X87;

import java.util.HashMap;
import java.util.Map;

/// Gives a decoded instruction its handler: the families' semantics, made once for each operation.
final class Handlers {
    static final Handler UNDEFINED =
            Handler.of(
                    (cpu, insn) -> {
                        throw cpu.fault(Vector.UD, 0);
                    });

    /// SDM Vol. 2A, "Instruction Prefixes": more than 15 bytes are #GP(0).
    static final Handler TOO_LONG =
            Handler.of(
                    (cpu, insn) -> {
                        throw cpu.fault(Vector.GP, 0);
                    });

    private static final Map<Op, Handler> CACHE = new HashMap<>();

    private Handlers() {}

    /// @param nonRoot for a guest in VMX non-root operation
    static Handler of(Insn insn, boolean nonRoot) {
        Handler usual = of(insn);
        return nonRoot ? Intercepts.of(insn, usual) : usual;
    }

    private static synchronized Handler of(Insn insn) {
        if (insn.row.op() instanceof SystemOp op && !SystemInstructions.isDefined(op, insn)) {
            return UNDEFINED;
        }
        Handler handler = family(insn);
        return insn.row.isPrivileged() ? new Privileged(handler) : handler;
    }

    /// The families whose handlers depend on more than the operation come first.
    private static Handler family(Insn insn) {
        return switch (insn.row.op()) {
            case Alu op -> AluOperations.of(op, insn);
            case Move op -> Moves.of(op, insn);
            case Branch op -> branch(op, insn);
            case Shift op -> Shifts.of(op, insn);
            case Bits op -> cached(op, BitOperations.of(op));
            case StringOp op -> cached(op, Strings.of(op));
            case SystemOp op -> cached(op, SystemInstructions.of(op));
            case IntegerSimd op -> cached(op, IntegerSimdOperations.of(op));
            case X87 op -> cached(op, X87Operations.of(op));
            case FloatSimd op -> cached(op, FloatSimdOperations.of(op));
            case StateSave op -> cached(op, StateSaves.of(op));
            case VmxOp op -> cached(op, VmxInstructions.of(op));
        };
    }

    private static Handler branch(Branch op, Insn insn) {
        boolean near64 = insn.codeSize == 8 && insn.row.operands().size() < 2;
        return switch (op) {
            case JCC -> Moves.jump(insn);
            case CALL -> near64 ? Moves.callOrReturn(true) : cached(op, Branches.of(op));
            case RET ->
                    near64 && insn.row.operands().isEmpty()
                            ? Moves.callOrReturn(false)
                            : cached(op, Branches.of(op));
            default -> cached(op, Branches.of(op));
        };
    }

    private static Handler cached(Op op, Semantic semantic) {
        Handler handler = CACHE.get(op);
        if (handler == null) {
            handler = Handler.of(semantic);
            CACHE.put(op, handler);
        }
        return handler;
    }

    /// #GP(0) unless CPL = 0, before anything else.
    private static final class Privileged extends Handler {
        private final Handler handler;

        Privileged(Handler handler) {
            this.handler = handler;
        }

        @Override
        public void execute(Cpu cpu, Insn insn) {
            if (cpu.cpl != 0) {
                throw cpu.generalProtection();
            }
            handler.execute(cpu, insn);
        }
    }
}
