package nestbox.images.deb;

import com.github.luben.zstd.ZstdOutputStream;

import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.GZIPOutputStream;

/// Makes small packages, sound ones and others.
public final class Debs {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes);

    public Debs folder(String path) throws IOException {
        return entry(path + "/", TarConstants.LF_DIR, 0755, "", new byte[0]);
    }

    public Debs file(String path, int mode, byte[] content) throws IOException {
        return entry(path, TarConstants.LF_NORMAL, mode, "", content);
    }

    public Debs file(String path, String content) throws IOException {
        return file(path, 0644, content.getBytes(StandardCharsets.UTF_8));
    }

    public Debs symlink(String path, String target) throws IOException {
        return entry(path, TarConstants.LF_SYMLINK, 0777, target, new byte[0]);
    }

    public Debs hardLink(String path, String target) throws IOException {
        return entry(path, TarConstants.LF_LINK, 0644, target, new byte[0]);
    }

    private Debs entry(String path, byte type, int mode, String link, byte[] content)
            throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(path, type, true);
        entry.setMode(mode);
        entry.setLinkName(link);
        entry.setSize(content.length);
        tar.putArchiveEntry(entry);
        tar.write(content);
        tar.closeArchiveEntry();
        return this;
    }

    /// The package, its files compressed as the suffix says.
    public byte[] bytes(String suffix) throws IOException {
        tar.close();
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        try (OutputStream out = compressed(suffix, data)) {
            bytes.writeTo(out);
        }
        return archive("2.0\n", "data.tar" + suffix, data.toByteArray());
    }

    static byte[] archive(String format, String name, byte[] data) throws IOException {
        ByteArrayOutputStream deb = new ByteArrayOutputStream();
        try (ArArchiveOutputStream ar = new ArArchiveOutputStream(deb)) {
            member(ar, "debian-binary", format.getBytes(StandardCharsets.US_ASCII));
            member(ar, "control.tar", new byte[1024]);
            member(ar, name, data);
        }
        return deb.toByteArray();
    }

    private static void member(ArArchiveOutputStream ar, String name, byte[] content)
            throws IOException {
        ar.putArchiveEntry(new ArArchiveEntry(name, content.length));
        ar.write(content);
        ar.closeArchiveEntry();
    }

    private static OutputStream compressed(String suffix, OutputStream out) throws IOException {
        return switch (suffix) {
            case "" -> out;
            case ".gz" -> new GZIPOutputStream(out);
            case ".xz" -> new XZOutputStream(out, new LZMA2Options(1));
            case ".zst" -> new ZstdOutputStream(out);
            default -> throw new IllegalArgumentException(suffix);
        };
    }
}
