package nestbox.x86;

import nestbox.x86.OpcodeRow.Mandatory;

import java.util.ArrayList;
import java.util.List;

/// All opcode rows, and the search for the one that an instruction's bytes mean.
///
/// Rows of one opcode are tried in the order in which they were written; the first that matches
/// prefix, ModRM and mode is taken, so narrower rows stand before wider ones.
public final class OpcodeMap {
    private static final int MAPS = 4;
    private static final List<OpcodeRow> ROWS = new ArrayList<>();
    private static final OpcodeRow[][][] INDEX = new OpcodeRow[MAPS][256][0];

    static {
        OneByteMap.rows();
        TwoByteMap.rows();
        SystemMap.rows();
        VmxMap.rows();
        IntegerSimdMap.rows();
        X87Map.rows();
        FloatSimdMap.rows();
        StateSaveMap.rows();
        for (OpcodeRow row : ROWS) {
            OpcodeRow[] old = INDEX[row.map()][row.opcode()];
            OpcodeRow[] longer = java.util.Arrays.copyOf(old, old.length + 1);
            longer[old.length] = row;
            INDEX[row.map()][row.opcode()] = longer;
        }
    }

    private OpcodeMap() {}

    /// Adds a row; called by the classes that list them.
    static OpcodeRow row(int map, int opcode, Op op, Operand... operands) {
        OpcodeRow row = new OpcodeRow(map, opcode, op, operands);
        ROWS.add(row);
        return row;
    }

    public static List<OpcodeRow> rows() {
        return List.copyOf(ROWS);
    }

    /// Whether a ModRM byte follows the opcode: then some row of it, and so all, has one.
    public static boolean hasModRm(int map, int opcode) {
        for (OpcodeRow row : INDEX[map][opcode]) {
            if (row.hasModRm()) {
                return true;
            }
        }
        return false;
    }

    /// @param present which of F2, F3 and 66 is there; F2 and F3 go before 66
    /// @param modRm the ModRM byte; anything when there is none
    /// @return the row, or null when the encoding is undefined
    public static OpcodeRow find(
            int map, int opcode, Mandatory present, int modRm, boolean mode64) {
        for (OpcodeRow row : INDEX[map][opcode]) {
            if (row.matches(present, modRm, mode64)) {
                return row;
            }
        }
        return null;
    }
}
