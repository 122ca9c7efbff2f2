package nestbox.conformance.oracle;

import nestbox.conformance.oracle.Values.Flavour;

import java.util.SplittableRandom;

/// Fills the x87 state and MXCSR.
final class FloatingPoint {
    private static final int FSW_CONDITIONS = 0x4700;
    private static final int FSW_SUMMARY = 0x8080;
    private static final int MASKS = 0x3F;
    private static final int FCW_FIXED = 0x0040;
    private static final int MXCSR_DAZ = 1 << 6;
    private static final int MXCSR_FTZ = 1 << 15;

    private FloatingPoint() {}

    static void fill(SplittableRandom random, Values values, Encoding code, State state) {
        boolean mmx = Traits.usesMmx(code.row);
        for (int i = 0; i < 8; i++) {
            if (mmx) {
                state.st(i, 0xFFFF, values.quadword(Flavour.INTEGER));
            } else {
                values.extended(state, i);
            }
        }
        int masks = values.oneIn(5) ? random.nextInt(MASKS + 1) : MASKS;
        int precision = values.oneIn(3) ? random.nextInt(4) : 3;
        state.fcw(FCW_FIXED | masks | precision << 8 | random.nextInt(4) << 10);
        state.fsw(statusWord(random, values, masks));
        state.ftw(values.oneIn(4) ? random.nextInt(256) : 0xFF);
        state.mxcsr(mxcsr(random, values));
    }

    private static int statusWord(SplittableRandom random, Values values, int masks) {
        int status = random.nextInt(8) << 11 | random.nextInt() & FSW_CONDITIONS;
        int exceptions = random.nextInt(MASKS + 1);
        if (!values.oneIn(20)) {
            exceptions &= masks;
        }
        boolean pending = (exceptions & ~masks) != 0;
        int stackFault = (exceptions & 1) != 0 ? random.nextInt(2) << 6 : 0;
        return status | exceptions | stackFault | (pending ? FSW_SUMMARY : 0);
    }

    private static int mxcsr(SplittableRandom random, Values values) {
        int masks = values.oneIn(5) ? random.nextInt(MASKS + 1) : MASKS;
        int flags = values.oneIn(2) ? 0 : random.nextInt(MASKS + 1);
        int daz = values.oneIn(4) ? MXCSR_DAZ : 0;
        int ftz = values.oneIn(4) ? MXCSR_FTZ : 0;
        return flags | daz | masks << 7 | random.nextInt(4) << 13 | ftz;
    }
}
