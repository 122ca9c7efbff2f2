package nestbox.conformance.oracle;

import nestbox.conformance.oracle.Values.Flavour;
import nestbox.x86.Alu;
import nestbox.x86.FloatSimd;
import nestbox.x86.IntegerSimd;
import nestbox.x86.Move;
import nestbox.x86.OpcodeRow;
import nestbox.x86.Operand;
import nestbox.x86.Operand.Place;
import nestbox.x86.StateSave;
import nestbox.x86.StringOp;
import nestbox.x86.X87;

/// What the generator has to know of a row beyond its operand codes.
final class Traits {
    private static final int FXSAVE_SIZE = 512;
    private static final int XSAVE_HEADER_SIZE = 64;

    private Traits() {}

    static boolean isX87(OpcodeRow row) {
        return row.op() instanceof X87;
    }

    static boolean usesMmx(OpcodeRow row) {
        for (Operand operand : row.operands()) {
            switch (operand) {
                case Pq, Qd, Qq, Nq -> {
                    return true;
                }
                default -> {}
            }
        }
        return row.op() == IntegerSimd.EMMS;
    }

    static boolean usesXmm(OpcodeRow row) {
        for (Operand operand : row.operands()) {
            switch (operand) {
                case Vx, Wb, Ww, Wd, Wq, Wx, Ux -> {
                    return true;
                }
                default -> {}
            }
        }
        return false;
    }

    /// The number format that most of the row's operands have.
    static Flavour flavour(OpcodeRow row) {
        String source = row.op().name();
        if (isX87(row)) {
            return Flavour.EXTENDED;
        } else if (!(row.op() instanceof FloatSimd)) {
            return Flavour.INTEGER;
        } else if (source.contains("2")) {
            source = source.substring(0, source.indexOf('2'));
        }
        if (source.contains("PS") || source.contains("SS")) {
            return Flavour.SINGLE;
        } else if (source.contains("PD") || source.contains("SD")) {
            return Flavour.DOUBLE;
        }
        return Flavour.INTEGER;
    }

    /// Whether to try it with RFLAGS.AC: whether SSE and x87 accesses, the one with which ENTER
    /// probes the stack, and how much PUSH of a segment register writes, are left to the processor.
    static boolean checksAlignment(OpcodeRow row) {
        boolean general = !isX87(row) && !usesXmm(row) && !usesMmx(row);
        boolean stack = row.op() == Move.ENTER || row.op() == Move.PUSH_SREG;
        return general && memoryWidth(row) < 16 && !stack;
    }

    static boolean compares(StringOp op) {
        return op == StringOp.CMPS || op == StringOp.SCAS;
    }

    private static int memoryWidth(OpcodeRow row) {
        return memoryWidth(row, 8, false);
    }

    static int memoryWidth(Encoding code) {
        return memoryWidth(code.row, code.operandSize(), code.rexW);
    }

    private static int memoryWidth(OpcodeRow row, int operandSize, boolean rexW) {
        if (row.op() == Alu.CMPXCHG8B) {
            return rexW ? 16 : 8;
        } else if (row.op() instanceof StateSave op) {
            boolean legacy = op == StateSave.FXSAVE || op == StateSave.FXRSTOR;
            return legacy ? FXSAVE_SIZE : FXSAVE_SIZE + XSAVE_HEADER_SIZE;
        } else if (row.operands().contains(Operand.Mstate)) {
            return operandSize == 2 ? 94 : 108;
        } else if (row.operands().contains(Operand.Menv)) {
            return operandSize == 2 ? 14 : 28;
        }
        for (Operand operand : row.operands()) {
            if (operand.place() == Place.RM
                    || operand.place() == Place.MEMORY
                    || operand.place() == Place.OFFSET) {
                return operand.width(operandSize);
            }
        }
        return 8;
    }
}
