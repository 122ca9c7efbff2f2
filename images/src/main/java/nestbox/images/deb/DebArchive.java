package nestbox.images.deb;

import com.github.luben.zstd.ZstdInputStream;

import nestbox.images.tree.FileTree;
import nestbox.images.tree.Node;
import nestbox.images.tree.Node.Directory;
import nestbox.images.tree.Node.RegularFile;
import nestbox.images.tree.Node.Symlink;
import nestbox.images.tree.Spool;
import nestbox.images.tree.TreePath;

import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/// Reads the files out of a Debian package (`deb(5)`).
///
/// dpkg could do it, but it unpacks to a folder, needs to be installed, and trusts the package.
public final class DebArchive {
    private static final int XZ_MEMORY_KIB = 256 << 10;
    private static final long MAX_FORMAT_LENGTH = 16;

    /// What never belongs in a guest image and would only be unpacked for nothing.
    private static final List<String> LEFT_OUT =
            List.of(
                    "usr/share/doc/",
                    "usr/share/man/",
                    "usr/share/info/",
                    "usr/share/locale/",
                    "usr/share/lintian/",
                    "usr/share/icons/",
                    "usr/lib/debug/");

    private DebArchive() {}

    /// Adds the files of a package to a tree.
    ///
    /// @throws IOException if the file can't be read or is not a sound package
    public static void unpack(Path deb, FileTree tree, Spool spool) throws IOException {
        try (InputStream file = new BufferedInputStream(Files.newInputStream(deb), 1 << 16)) {
            unpack(file, tree, spool);
        } catch (EOFException e) {
            throw new IOException("the package " + deb + " is cut short", e);
        } catch (IOException e) {
            throw new IOException("the package " + deb + " is damaged: " + e.getMessage(), e);
        } catch (RuntimeException e) {
            // The archive readers let slip some on input that is hostile enough.
            throw new IOException("the package " + deb + " is damaged", e);
        }
    }

    static void unpack(InputStream deb, FileTree tree, Spool spool) throws IOException {
        ArArchiveInputStream members = new ArArchiveInputStream(deb);
        ArArchiveEntry first = members.getNextEntry();
        if (first == null
                || !first.getName().equals("debian-binary")
                || first.getSize() > MAX_FORMAT_LENGTH) {
            throw new IOException("not a Debian package");
        }
        String format = new String(members.readAllBytes(), StandardCharsets.US_ASCII);
        if (!format.startsWith("2.")) {
            throw new IOException("its package format is " + format.strip() + ", not 2.x");
        }
        for (ArArchiveEntry member = members.getNextEntry();
                member != null;
                member = members.getNextEntry()) {
            if (member.getName().startsWith("data.tar")) {
                files(decompressed(member.getName(), members), tree, spool);
                return;
            }
        }
        throw new IOException("it has no data.tar");
    }

    private static InputStream decompressed(String name, InputStream in) throws IOException {
        return switch (name) {
            case "data.tar" -> in;
            case "data.tar.gz" -> new GZIPInputStream(in, 1 << 16);
            case "data.tar.xz" -> new XZInputStream(in, XZ_MEMORY_KIB);
            case "data.tar.zst" -> new ZstdInputStream(in);
            default -> throw new IOException("its " + name + " is compressed in an unknown way");
        };
    }

    private static void files(InputStream in, FileTree tree, Spool spool) throws IOException {
        TarArchiveInputStream tar = new TarArchiveInputStream(in);
        for (TarArchiveEntry entry = tar.getNextEntry();
                entry != null;
                entry = tar.getNextEntry()) {
            String path = TreePath.canonical(entry.getName());
            if (path.isEmpty() || leftOut(path)) {
                continue;
            }
            Optional<Node> node = node(entry, tar, tree, spool);
            if (node.isPresent()) {
                tree.put(entry.getName(), node.get());
            }
        }
    }

    private static Optional<Node> node(
            TarArchiveEntry entry, InputStream data, FileTree tree, Spool spool)
            throws IOException {
        int mode = entry.getMode() & 07777;
        if (entry.isDirectory()) {
            return Optional.of(new Directory(mode));
        }
        if (entry.isSymbolicLink()) {
            return Optional.of(new Symlink(target(entry)));
        }
        if (entry.isLink()) {
            Optional<Node> same = tree.find(entry.getLinkName());
            if (same.isEmpty()) {
                throw new IOException("a hard link leads to nothing");
            }
            return same;
        }
        // Packages ship no device nodes; whatever else this one holds is not for an image.
        return entry.isFile()
                ? Optional.of(new RegularFile(mode, spool.add(data)))
                : Optional.empty();
    }

    /// Where a link leads. One that climbs out of its folder becomes absolute, because merging
    /// `/lib` with `/usr/lib` moves the link one level down.
    private static String target(TarArchiveEntry entry) throws IOException {
        String target = entry.getLinkName();
        if (target.isEmpty()) {
            throw new IOException("a symbolic link leads to nothing");
        }
        if (target.startsWith("/") || !target.contains("..")) {
            return target;
        }
        String folder = TreePath.parent(entry.getName());
        return Path.of("/").resolve(folder).resolve(target).normalize().toString();
    }

    private static boolean leftOut(String path) {
        return LEFT_OUT.stream().anyMatch(path::startsWith);
    }
}
