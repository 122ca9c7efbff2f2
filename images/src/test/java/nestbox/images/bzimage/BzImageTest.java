package nestbox.images.bzimage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;

import org.junit.jupiter.api.Test;
import org.tukaani.xz.FilterOptions;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.X86Options;
import org.tukaani.xz.XZOutputStream;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;

class BzImageTest {
    private static final byte[] ELF = new byte[5000];

    static {
        ByteBuffer.wrap(ELF).put(new byte[] {0x7F, 'E', 'L', 'F'}).put(100, (byte) 0xE8);
    }

    @Test
    void theElfFileIsUnpackedWhateverItIsPackedWith() throws IOException {
        assertThat(BzImage.elf(kernel(gzip(ELF)))).hasValue(ELF);
        assertThat(BzImage.elf(kernel(withLength(xz(ELF))))).hasValue(ELF);
        assertThat(BzImage.elf(kernel(withLength(Zstd.compress(ELF))))).hasValue(ELF);
    }

    @Test
    void whatIsPackedOtherwiseIsLeftAlone() throws IOException {
        assertThat(BzImage.elf(kernel(new byte[] {2, 0x21, 0x4C, 0x18, 1}))).isEmpty();
        assertThat(BzImage.elf(kernel(gzip(new byte[5000])))).isEmpty();
        assertThat(BzImage.elf(ELF)).isEmpty();
        assertThat(BzImage.elf(new byte[0])).isEmpty();
    }

    @Test
    void aKernelThatIsCutShortIsRefused() throws IOException {
        byte[] kernel = kernel(gzip(ELF));

        assertThatThrownBy(() -> BzImage.elf(Arrays.copyOf(kernel, kernel.length - 9)))
                .isInstanceOf(IOException.class);
    }

    /// A header of one sector beside the boot sector, code of 64 bytes, and the payload.
    private static byte[] kernel(byte[] payload) {
        int code = 64;
        ByteBuffer kernel =
                ByteBuffer.allocate(1024 + code + payload.length).order(ByteOrder.LITTLE_ENDIAN);
        kernel.put(0x1F1, (byte) 1);
        kernel.put(0x202, "HdrS".getBytes(StandardCharsets.US_ASCII));
        kernel.putShort(0x206, (short) 0x20F);
        kernel.putInt(0x248, code).putInt(0x24C, payload.length);
        return kernel.put(1024 + code, payload).array();
    }

    /// Linux has the unpacked length at the end of what it unpacks; gzip puts it there itself.
    private static byte[] withLength(byte[] packed) {
        byte[] bytes = Arrays.copyOf(packed, packed.length + 4);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(packed.length, ELF.length);
        return bytes;
    }

    private static byte[] gzip(byte[] content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(content);
        }
        return bytes.toByteArray();
    }

    private static byte[] xz(byte[] content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        FilterOptions[] filters = {new X86Options(), new LZMA2Options()};
        try (XZOutputStream out = new XZOutputStream(bytes, filters)) {
            out.write(content);
        }
        return bytes.toByteArray();
    }
}
