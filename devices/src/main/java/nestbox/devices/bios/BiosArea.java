package nestbox.devices.bios;

import nestbox.devices.BoardMap;
import nestbox.devices.FirmwareImage;
import nestbox.platform.Ram;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/// What a BIOS leaves in the first mebibyte: interrupt vectors, handlers that they point to, and
/// its data area with the extended one.
///
/// There is no BIOS behind it. But a boot program that takes its place in low memory from the data
/// area must find one, and one that calls a service in real-address mode must hear that there is
/// no such service, or it goes astray. The places and fields are those of the IBM PC/AT.
public final class BiosArea {
    /// End of the memory that programs can use below the video window; the extended data area
    /// follows.
    public static final long CONVENTIONAL_END = 0x9_F000;

    private static final long VIDEO = 0xA_0000;

    private static final int VECTORS = 256;
    private static final int SEGMENT = 0xF000;

    /// Where the PC/AT has its interrupt handler that does nothing.
    private static final int HANDLERS = 0xFF53;

    private static final int FIRST_SERVICE = 0x10;
    private static final int EQUIPMENT_SERVICE = 0x11;
    private static final int MEMORY_SERVICE = 0x12;
    private static final int LAST_SERVICE = 0x1A;

    // The data area
    private static final int DATA = 0x400;
    private static final int DATA_SIZE = 0x100;
    private static final int SERIAL_PORTS = 0x00;
    private static final int EXTENDED_DATA_SEGMENT = 0x0E;
    private static final int EQUIPMENT = 0x10;
    private static final int MEMORY_KIBIBYTES = 0x13;

    /// Two serial ports, no display of the old kinds, no drive.
    private static final int EQUIPMENT_WORD = 2 << 9;

    private static final byte[] RETURN = {(byte) 0xCF}; // IRET

    /// Returns with CF set and AH = 86h, which is: no such function.
    private static final byte[] REFUSE = {
        0x55, // PUSH BP
        (byte) 0x8B,
        (byte) 0xEC, // MOV BP,SP
        (byte) 0x80,
        0x4E,
        0x06,
        0x01, // OR BYTE [BP+6],1
        0x5D, // POP BP
        (byte) 0xB4,
        (byte) 0x86, // MOV AH,86H
        (byte) 0xCF // IRET
    };

    private static final byte[] TELL_EQUIPMENT = tell(EQUIPMENT);
    private static final byte[] TELL_MEMORY = tell(MEMORY_KIBIBYTES);

    private BiosArea() {}

    public static void install(Ram ram) {
        for (FirmwareImage part : List.of(vectors(), data(), extendedData(), handlers())) {
            part.install(ram);
        }
    }

    private static FirmwareImage vectors() {
        ByteBuffer table = buffer(VECTORS * 4);
        for (int vector = 0; vector < VECTORS; vector++) {
            table.putShort((short) handler(vector)).putShort((short) SEGMENT);
        }
        return new FirmwareImage(0, table.array());
    }

    private static int handler(int vector) {
        if (vector < FIRST_SERVICE || vector > LAST_SERVICE) {
            return HANDLERS;
        }
        int refuse = HANDLERS + RETURN.length;
        int equipment = refuse + REFUSE.length;
        return switch (vector) {
            case EQUIPMENT_SERVICE -> equipment;
            case MEMORY_SERVICE -> equipment + TELL_EQUIPMENT.length;
            default -> refuse;
        };
    }

    private static FirmwareImage data() {
        ByteBuffer data = buffer(DATA_SIZE);
        data.putShort(SERIAL_PORTS, (short) BoardMap.COM1);
        data.putShort(SERIAL_PORTS + 2, (short) BoardMap.COM2);
        data.putShort(EXTENDED_DATA_SEGMENT, (short) (CONVENTIONAL_END >> 4));
        data.putShort(EQUIPMENT, (short) EQUIPMENT_WORD);
        data.putShort(MEMORY_KIBIBYTES, (short) (CONVENTIONAL_END >> 10));
        return new FirmwareImage(DATA, data.array());
    }

    /// It starts with its size in KiB.
    private static FirmwareImage extendedData() {
        byte[] size = {(byte) (VIDEO - CONVENTIONAL_END >> 10)};
        return new FirmwareImage(CONVENTIONAL_END, size);
    }

    private static FirmwareImage handlers() {
        ByteBuffer code =
                buffer(RETURN.length + REFUSE.length + TELL_EQUIPMENT.length + TELL_MEMORY.length);
        code.put(RETURN).put(REFUSE).put(TELL_EQUIPMENT).put(TELL_MEMORY);
        return new FirmwareImage(((long) SEGMENT << 4) + HANDLERS, code.array());
    }

    /// Code that returns a word of the data area in AX.
    private static byte[] tell(int field) {
        return buffer(10)
                .put((byte) 0x1E) // PUSH DS
                .put(new byte[] {0x33, (byte) 0xC0}) // XOR AX,AX
                .put(new byte[] {(byte) 0x8E, (byte) 0xD8}) // MOV DS,AX
                .put((byte) 0xA1) // MOV AX,[field]
                .putShort((short) (DATA + field))
                .put((byte) 0x1F) // POP DS
                .put((byte) 0xCF) // IRET
                .array();
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
