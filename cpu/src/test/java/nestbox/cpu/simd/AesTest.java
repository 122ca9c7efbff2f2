package nestbox.cpu.simd;

import static nestbox.cpu.simd.Operands.DST;
import static nestbox.cpu.simd.Operands.SRC;
import static nestbox.cpu.simd.Operands.THIRD;
import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I8;
import static nestbox.platform.NativeSpace.SPACE;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.security.GeneralSecurityException;
import java.util.HexFormat;

import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;

/// The AES instructions, put together as software does, are the AES of the JDK.
class AesTest {
    private static final int ROUNDS = 10;
    private static final long KEYS = THIRD + 64;
    private static final long INVERSE_KEYS = KEYS + 16 * (ROUNDS + 1);

    @Test
    void aes128EqualsTheCipherOfTheJdk() throws GeneralSecurityException {
        Operands operands = new Operands(128);
        for (int round = 0; round < 200; round++) {
            operands.fill(SRC, 16);
            operands.fill(DST, 16);
            byte[] plain = Operands.bytes(DST, 16);
            Cipher cipher = Cipher.getInstance("AES/ECB/NoPadding");
            cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(Operands.bytes(SRC, 16), "AES"));
            byte[] expected = cipher.doFinal(plain);

            expandKey(SRC);
            encrypt(DST);
            assertThat(Operands.bytes(DST, 16)).isEqualTo(expected);
            decrypt(DST);
            assertThat(Operands.bytes(DST, 16)).isEqualTo(plain);
        }
    }

    @Test
    void keyWordsOfTheStandardsExample() {
        byte[] key = HexFormat.of().parseHex("2b7e151628aed2a6abf7158809cf4f3c");
        MemorySegment.copy(key, 0, SPACE, I8, SRC, 16);
        expandKey(SRC);
        byte[] last = Operands.bytes(KEYS + 16 * ROUNDS, 16);
        assertThat(HexFormat.of().formatHex(last)).isEqualTo("d014f9a8c9ee2589e13f0cc8b6630ca6");
    }

    private static void expandKey(long key) {
        SPACE.asSlice(KEYS, 16).copyFrom(SPACE.asSlice(key, 16));
        int constant = 1;
        for (int round = 1; round <= ROUNDS; round++) {
            long previous = KEYS + 16 * (round - 1);
            Aes.aeskeygenassist(THIRD, previous, constant);
            int word = SPACE.get(I32, THIRD + 12);
            for (int i = 0; i < 16; i += 4) {
                word ^= SPACE.get(I32, previous + i);
                SPACE.set(I32, previous + 16 + i, word);
            }
            constant = constant == 0x80 ? 0x1b : constant << 1;
        }
        for (int round = 1; round < ROUNDS; round++) {
            Aes.aesimc(INVERSE_KEYS + 16 * round, KEYS + 16 * round);
        }
    }

    private static void encrypt(long block) {
        Packed.lanes(Lanes::pxor, block, KEYS, 16);
        for (int round = 1; round < ROUNDS; round++) {
            Aes.aesenc(block, KEYS + 16 * round);
        }
        Aes.aesenclast(block, KEYS + 16 * ROUNDS);
    }

    private static void decrypt(long block) {
        Packed.lanes(Lanes::pxor, block, KEYS + 16 * ROUNDS, 16);
        for (int round = ROUNDS - 1; round > 0; round--) {
            Aes.aesdec(block, INVERSE_KEYS + 16 * round);
        }
        Aes.aesdeclast(block, KEYS);
    }
}
