package nestbox.conformance.oracle;

import nestbox.x86.OpcodeMap;
import nestbox.x86.OpcodeRow.Mandatory;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Every encoding that the opcode tables leave empty: none may mean something to the host, unless
/// it belongs to an extension that the emulated processor doesn't have.
final class UnlistedEncodings {
    private static final int[] PREFIXES = {0, 0x66, 0xF3, 0xF2};
    private static final Mandatory[] PRESENT = {
        Mandatory.NONE, Mandatory.P66, Mandatory.PF3, Mandatory.PF2
    };

    /// Of an encoding, with the prefix 0 when there is none.
    record Encoded(int map, int opcode, int prefix, int modRm) {
        byte[] bytes() {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            if (prefix != 0) {
                out.write(prefix);
            }
            if (map > 0) {
                out.write(0x0F);
            }
            if (map > 1) {
                out.write(map == 2 ? 0x38 : 0x3A);
            }
            out.write(opcode);
            out.write(modRm);
            if (map == 3) {
                out.write(0);
            }
            return out.toByteArray();
        }

        int reg() {
            return modRm >> 3 & 7;
        }

        boolean isMemory() {
            return modRm < 0xC0;
        }

        @Override
        public String toString() {
            String operand = isMemory() ? "memory" : "register";
            return "map%d %02X prefix %02X /%d %s".formatted(map, opcode, prefix, reg(), operand);
        }
    }

    private UnlistedEncodings() {}

    static List<Encoded> all() {
        List<Encoded> all = new ArrayList<>();
        for (int map = 0; map < 4; map++) {
            for (int opcode = 0; opcode < 256; opcode++) {
                if (!isPrefixOrEscape(map, opcode)) {
                    addUnlisted(map, opcode, all);
                }
            }
        }
        return all;
    }

    private static boolean isPrefixOrEscape(int map, int opcode) {
        return switch (map) {
            case 0 ->
                    switch (opcode) {
                        case 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67 -> true;
                        case 0xF0, 0xF2, 0xF3, 0x0F -> true;
                        default -> (opcode & 0xF0) == 0x40;
                    };
            case 1 -> opcode == 0x38 || opcode == 0x3A;
            default -> false;
        };
    }

    private static void addUnlisted(int map, int opcode, List<Encoded> all) {
        for (int i = 0; i < PREFIXES.length; i++) {
            for (int modRm = 0; modRm < 256; modRm++) {
                boolean memory = modRm < 0x40 && (modRm & 7) == 0;
                boolean listed = OpcodeMap.find(map, opcode, PRESENT[i], modRm, true) != null;
                if ((memory || modRm >= 0xC0) && !listed) {
                    all.add(new Encoded(map, opcode, PREFIXES[i], modRm));
                }
            }
        }
    }

    /// @return the extension that it belongs to
    static Optional<String> extension(Encoded code) {
        String name =
                switch (code.map()) {
                    case 0 -> oneByte(code.opcode());
                    case 1 -> twoByte(code);
                    case 2 -> threeByte38(code);
                    default -> threeByte3A(code);
                };
        return Optional.ofNullable(name.isEmpty() ? null : name);
    }

    private static String oneByte(int opcode) {
        return switch (opcode) {
            case 0xC4, 0xC5, 0x62 -> "VEX and EVEX";
            default -> "";
        };
    }

    private static String twoByte(Encoded code) {
        return switch (code.opcode()) {
            case 0x01 ->
                    switch (code.reg()) {
                        case 0 -> "SERIALIZE, WRMSRNS, PCONFIG";
                        case 3 -> "SVM";
                        case 5 -> "PKU, SERIALIZE, shadow stacks";
                        case 7 -> "MONITORX, CLZERO, RDPRU";
                        default -> "";
                    };
            case 0x05, 0x34 -> "";
            case 0x78, 0x79 -> "SSE4a";
            case 0x2B -> "SSE4a";
            case 0xAE -> code.isMemory() ? "XSAVE, CLWB, CLFLUSHOPT" : "";
            case 0xC7 -> code.isMemory() ? "XSAVES, XSAVEC" : code.reg() == 7 ? "RDPID" : "";
            default -> "";
        };
    }

    private static String threeByte38(Encoded code) {
        return switch (code.opcode()) {
            case 0xC8, 0xC9, 0xCA, 0xCB, 0xCC, 0xCD -> "SHA";
            case 0xCF -> "GFNI";
            case 0xF5, 0xF6 -> "ADX, shadow stacks";
            case 0xF8 -> "MOVDIR64B, ENQCMD";
            case 0xF9 -> "MOVDIRI";
            default -> "";
        };
    }

    private static String threeByte3A(Encoded code) {
        return switch (code.opcode()) {
            case 0xCC -> "SHA";
            case 0xCE, 0xCF -> "GFNI";
            default -> "";
        };
    }
}
