package nestbox.images.initramfs;

import nestbox.images.tree.Content;
import nestbox.images.tree.FileTree;
import nestbox.images.tree.Node;
import nestbox.images.tree.Node.Device;
import nestbox.images.tree.Node.Directory;
import nestbox.images.tree.Node.RegularFile;
import nestbox.images.tree.Node.Symlink;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/// Writes a tree as the archive that Linux unpacks into its first root file system: cpio in the
/// "newc" format.
///
/// The same tree gives the same bytes: entries are in order, everything belongs to root, and no
/// time stamp is taken from the machine that builds.
public final class Initramfs {
    private static final int S_IFDIR = 0040000;
    private static final int S_IFCHR = 0020000;
    private static final int S_IFREG = 0100000;
    private static final int S_IFLNK = 0120000;
    private static final int HEADER_SIZE = 110;
    private static final long MAX_FILE = 0xFFFF_FFFFL;

    private final OutputStream out;
    private int inode;

    private Initramfs(OutputStream out) {
        this.out = out;
    }

    /// Writes the archive and closes the stream.
    public static void write(FileTree tree, Compression compression, OutputStream to)
            throws IOException {
        try (OutputStream out = compression.over(new BufferedOutputStream(to, 1 << 16))) {
            Initramfs archive = new Initramfs(out);
            for (Map.Entry<String, Node> entry : tree.entries().entrySet()) {
                archive.entry(entry.getKey(), entry.getValue());
            }
            archive.end();
        }
    }

    private void entry(String path, Node node) throws IOException {
        switch (node) {
            case Directory(int mode) -> header(path, S_IFDIR | mode, 2, 0, 0, 0);
            case Symlink(String target) -> {
                byte[] bytes = target.getBytes(StandardCharsets.UTF_8);
                header(path, S_IFLNK | 0777, 1, bytes.length, 0, 0);
                out.write(bytes);
                pad(bytes.length);
            }
            case Device(int mode, int major, int minor) ->
                    header(path, S_IFCHR | mode, 1, 0, major, minor);
            case RegularFile(int mode, Content content) -> {
                header(path, S_IFREG | mode, 1, content.size(), 0, 0);
                content.copyTo(out);
                pad(content.size());
            }
        }
    }

    private void header(String path, int mode, int links, long size, int major, int minor)
            throws IOException {
        if (size > MAX_FILE) {
            throw new IOException(path + " is too large for an initramfs");
        }
        inode++;
        write(path, mode, inode, links, size, major, minor);
    }

    private void end() throws IOException {
        write("TRAILER!!!", 0, 0, 1, 0, 0, 0);
    }

    private void write(String path, int mode, int ino, int links, long size, int major, int minor)
            throws IOException {
        byte[] name = (path + "\0").getBytes(StandardCharsets.UTF_8);
        StringBuilder header = new StringBuilder(HEADER_SIZE).append("070701");
        long[] fields = {ino, mode, 0, 0, links, 0, size, 0, 0, major, minor, name.length, 0};
        for (long field : fields) {
            header.append(String.format("%08X", field));
        }
        out.write(header.toString().getBytes(StandardCharsets.US_ASCII));
        out.write(name);
        pad(HEADER_SIZE + name.length);
    }

    /// Names and contents start at multiples of four bytes.
    private void pad(long written) throws IOException {
        for (long n = written; n % 4 != 0; n++) {
            out.write(0);
        }
    }
}
