package nestbox.devices;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/// Collects the little-endian bytes of a firmware table.
public final class TableBytes {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    public TableBytes u8(int value) {
        bytes.write(value);
        return this;
    }

    public TableBytes u16(int value) {
        return u8(value).u8(value >> 8);
    }

    public TableBytes u32(long value) {
        return u16((int) value).u16((int) (value >> 16));
    }

    public TableBytes u64(long value) {
        return u32(value).u32(value >> 32);
    }

    public TableBytes bytes(byte[] value) {
        bytes.writeBytes(value);
        return this;
    }

    public TableBytes zeros(int count) {
        return bytes(new byte[count]);
    }

    /// Text of a fixed length, cut or filled with a byte.
    public TableBytes text(String value, int length, char fill) {
        byte[] ascii = value.getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < length; i++) {
            u8(i < ascii.length ? ascii[i] : fill);
        }
        return this;
    }

    /// Text without an end mark.
    public TableBytes text(String value) {
        return bytes(value.getBytes(StandardCharsets.US_ASCII));
    }

    /// Fills with zeros up to a multiple of `alignment`.
    public TableBytes align(int alignment) {
        return zeros(Math.floorMod(-bytes.size(), alignment));
    }

    public int size() {
        return bytes.size();
    }

    public byte[] toByteArray() {
        return bytes.toByteArray();
    }

    /// Sets the byte at `at` so that the bytes of a range add up to zero.
    public static void setChecksum(byte[] table, int from, int to, int at) {
        table[at] = 0;
        int sum = 0;
        for (int i = from; i < to; i++) {
            sum += table[i];
        }
        table[at] = (byte) -sum;
    }
}
