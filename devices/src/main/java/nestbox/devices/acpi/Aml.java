package nestbox.devices.acpi;

import nestbox.devices.TableBytes;

import java.util.Arrays;
import java.util.List;

/// Encodes ACPI machine language: each method gives the bytes of one term, of which larger terms
/// are made. After the ACPI specification, chapter "ACPI Machine Language (AML) Specification".
final class Aml {
    private static final int ZERO_OP = 0x00;
    private static final int ONE_OP = 0x01;
    private static final int NAME_OP = 0x08;
    private static final int BYTE_PREFIX = 0x0A;
    private static final int WORD_PREFIX = 0x0B;
    private static final int DWORD_PREFIX = 0x0C;
    private static final int STRING_PREFIX = 0x0D;
    private static final int QWORD_PREFIX = 0x0E;
    private static final int SCOPE_OP = 0x10;
    private static final int BUFFER_OP = 0x11;
    private static final int PACKAGE_OP = 0x12;
    private static final int METHOD_OP = 0x14;
    private static final int DUAL_NAME_PREFIX = 0x2E;
    private static final int MULTI_NAME_PREFIX = 0x2F;
    private static final int EXT_OP_PREFIX = 0x5B;
    private static final int DEVICE_OP = 0x82;
    private static final int LOCAL0_OP = 0x60;
    private static final int ARG0_OP = 0x68;
    private static final int STORE_OP = 0x70;
    private static final int OR_OP = 0x7D;
    private static final int CREATE_DWORD_FIELD_OP = 0x8A;
    private static final int LEQUAL_OP = 0x93;
    private static final int IF_OP = 0xA0;
    private static final int RETURN_OP = 0xA4;
    private static final int SEGMENT = 4;

    private Aml() {}

    static byte[] integer(long value) {
        TableBytes out = new TableBytes();
        if (value == 0) {
            out.u8(ZERO_OP);
        } else if (value == 1) {
            out.u8(ONE_OP);
        } else if (value >>> 8 == 0) {
            out.u8(BYTE_PREFIX).u8((int) value);
        } else if (value >>> 16 == 0) {
            out.u8(WORD_PREFIX).u16((int) value);
        } else if (value >>> 32 == 0) {
            out.u8(DWORD_PREFIX).u32(value);
        } else {
            out.u8(QWORD_PREFIX).u64(value);
        }
        return out.toByteArray();
    }

    static byte[] string(String value) {
        return new TableBytes().u8(STRING_PREFIX).text(value).u8(0).toByteArray();
    }

    /// A compressed device identifier: three letters and four hexadecimal digits.
    static byte[] eisaId(String id) {
        int letters = id.charAt(0) - '@' << 10 | id.charAt(1) - '@' << 5 | id.charAt(2) - '@';
        int value = letters << 16 | Integer.parseInt(id.substring(3), 16);
        return new TableBytes().u8(DWORD_PREFIX).u32(Integer.reverseBytes(value)).toByteArray();
    }

    static byte[] buffer(byte[] content) {
        return withLength(new byte[] {BUFFER_OP}, join(List.of(integer(content.length), content)));
    }

    static byte[] packageOf(List<byte[]> elements) {
        if (elements.size() > 0xFF) {
            throw new IllegalArgumentException(elements.size() + " elements in a package");
        }
        byte[] count = {(byte) elements.size()};
        return withLength(new byte[] {PACKAGE_OP}, join(List.of(count, join(elements))));
    }

    static byte[] packageOf(byte[]... elements) {
        return packageOf(Arrays.asList(elements));
    }

    static byte[] name(String path, byte[] object) {
        return join(List.of(new byte[] {NAME_OP}, path(path), object));
    }

    static byte[] scope(String path, byte[]... terms) {
        return withLength(new byte[] {SCOPE_OP}, join(List.of(path(path), join(terms))));
    }

    static byte[] device(String path, byte[]... terms) {
        byte[] op = {EXT_OP_PREFIX, (byte) DEVICE_OP};
        return withLength(op, join(List.of(path(path), join(terms))));
    }

    static byte[] method(String path, int arguments, byte[]... terms) {
        byte[] flags = {(byte) arguments};
        return withLength(new byte[] {METHOD_OP}, join(List.of(path(path), flags, join(terms))));
    }

    static byte[] argument(int number) {
        return new byte[] {(byte) (ARG0_OP + number)};
    }

    static byte[] local(int number) {
        return new byte[] {(byte) (LOCAL0_OP + number)};
    }

    static byte[] store(byte[] value, byte[] target) {
        return join(List.of(new byte[] {STORE_OP}, value, target));
    }

    static byte[] or(byte[] left, byte[] right, byte[] target) {
        return join(List.of(new byte[] {OR_OP}, left, right, target));
    }

    static byte[] equal(byte[] left, byte[] right) {
        return join(List.of(new byte[] {(byte) LEQUAL_OP}, left, right));
    }

    static byte[] doubleWordField(byte[] source, int byteIndex, String path) {
        return join(
                List.of(
                        new byte[] {(byte) CREATE_DWORD_FIELD_OP},
                        source,
                        integer(byteIndex),
                        path(path)));
    }

    static byte[] when(byte[] condition, byte[]... terms) {
        return withLength(new byte[] {(byte) IF_OP}, join(List.of(condition, join(terms))));
    }

    static byte[] returns(byte[] value) {
        return join(List.of(new byte[] {(byte) RETURN_OP}, value));
    }

    /// A name as ASL writes it: `\_SB.PCI0`, `_HID`. Short segments are filled with underscores.
    static byte[] path(String path) {
        TableBytes out = new TableBytes();
        String rest = path;
        if (rest.startsWith("\\")) {
            out.u8('\\');
            rest = rest.substring(1);
        }
        String[] segments = rest.isEmpty() ? new String[0] : rest.split("\\.");
        switch (segments.length) {
            case 0 -> out.u8(0);
            case 1 -> {}
            case 2 -> out.u8(DUAL_NAME_PREFIX);
            default -> out.u8(MULTI_NAME_PREFIX).u8(segments.length);
        }
        for (String segment : segments) {
            if (segment.isEmpty() || segment.length() > SEGMENT) {
                throw new IllegalArgumentException("name " + path);
            }
            out.text(segment, SEGMENT, '_');
        }
        return out.toByteArray();
    }

    static byte[] join(byte[]... parts) {
        return join(Arrays.asList(parts));
    }

    static byte[] join(List<byte[]> parts) {
        TableBytes out = new TableBytes();
        parts.forEach(out::bytes);
        return out.toByteArray();
    }

    /// An opcode, the package length and what it spans. The length counts itself: one byte up to
    /// 63, else four bits in the lead byte and one to three bytes more.
    private static byte[] withLength(byte[] op, byte[] content) {
        TableBytes out = new TableBytes().bytes(op);
        if (content.length + 1 < 0x40) {
            out.u8(content.length + 1);
        } else {
            int more = content.length + 2 < 0x1000 ? 1 : content.length + 3 < 0x10_0000 ? 2 : 3;
            int length = content.length + 1 + more;
            out.u8(more << 6 | length & 0xF);
            for (int i = 0; i < more; i++) {
                out.u8(length >> 4 + 8 * i);
            }
        }
        return out.bytes(content).toByteArray();
    }
}
