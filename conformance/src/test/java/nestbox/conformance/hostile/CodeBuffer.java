package nestbox.conformance.hostile;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;

/// Machine code in the making.
final class CodeBuffer {
    private static final int OPERAND_SIZE = 0x66;

    private final ByteBuffer bytes = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);

    /// @param hex bytes, with spaces where it reads better
    CodeBuffer hex(String hex) {
        bytes.put(HexFormat.of().parseHex(hex.replace(" ", "")));
        return this;
    }

    CodeBuffer byteValue(int value) {
        bytes.put((byte) value);
        return this;
    }

    CodeBuffer word(int value) {
        bytes.putShort((short) value);
        return this;
    }

    CodeBuffer doubleWord(long value) {
        bytes.putInt((int) value);
        return this;
    }

    CodeBuffer quadWord(long value) {
        bytes.putLong(value);
        return this;
    }

    /// MOV r64, imm64.
    CodeBuffer move64(int register, long value) {
        byteValue(0x48 | register >> 3).byteValue(0xB8 | register & 7);
        return quadWord(value);
    }

    /// MOV r32, imm32 in 32-bit and 64-bit code.
    CodeBuffer move32(int register, long value) {
        return byteValue(0xB8 | register).doubleWord(value);
    }

    /// WRMSR in 32-bit and 64-bit code.
    CodeBuffer writeMsr(int number, long value) {
        return move32(1, number).move32(0, value).move32(2, value >>> 32).hex("0F30");
    }

    /// OUT DX of 1, 2 or 4 bytes, in 32-bit and 64-bit code.
    CodeBuffer out(int port, int width, long value) {
        move32(2, port).move32(0, value);
        return portInstruction(0xEE, width);
    }

    /// IN from DX of 1, 2 or 4 bytes, in 32-bit and 64-bit code.
    CodeBuffer in(int port, int width) {
        move32(2, port);
        return portInstruction(0xEC, width);
    }

    private CodeBuffer portInstruction(int byteForm, int width) {
        if (width == 2) {
            byteValue(OPERAND_SIZE);
        }
        return byteValue(width == 1 ? byteForm : byteForm + 1);
    }

    /// Stores 1, 2, 4 or 8 bytes, in 64-bit code.
    CodeBuffer store(long address, int width, long value) {
        move64(3, address).move64(0, value);
        return switch (width) {
            case 1 -> hex("8803");
            case 2 -> hex("668903");
            case 4 -> hex("8903");
            default -> hex("488903");
        };
    }

    /// Loads 1, 2, 4 or 8 bytes, in 64-bit code.
    CodeBuffer load(long address, int width) {
        move64(3, address);
        return switch (width) {
            case 1 -> hex("8A03");
            case 2 -> hex("668B03");
            case 4 -> hex("8B03");
            default -> hex("488B03");
        };
    }

    int size() {
        return bytes.position();
    }

    byte[] toBytes() {
        return Arrays.copyOf(bytes.array(), bytes.position());
    }
}
