package nestbox.conformance.oracle;

import nestbox.x86.RFlags;

import java.util.ArrayList;
import java.util.List;

/// Compares two outcomes of a case in everything that the manual defines.
final class Comparison {
    private static final String[] GPR = {
        "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
        "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15",
    };

    private static final long COMPARED_FLAGS =
            RFlags.STATUS | RFlags.DF | RFlags.AC | RFlags.NT | RFlags.ID | RFlags.IF;

    private static final int FXSAVE_ST = 32;
    private static final int FXSAVE_XMM = 160;
    private static final int FXSAVE_END = 416;

    private final Case test;
    private final State expected;
    private final State actual;
    private final List<String> differences = new ArrayList<>();

    private Comparison(Case test, State expected, State actual) {
        this.test = test;
        this.expected = expected;
        this.actual = actual;
    }

    /// @return a line for each thing that differs; none when the outcomes agree
    static List<String> differences(Case test, State expected, State actual) {
        if (HostDifferences.isTie(test, expected, actual)) {
            return List.of();
        }
        Comparison comparison = new Comparison(test, expected, actual);
        comparison.exceptions();
        comparison.registers();
        comparison.memory();
        comparison.floatingPoint();
        return comparison.differences;
    }

    private void compare(String what, long before, long wanted, long got) {
        if (wanted != got) {
            differences.add(
                    "%-8s before %016x expected %016x actual %016x"
                            .formatted(what, before, wanted, got));
        }
    }

    private void exceptions() {
        compare("vector", 0, expected.vector(), actual.vector());
        if (expected.vector() == actual.vector()) {
            int wanted = HostDifferences.errorCode(expected);
            compare("error", 0, wanted, HostDifferences.errorCode(actual));
            if (HostDifferences.comparesFaultAddress(test)) {
                compare("CR2", 0, expected.faultAddress(), actual.faultAddress());
            }
        }
    }

    private void registers() {
        State before = test.before();
        compare("RIP", before.rip(), expected.rip(), actual.rip());
        long undefined = test.undefinedFlags() | HostDifferences.flags(test, expected);
        long compared = COMPARED_FLAGS & ~undefined;
        long flags = before.rflags();
        compare("RFLAGS", flags, expected.rflags() & compared, actual.rflags() & compared);
        for (int i = 0; i < 16 && HostDifferences.comparesRegisters(test, expected); i++) {
            // What becomes of the upper halves outside 64-bit mode is undefined.
            long defined = before.code32() && i < 8 ? 0xFFFF_FFFFL : -1;
            compare(GPR[i], before.gpr(i), expected.gpr(i) & defined, actual.gpr(i) & defined);
        }
        compare("FS base", before.fsBase(), expected.fsBase(), actual.fsBase());
        compare("GS base", before.gsBase(), expected.gsBase(), actual.gsBase());
    }

    private void memory() {
        if (expected.strayWrite() != actual.strayWrite()) {
            differences.add("writes outside the windows: expected " + expected.strayWrite());
        }
        for (Layout.Window window : Layout.windows()) {
            for (int i = 0; i < window.size(); i++) {
                int offset = window.offset() + i;
                long address = window.address() + i;
                if (expected.memory(offset) != actual.memory(offset)
                        && !HostDifferences.storedDiffers(test, address - test.operandAddress())) {
                    compare(
                            "[%x]".formatted(address),
                            test.before().memory(offset) & 0xFF,
                            expected.memory(offset) & 0xFF,
                            actual.memory(offset) & 0xFF);
                }
            }
        }
    }

    private void floatingPoint() {
        State before = test.before();
        compare("FCW", before.fcw(), expected.fcw(), actual.fcw());
        compare("MXCSR", before.mxcsr(), expected.mxcsr(), actual.mxcsr());
        boolean x87 = HostDifferences.comparesX87(test, expected);
        if (x87) {
            int defined = HostDifferences.definedStatus(test, expected);
            compare("FSW", before.fsw(), expected.fsw() & defined, actual.fsw() & defined);
            compare("FTW", before.ftw(), expected.ftw(), actual.ftw());
        }
        for (int offset = x87 ? FXSAVE_ST : FXSAVE_XMM; offset < FXSAVE_END; offset += 8) {
            long wanted = fxsave(expected, offset);
            long got = fxsave(actual, offset);
            if (wanted != got && !isNear(offset, wanted, got)) {
                compare(register(offset), fxsave(before, offset), wanted, got);
            }
        }
    }

    private boolean isNear(int offset, long wanted, long got) {
        if (offset >= FXSAVE_XMM) {
            return Approximation.isReciprocal(test.row().op()) && Approximation.near(wanted, got);
        }
        int st = (offset - FXSAVE_ST) / 16;
        boolean result = st < 2 && Approximation.isTranscendental(test.row().op());
        return result && Approximation.near(expected, actual, st);
    }

    private static long fxsave(State state, int offset) {
        long value = 0;
        for (int i = 7; i >= 0; i--) {
            value = value << 8 | state.fxsave(offset + i) & 0xFF;
        }
        return value;
    }

    private static String register(int offset) {
        boolean xmm = offset >= FXSAVE_XMM;
        int start = xmm ? FXSAVE_XMM : FXSAVE_ST;
        String name = (xmm ? "XMM" : "ST") + (offset - start) / 16;
        return name + (offset % 16 == 0 ? ".low" : ".high");
    }
}
