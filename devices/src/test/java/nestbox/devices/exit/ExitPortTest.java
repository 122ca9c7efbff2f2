package nestbox.devices.exit;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.Board;

import org.junit.jupiter.api.Test;

import java.io.ByteArrayOutputStream;

class ExitPortTest {
    @Test
    void exitCodeIsOdd() {
        Board board = new Board();
        new ExitPort(board).write(0xF4, 4, 0x10);
        assertThat(board.exitCode).isEqualTo(0x21);
    }

    @Test
    void consolePrintsAndShowsThatItIsThere() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        DebugConsole console = new DebugConsole(out::write);
        console.write(0xE9, 1, 'x');
        assertThat(out.toString()).isEqualTo("x");
        assertThat(console.read(0xE9, 1)).isEqualTo(0xE9);
    }

    @Test
    void postCodeIsKept() {
        PostCode post = new PostCode();
        post.write(0x80, 1, 0xAB);
        assertThat(post.code()).isEqualTo(0xAB);
        assertThat(post.read(0x80, 1)).isEqualTo(0xAB);
    }
}
