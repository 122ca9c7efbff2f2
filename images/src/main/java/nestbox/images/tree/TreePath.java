package nestbox.images.tree;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// How a [FileTree] spells paths: no leading slash, no `.`, no `..`, and `/usr` merged.
///
/// Packages of different ages ship the same folder as `/lib` or as `/usr/lib`. Debian merged the
/// two by symbolic links on the installed system; a tree of unpacked packages has to do the same
/// or libraries are looked for in the wrong one.
public final class TreePath {
    private static final Set<String> MERGED = Set.of("bin", "sbin", "lib", "lib32", "lib64");
    private static final int MAX_LENGTH = 1023;
    private static final int MAX_DEPTH = 64;

    private TreePath() {}

    /// The canonical spelling of a path as found in an archive.
    ///
    /// @throws IOException if the path leaves the tree or is not a sane path at all
    public static String canonical(String path) throws IOException {
        List<String> segments = segments(path);
        if (segments.contains("..")) {
            throw new IOException("the path \"" + printable(path) + "\" leaves the package");
        }
        return String.join("/", merge(segments));
    }

    /// The parts of a path, with `..` kept for those who follow links.
    static List<String> segments(String path) throws IOException {
        if (path.length() > MAX_LENGTH || path.chars().anyMatch(c -> c < ' ' || c == 0x7F)) {
            throw new IOException("\"" + printable(path) + "\" is not a usable path");
        }
        List<String> segments = new ArrayList<>();
        for (String segment : path.split("/", -1)) {
            if (!segment.isEmpty() && !segment.equals(".")) {
                segments.add(segment);
            }
        }
        if (segments.size() > MAX_DEPTH) {
            throw new IOException("\"" + printable(path) + "\" is nested too deeply");
        }
        return segments;
    }

    /// True for a top-level folder that stands for the one of the same name in `/usr`.
    static boolean merged(String segment) {
        return MERGED.contains(segment);
    }

    public static String parent(String path) {
        int slash = path.lastIndexOf('/');
        return slash < 0 ? "" : path.substring(0, slash);
    }

    public static String name(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    private static List<String> merge(List<String> segments) {
        if (segments.size() > 1 && merged(segments.getFirst())) {
            segments.addFirst("usr");
        }
        return segments;
    }

    private static String printable(String path) {
        String shown = path.length() > 80 ? path.substring(0, 80) + "..." : path;
        return shown.replaceAll("\\p{Cntrl}", "?");
    }
}
