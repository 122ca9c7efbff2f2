package nestbox.x86;

import static nestbox.x86.OpcodeRow.Mandatory.NONE;
import static nestbox.x86.Operand.M;

/// FXSAVE and the XSAVE family: groups 9 and 15 of SDM Vol. 2D, Table A-6. With REX.W, pointers are
/// saved with 64 bits.
final class StateSaveMap {
    private StateSaveMap() {}

    private static void row(int opcode, int digit, Op op) {
        OpcodeMap.row(1, opcode, op, M).ext(digit).memory().prefix(NONE);
    }

    static void rows() {
        row(0xAE, 0, StateSave.FXSAVE);
        row(0xAE, 1, StateSave.FXRSTOR);
        row(0xAE, 4, StateSave.XSAVE);
        row(0xAE, 5, StateSave.XRSTOR);
        row(0xAE, 6, StateSave.XSAVEOPT);
        row(0xC7, 3, StateSave.XRSTORS);
        row(0xC7, 4, StateSave.XSAVEC);
        row(0xC7, 5, StateSave.XSAVES);
    }
}
