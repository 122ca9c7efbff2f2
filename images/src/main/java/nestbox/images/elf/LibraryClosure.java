package nestbox.images.elf;

import nestbox.images.tree.FileTree;
import nestbox.images.tree.Node.RegularFile;
import nestbox.images.tree.TreePath;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedSet;

/// Finds every shared object that a program needs to start, the way `ld.so(8)` would.
///
/// Packages bring far more than a program uses; an image that is kept in memory should hold only
/// what is linked. What a program opens by name while it runs is not found this way and has to be
/// listed in the recipe.
public final class LibraryClosure {
    private static final List<String> DEFAULT_FOLDERS =
            List.of("/usr/lib/x86_64-linux-gnu", "/usr/lib", "/usr/lib64");

    private final FileTree tree;
    private final SequencedSet<String> wanted = new LinkedHashSet<>();
    private final SequencedSet<String> files = new LinkedHashSet<>();
    private final Deque<Wanted> pending = new ArrayDeque<>();

    /// A path to look at, and the RPATHs of those who asked for it.
    private record Wanted(String path, List<String> inherited) {}

    private LibraryClosure(FileTree tree) {
        this.tree = tree;
    }

    /// The paths by which programs and their libraries are found; they may be links.
    ///
    /// @throws IOException also if a program or a library is in none of the packages
    public static SequencedSet<String> of(FileTree tree, List<String> programs) throws IOException {
        LibraryClosure closure = new LibraryClosure(tree);
        for (String program : programs) {
            closure.want(program, List.of());
        }
        while (!closure.pending.isEmpty()) {
            closure.follow(closure.pending.pop());
        }
        return closure.wanted;
    }

    private void want(String path, List<String> inherited) {
        if (wanted.add(path)) {
            pending.add(new Wanted(path, inherited));
        }
    }

    private void follow(Wanted what) throws IOException {
        Optional<String> file = tree.resolve(what.path());
        if (file.isEmpty() || !(tree.find(file.get()).orElse(null) instanceof RegularFile found)) {
            throw new IOException("none of the packages has the file " + what.path());
        }
        if (!files.add(file.get())) {
            return;
        }
        byte[] bytes = found.content().read();
        if (!ElfFile.looksLike(bytes)) {
            return;
        }
        ElfFile elf = parse(bytes, what.path());
        if (elf.interpreter().isPresent()) {
            want(elf.interpreter().get(), List.of());
        }
        List<String> rpath = new ArrayList<>();
        if (elf.runpath().isEmpty()) {
            rpath.addAll(expand(elf.rpath(), file.get()));
            rpath.addAll(what.inherited());
        }
        for (String name : elf.needed()) {
            want(locate(name, rpath, elf, file.get()), rpath);
        }
    }

    private static ElfFile parse(byte[] bytes, String path) throws IOException {
        try {
            return ElfFile.parse(bytes);
        } catch (IOException e) {
            throw new IOException(path + ": " + e.getMessage(), e);
        }
    }

    private String locate(String name, List<String> rpath, ElfFile elf, String from)
            throws IOException {
        if (name.contains("/")) {
            return name;
        }
        List<String> folders = new ArrayList<>(rpath);
        folders.addAll(expand(elf.runpath(), from));
        folders.addAll(DEFAULT_FOLDERS);
        for (String folder : folders) {
            String path = folder + "/" + name;
            if (tree.find(path).orElse(null) instanceof RegularFile) {
                return path;
            }
        }
        throw new IOException("/" + from + " needs " + name + ", which none of the packages has");
    }

    private static List<String> expand(List<String> folders, String from) {
        String origin = "/" + TreePath.parent(from);
        return folders.stream()
                .filter(folder -> !folder.isEmpty())
                .map(f -> f.replace("${ORIGIN}", origin).replace("$ORIGIN", origin))
                .toList();
    }
}
