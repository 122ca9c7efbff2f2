package nestbox.images.kmod;

import nestbox.images.tree.FileTree;
import nestbox.images.tree.Node;
import nestbox.images.tree.Node.RegularFile;
import nestbox.images.tree.TreePath;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.Set;
import java.util.TreeMap;

/// The loadable modules of one kernel, and which of them an image needs.
///
/// An image takes only the modules that its recipe names and those they depend on, with the index
/// files that modprobe reads cut down to match: fewer modules are less to load into memory and
/// less to search at every boot.
public final class KernelModules {
    private final String folder;
    private final FileTree tree;
    private final Map<String, String> paths = new TreeMap<>();
    private final Set<String> builtIn = new HashSet<>();
    private final Map<String, KernelModule> read = new TreeMap<>();

    private KernelModules(FileTree tree, String release) {
        this.tree = tree;
        this.folder = "usr/lib/modules/" + release;
    }

    /// The modules that a tree of packages has for a kernel release.
    public static KernelModules of(FileTree tree, String release) throws IOException {
        KernelModules modules = new KernelModules(tree, release);
        for (String path : tree.below(modules.folder + "/kernel").keySet()) {
            if (path.matches(".*\\.ko(\\.(xz|gz|zst))?")) {
                modules.paths.put(KernelModule.name(path), path);
            }
        }
        for (String path : modules.builtInPaths()) {
            modules.builtIn.add(KernelModule.name(path));
        }
        if (modules.paths.isEmpty()) {
            throw new IOException("the kernel package has no modules for " + release);
        }
        return modules;
    }

    /// The names of the given modules and all that they need, in an order in which they load.
    /// What is part of the kernel itself is left out.
    public SequencedSet<String> closure(Collection<String> names) throws IOException {
        return sorted(names).keySet().stream()
                .collect(LinkedHashSet::new, LinkedHashSet::add, LinkedHashSet::addAll);
    }

    /// Puts the given modules, what they need, and modprobe's index files into an image.
    public void install(Collection<String> names, FileTree image) throws IOException {
        SequencedMap<String, KernelModule> modules = sorted(names);
        StringBuilder dep = new StringBuilder();
        StringBuilder alias = new StringBuilder();
        for (KernelModule module : modules.values()) {
            image.put(module.path(), RegularFile.of(0644, module.image()));
            List<String> needs = new ArrayList<>(sorted(List.of(module.name())).keySet());
            needs.remove(module.name());
            dep.append(inFolder(module)).append(':');
            for (String need : needs.reversed()) {
                dep.append(' ').append(inFolder(modules.get(need)));
            }
            dep.append('\n');
            for (String pattern : module.aliases()) {
                alias.append("alias %s %s\n".formatted(pattern, module.name()));
            }
        }
        put(image, "modules.dep", dep.toString());
        put(image, "modules.alias", alias.toString());
        put(image, "modules.symbols", "");
        put(image, "modules.builtin", String.join("\n", builtInPaths()) + "\n");
    }

    private SequencedMap<String, KernelModule> sorted(Collection<String> names) throws IOException {
        SequencedMap<String, KernelModule> order = new LinkedHashMap<>();
        for (String name : names) {
            visit(name.replace('-', '_'), true, order, new HashSet<>());
        }
        return order;
    }

    private void visit(
            String name,
            boolean required,
            SequencedMap<String, KernelModule> order,
            Set<String> open)
            throws IOException {
        if (order.containsKey(name) || builtIn.contains(name)) {
            return;
        }
        if (!paths.containsKey(name)) {
            if (required) {
                throw new IOException("the kernel package has no module " + name);
            }
            return;
        }
        if (!open.add(name)) {
            throw new IOException("the kernel module " + name + " depends on itself");
        }
        KernelModule module = module(name);
        for (String need : module.depends()) {
            visit(need, true, order, open);
        }
        for (String wish : module.before()) {
            visit(wish, false, order, open);
        }
        open.remove(name);
        order.put(name, module);
    }

    private KernelModule module(String name) throws IOException {
        KernelModule known = read.get(name);
        if (known != null) {
            return known;
        }
        String path = paths.get(name);
        if (!(tree.find(path).orElse(null) instanceof RegularFile(_, var content))) {
            throw new IOException(path + " is not a file");
        }
        KernelModule module = KernelModule.of(path, content.read());
        read.put(name, module);
        return module;
    }

    private List<String> builtInPaths() throws IOException {
        Node list = tree.find(folder + "/modules.builtin").orElse(null);
        return list instanceof RegularFile(_, var content)
                ? new String(content.read(), StandardCharsets.UTF_8).lines().toList()
                : List.of();
    }

    private String inFolder(KernelModule module) throws IOException {
        return TreePath.canonical(module.path()).substring(folder.length() + 1);
    }

    private void put(FileTree image, String name, String text) throws IOException {
        image.put(folder + "/" + name, RegularFile.of(0644, text.getBytes(StandardCharsets.UTF_8)));
    }
}
