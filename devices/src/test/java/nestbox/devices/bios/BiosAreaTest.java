package nestbox.devices.bios;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.platform.GuestMemory;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BiosAreaTest {
    private static final int IRET = 0xCF;

    private final GuestMemory memory = new GuestMemory(2 << 20);

    @BeforeEach
    void install() {
        BiosArea.install(memory);
    }

    @AfterEach
    void close() {
        memory.close();
    }

    private int word(long address) {
        return memory.readShort(address);
    }

    private long handler(int vector) {
        return ((long) word(4 * vector + 2) << 4) + word(4 * vector);
    }

    @Test
    void theDataAreaTellsWhereConventionalMemoryEnds() {
        assertThat(word(0x413)).isEqualTo(636);
        assertThat(word(0x40E) << 4).isEqualTo(636 << 10);
        assertThat(memory.readByte(636 << 10)).as("KiB of the extended area").isEqualTo(4);
    }

    @Test
    void theDataAreaNamesTheSerialPorts() {
        assertThat(word(0x400)).isEqualTo(0x3F8);
        assertThat(word(0x402)).isEqualTo(0x2F8);
        assertThat(word(0x404)).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {0x00, 0x08, 0x0F, 0x1B, 0x70, 0xFF})
    void vectorsWithoutAServiceReturnAtOnce(int vector) {
        assertThat(memory.readByte(handler(vector))).isEqualTo(IRET);
    }

    @Test
    void servicesHaveHandlersBelowTheResetVector() {
        for (int vector = 0x10; vector <= 0x1A; vector++) {
            assertThat(handler(vector)).isGreaterThan(handler(0)).isLessThan(0xF_FFF0);
        }
    }
}
