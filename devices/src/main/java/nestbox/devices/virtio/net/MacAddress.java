package nestbox.devices.virtio.net;

/// A 48-bit Ethernet address, the first byte on the wire in the highest bits.
public record MacAddress(long value) {
    public static final int BYTES = 6;

    public static final MacAddress BROADCAST = new MacAddress(0xFFFF_FFFF_FFFFL);

    /// @throws IllegalArgumentException if the text isn't like `52:54:00:12:34:56`
    public static MacAddress parse(String text) {
        if (!text.matches("[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")) {
            throw new IllegalArgumentException(
                    "MAC address \"%s\": write it like 52:54:00:12:34:56".formatted(text));
        }
        return new MacAddress(Long.parseLong(text.replace(":", ""), 16));
    }

    static MacAddress of(byte[] bytes, int at) {
        long value = 0;
        for (int i = 0; i < BYTES; i++) {
            value = value << 8 | bytes[at + i] & 0xFF;
        }
        return new MacAddress(value);
    }

    boolean isMulticast() {
        return (value >>> 40 & 1) != 0;
    }

    /// Bytes as they lie in memory, first byte lowest.
    long littleEndian() {
        return Long.reverseBytes(value) >>> 16;
    }

    @Override
    public String toString() {
        return "%012x".formatted(value).replaceAll("(..)(?!$)", "$1:");
    }
}
