package nestbox.images.tree;

import nestbox.images.tree.Node.Directory;
import nestbox.images.tree.Node.Symlink;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/// A file system tree in memory: what packages unpack to, and what an image is made of.
///
/// Symbolic links are followed inside the tree only, as after chroot, so nothing a package ships
/// can reach a file of the machine that builds the image.
public final class FileTree {
    private static final int MAX_NODES = 100_000;
    private static final int MAX_LINKS = 40;

    private final NavigableMap<String, Node> nodes = new TreeMap<>();

    /// All entries by canonical path; parents come before what is in them.
    public NavigableMap<String, Node> entries() {
        return Collections.unmodifiableNavigableMap(nodes);
    }

    /// Everything below a folder, which itself is not included.
    public NavigableMap<String, Node> below(String folder) {
        return Collections.unmodifiableNavigableMap(
                nodes.subMap(folder + "/", false, folder + "0", false));
    }

    /// Adds an entry and the folders above it. An entry that is there already is replaced, but a
    /// folder stays one.
    public void put(String path, Node node) throws IOException {
        String canonical = TreePath.canonical(path);
        if (canonical.isEmpty()) {
            return;
        }
        String parent = folder(TreePath.parent(canonical));
        String name = TreePath.name(canonical);
        String target = parent.isEmpty() ? name : parent + "/" + name;
        if (nodes.get(target) instanceof Directory && !(node instanceof Directory)) {
            if (node instanceof Symlink) {
                return;
            }
            throw new IOException("\"" + path + "\" is a folder in one package, a file in another");
        }
        add(target, node);
    }

    /// The entry at a path, links followed.
    public Optional<Node> find(String path) throws IOException {
        return resolve(path).map(nodes::get);
    }

    /// The path that a path stands for once all links are followed, if something is there.
    public Optional<String> resolve(String path) throws IOException {
        return walk(path, (at, link) -> {});
    }

    /// Takes over from another tree what is at a path: a file, or a folder with all its contents,
    /// and every link that leads there. False if nothing is there.
    public boolean copy(FileTree from, String path) throws IOException {
        NavigableMap<String, Node> taken = new TreeMap<>();
        Optional<String> end = from.walk(path, taken::put);
        if (end.isEmpty()) {
            return false;
        }
        String found = end.get();
        if (!found.isEmpty()) {
            taken.put(found, from.nodes.get(found));
            taken.putAll(from.below(found));
        }
        for (var entry : taken.entrySet()) {
            put(entry.getKey(), entry.getValue());
        }
        return true;
    }

    private Optional<String> walk(String path, BiConsumer<String, Symlink> onLink)
            throws IOException {
        Deque<String> pending = new ArrayDeque<>(TreePath.segments(path));
        String at = "";
        int links = 0;
        while (!pending.isEmpty()) {
            String segment = pending.pop();
            if (segment.equals("..")) {
                at = TreePath.parent(at);
                continue;
            }
            if (at.isEmpty() && TreePath.merged(segment) && !pending.isEmpty()) {
                at = "usr";
            }
            String next = at.isEmpty() ? segment : at + "/" + segment;
            switch (nodes.get(next)) {
                case Symlink link -> {
                    if (++links > MAX_LINKS) {
                        return Optional.empty();
                    }
                    onLink.accept(next, link);
                    at = link.target().startsWith("/") ? "" : at;
                    List<String> target = TreePath.segments(link.target());
                    target.reversed().forEach(pending::push);
                }
                case Directory _ -> at = next;
                case null -> {
                    return Optional.empty();
                }
                case Node _ -> {
                    if (!pending.isEmpty()) {
                        return Optional.empty();
                    }
                    at = next;
                }
            }
        }
        return Optional.of(at);
    }

    /// Makes the folders of a path as needed and returns where they really are.
    private String folder(String path) throws IOException {
        if (path.isEmpty()) {
            return "";
        }
        Optional<String> there = resolve(path);
        if (there.isPresent()) {
            if (there.get().isEmpty() || nodes.get(there.get()) instanceof Directory) {
                return there.get();
            }
            throw new IOException("\"" + path + "\" is a file in one package, a folder in another");
        }
        if (nodes.containsKey(path)) {
            throw new IOException("the link \"" + path + "\" leads nowhere");
        }
        String parent = folder(TreePath.parent(path));
        String name = TreePath.name(path);
        String made = parent.isEmpty() ? name : parent + "/" + name;
        add(made, new Directory(0755));
        return made;
    }

    private void add(String path, Node node) throws IOException {
        if (nodes.size() >= MAX_NODES) {
            throw new IOException("the packages hold more than " + MAX_NODES + " files");
        }
        nodes.put(path, node);
    }
}
