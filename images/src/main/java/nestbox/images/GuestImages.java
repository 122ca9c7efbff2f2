package nestbox.images;

import nestbox.images.apt.Apt;
import nestbox.images.apt.AptPackage;
import nestbox.images.deb.DebArchive;
import nestbox.images.initramfs.Compression;
import nestbox.images.initramfs.Initramfs;
import nestbox.images.recipe.Assembly;
import nestbox.images.recipe.Item;
import nestbox.images.recipe.Recipe;
import nestbox.images.tree.Content;
import nestbox.images.tree.FileTree;
import nestbox.images.tree.Spool;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.stream.Stream;

/// Makes guest images from the packages of the machine's own distribution, and keeps them.
///
/// A guest with a stock kernel is what the emulated processor is for, and no such guest can be
/// shipped with it; so the first use builds one, and every later use finds it.
public final class GuestImages {
    private static final long MAX_UNPACKED = 2L << 30;

    private final ImageCache cache;
    private final ProgressListener progress;

    private GuestImages(ImageCache cache, ProgressListener progress) {
        this.cache = cache;
        this.progress = progress;
    }

    /// @param cacheFolder where to keep packages and images, made if it is not there
    public static GuestImages of(Path cacheFolder, ProgressListener progress) {
        return new GuestImages(new ImageCache(cacheFolder), progress);
    }

    /// The cache folder of the user: `NESTBOX_CACHE`, or `nestbox` in the folder for caches.
    public static Path defaultCacheFolder(Map<String, String> environment) {
        return Stream.of(
                        folder(environment, "NESTBOX_CACHE", ""),
                        folder(environment, "XDG_CACHE_HOME", "nestbox"),
                        folder(environment, "HOME", ".cache/nestbox"))
                .flatMap(Optional::stream)
                .findFirst()
                .orElseGet(() -> Path.of(System.getProperty("user.home"), ".cache", "nestbox"));
    }

    /// The guests that can be built.
    public static List<String> names() {
        return Recipe.NAMES;
    }

    /// The image of a guest, built now if there is none yet.
    public GuestImage build(String name) {
        Recipe recipe = recipe(name);
        return cache.latest(recipe).orElseGet(() -> make(recipe, false));
    }

    /// The image of a guest from the newest packages, built now unless there is just that.
    public GuestImage update(String name) {
        return make(recipe(name), true);
    }

    private GuestImage make(Recipe recipe, boolean newest) {
        try (ImageCache.Lock _ = cache.lock(progress)) {
            Optional<GuestImage> made = newest ? Optional.empty() : cache.latest(recipe);
            if (made.isPresent()) {
                return made.get();
            }
            try (ImageCache.Staging staging = cache.stage()) {
                Apt apt = Apt.in(cache.apt(), progress);
                if (newest) {
                    apt.update();
                }
                return make(recipe, fetch(apt, recipe, staging.path()), staging.path());
            }
        } catch (IOException e) {
            throw explained(recipe, e);
        }
    }

    private GuestImage make(Recipe recipe, List<AptPackage> packages, Path staging)
            throws IOException {
        String key = ImageCache.key(recipe, packages);
        Optional<GuestImage> same = cache.image(recipe.name(), key);
        GuestImage image = same.isPresent() ? same.get() : assemble(recipe, packages, key, staging);
        cache.point(recipe, key, staging);
        return image;
    }

    private GuestImage assemble(Recipe recipe, List<AptPackage> packages, String key, Path staging)
            throws IOException {
        progress.step("Building the image \"" + recipe.name() + "\"");
        Path image = Files.createDirectory(staging.resolve("image"));
        try (Spool spool = Spool.create(staging.resolve("spool"), MAX_UNPACKED)) {
            FileTree tree = new FileTree();
            for (AptPackage part : packages) {
                DebArchive.unpack(cache.packageFile(part), tree, spool);
            }
            Assembly assembly = Assembly.of(recipe, tree);
            write(assembly.kernel(), cache.kernelIn(image));
            if (assembly.hypervisor().isPresent()) {
                write(assembly.hypervisor().get(), cache.hypervisorIn(image));
            }
            Initramfs.write(
                    assembly.root(),
                    Compression.NONE,
                    Files.newOutputStream(cache.initrdIn(image)));
        }
        return cache.publish(image, recipe, key, packages);
    }

    private static void write(Content content, Path file) throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            content.copyTo(out);
        }
    }

    /// Finds out which packages a recipe takes and sees to it that all are in the cache.
    private List<AptPackage> fetch(Apt apt, Recipe recipe, Path staging) throws IOException {
        List<AptPackage> packages = resolve(apt, recipe);
        List<AptPackage> missing = missing(packages);
        if (missing.isEmpty()) {
            return packages;
        }
        try {
            apt.download(missing, staging);
        } catch (ImageException e) {
            if (apt.updated()) {
                throw e;
            }
            // The lists may be old, and what they name may be gone from the archive.
            apt.update();
            packages = resolve(apt, recipe);
            missing = missing(packages);
            apt.download(missing, staging);
        }
        for (AptPackage part : missing) {
            cache.keep(staging.resolve(part.fileName()), part);
        }
        return packages;
    }

    private static List<AptPackage> resolve(Apt apt, Recipe recipe) {
        SequencedSet<AptPackage> packages = new LinkedHashSet<>();
        kernels(recipe).distinct().map(apt::kernel).forEach(packages::add);
        packages.addAll(apt.withDependencies(recipe.packages()));
        return List.copyOf(packages);
    }

    private static Stream<String> kernels(Recipe recipe) {
        Stream<String> inner =
                recipe.items().stream()
                        .filter(Item.Guest.class::isInstance)
                        .map(Item.Guest.class::cast)
                        .flatMap(guest -> kernels(guest.recipe()));
        return Stream.concat(Stream.of(recipe.kernelPackage()), inner);
    }

    private List<AptPackage> missing(List<AptPackage> packages) throws IOException {
        List<AptPackage> missing = new ArrayList<>();
        for (AptPackage part : packages) {
            if (!cache.has(part)) {
                missing.add(part);
            }
        }
        return missing;
    }

    private static Recipe recipe(String name) {
        if (!Recipe.NAMES.contains(name)) {
            throw new ImageException(
                    "There is no guest image \"%s\": choose one of %s."
                            .formatted(name, String.join(", ", Recipe.NAMES)));
        }
        return Recipe.named(name);
    }

    private static Optional<Path> folder(
            Map<String, String> environment, String variable, String below) {
        return Optional.ofNullable(environment.get(variable))
                .filter(value -> !value.isBlank())
                .map(value -> Path.of(value, below));
    }

    private ImageException explained(Recipe recipe, IOException e) {
        String what = e.getMessage();
        String advice = "Try again, or delete that folder if it keeps failing.";
        if (e instanceof FileSystemException failed) {
            String reason =
                    e instanceof AccessDeniedException
                            ? "permission denied"
                            : Optional.ofNullable(failed.getReason()).orElse("file system error");
            what = failed.getFile() + ": " + reason;
        }
        if (e instanceof FileSystemException || String.valueOf(what).contains("No space left")) {
            advice =
                    "See to it that the folder can be written to and has 1 GiB free, or name"
                            + " another in NESTBOX_CACHE.";
        }
        return new ImageException(
                "Can't build the guest image \"%s\" in %s: %s. %s"
                        .formatted(recipe.name(), cache.folder(), what, advice),
                e);
    }
}
