package nestbox.images.initramfs;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.ZstdInputStream;

import nestbox.images.tree.FileTree;
import nestbox.images.tree.Node.Device;
import nestbox.images.tree.Node.Directory;
import nestbox.images.tree.Node.RegularFile;
import nestbox.images.tree.Node.Symlink;

import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveInputStream;
import org.junit.jupiter.api.Test;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;

final class InitramfsTest {
    @Test
    void theArchiveHoldsTheTree() throws IOException {
        List<String> seen = new ArrayList<>();
        try (CpioArchiveInputStream cpio =
                new CpioArchiveInputStream(
                        new ByteArrayInputStream(bytes(tree(), Compression.NONE)))) {
            for (CpioArchiveEntry e = cpio.getNextEntry(); e != null; e = cpio.getNextEntry()) {
                seen.add(
                        "%s %o %d %d %d,%d %s"
                                .formatted(
                                        e.getName(),
                                        e.getMode(),
                                        e.getUID(),
                                        e.getTime(),
                                        e.getRemoteDeviceMaj(),
                                        e.getRemoteDeviceMin(),
                                        new String(
                                                cpio.readAllBytes(), StandardCharsets.US_ASCII)));
            }
        }

        assertThat(seen)
                .containsExactly(
                        "bin 120777 0 0 0,0 usr/bin",
                        "dev 40755 0 0 0,0 ",
                        "dev/console 20600 0 0 5,1 ",
                        "tmp 41777 0 0 0,0 ",
                        "usr 40755 0 0 0,0 ",
                        "usr/bin 40755 0 0 0,0 ",
                        "usr/bin/a 100755 0 0 0,0 hello");
    }

    @Test
    void theSameTreeGivesTheSameBytes() throws IOException {
        assertThat(bytes(tree(), Compression.NONE)).isEqualTo(bytes(tree(), Compression.NONE));
        assertThat(bytes(tree(), Compression.GZIP)).isEqualTo(bytes(tree(), Compression.GZIP));
        assertThat(bytes(tree(), Compression.NONE).length % 4).isZero();
    }

    @Test
    void compressionChangesNothingElse() throws IOException {
        byte[] plain = bytes(tree(), Compression.NONE);
        byte[] gzip = bytes(tree(), Compression.GZIP);
        byte[] zstd = bytes(tree(), Compression.ZSTD);

        assertThat(new GZIPInputStream(new ByteArrayInputStream(gzip)).readAllBytes())
                .isEqualTo(plain);
        assertThat(new ZstdInputStream(new ByteArrayInputStream(zstd)).readAllBytes())
                .isEqualTo(plain);
    }

    private static FileTree tree() throws IOException {
        FileTree tree = new FileTree();
        tree.put("usr/bin/a", RegularFile.of(0755, "hello".getBytes(StandardCharsets.US_ASCII)));
        tree.put("bin", new Symlink("usr/bin"));
        tree.put("dev/console", new Device(0600, 5, 1));
        tree.put("tmp", new Directory(01777));
        return tree;
    }

    private static byte[] bytes(FileTree tree, Compression compression) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Initramfs.write(tree, compression, out);
        return out.toByteArray();
    }
}
