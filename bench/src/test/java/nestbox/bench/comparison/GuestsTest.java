package nestbox.bench.comparison;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.images.GuestImage;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Optional;

class GuestsTest {
    private static final int SETUP_SECTORS = 0x1F1;
    private static final int ENTRY = 512 + 0x200;

    @TempDir private Path folder;

    @Test
    void theEntryOfAMarkedKernelLeadsThroughTheMarkerBackToTheCodeThatWasThere()
            throws IOException {
        byte[] marked = Files.readAllBytes(mark("fcfa31c08ed890").kernel());

        int marker = jumpTarget(marked, ENTRY);
        assertThat(marker).isBetween(512, ENTRY - 1);
        assertThat(HexFormat.of().formatHex(marked, marker, marker + 6)).isEqualTo("fcfa31c08ed8");
        assertThat(jumpTarget(marked, ENTRY - 5)).isEqualTo(ENTRY + 6);
    }

    @Test
    void aKernelWithAnotherEntryIsRefused() {
        assertThatThrownBy(() -> mark("eb00909090909090"))
                .isInstanceOf(BenchException.class)
                .hasMessageContaining("name another");
    }

    private Guest.Linux mark(String entryCode) throws IOException {
        byte[] kernel = new byte[4096];
        kernel[SETUP_SECTORS] = 0;
        byte[] code = HexFormat.of().parseHex(entryCode);
        System.arraycopy(code, 0, kernel, ENTRY, code.length);
        Path file = Files.write(folder.resolve("kernel"), kernel);
        return new Guests(folder)
                .linux(new GuestImage("test", file, file, Optional.empty(), "console=ttyS0", 512));
    }

    private static int jumpTarget(byte[] code, int at) {
        assertThat(code[at]).isEqualTo((byte) 0xE9);
        int distance = Integer.reverseBytes(ByteBuffer.wrap(code).getInt(at + 1));
        return at + 5 + distance;
    }
}
