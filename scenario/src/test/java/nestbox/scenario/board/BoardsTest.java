package nestbox.scenario.board;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.scenario.board.Board.SerialPort;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.InputStream;

class BoardsTest {
    @Test
    void builtInBoardsAreRead() throws IOException {
        for (String name : Boards.names()) {
            try (InputStream in = Boards.class.getResourceAsStream(name + ".xml")) {
                BoardResult result = Boards.parse(in, name);
                assertThat(result.findings()).isEmpty();
                assertThat(result.board().orElseThrow().name()).isEqualTo(name);
                assertThat(result.board().orElseThrow().cpuIds()).containsExactly(0, 1, 2, 3);
            }
        }
        assertThat(Boards.builtIn("no-such-board")).isEmpty();
    }

    @Test
    void theTutorialsMachine() {
        Board board = Boards.standard();
        assertThat(board.firmware().boardProduct()).isEqualTo("NUC7i5DNHE");
        assertThat(board.firmware().boardVersion()).isEqualTo("J57828-507");
        assertThat(board.processor().model()).hasValue(0x8E);
        assertThat(board.processor().capabilities()).contains("vmx", "x2apic", "gbyte_pages");
        assertThat(board.processor().lacks("avx512f")).isTrue();
        assertThat(board.cpu(3).orElseThrow().apicId()).isEqualTo(3);
        assertThat(board.mmconfig()).hasValue(0xE000_0000L);
        assertThat(board.power().resetRegister()).hasValue(0xCF9);
        assertThat(board.power().s5Type()).hasValue(7);
        assertThat(board.tpm2()).isTrue();
        assertThat(board.closMax(false)).isZero();
        assertThat(board.freeIrqs()).startsWith(3, 5, 6);
        assertThat(board.hasPci(new Bdf(0, 0x1F, 6))).isTrue();
        assertThat(board.ramBytes() >> 20).isBetween(15_000L, 16_384L);
        assertThat(board.serialPort("/dev/ttyS0"))
                .contains(new SerialPort("ttyS0", true, 0x3F8, 4, java.util.Optional.empty()));
        assertThat(board.serialPort("/dev/ttyS1").orElseThrow().address())
                .contains(new Bdf(0, 0x16, 3));
    }

    @Test
    void aBoardWithDividedCaches() {
        Board board = Boards.builtIn("nuc11tnbi5").orElseThrow();
        assertThat(board.closMax(false)).isEqualTo(8);
        assertThat(board.closMax(true)).isEqualTo(4);
        assertThat(board.maskMax()).isEqualTo(0xFFFFF);
        assertThat(board.rdt().resources()).containsExactly("L2");
        assertThat(board.processor().capabilities()).doesNotContain("smx");
    }
}
