package nestbox.images;

import nestbox.images.apt.AptPackage;
import nestbox.images.recipe.Recipe;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;

/// The folder where packages and finished images are kept.
///
/// ```
/// lock                   held by whoever builds
/// staging/               work in progress; anything found here later is rubbish
/// packages/DIGEST.deb    packages, named for what is in them
/// images/KEY/            finished images, named for what they are made of
/// latest/RECIPE-DIGEST   the key of the image that was last made from a recipe
/// apt/                   apt's private state
/// ```
///
/// Things are made in `staging` and then renamed, so whatever is outside it is whole. Readers need
/// no lock, and a folder that can't be written to still serves what it has.
final class ImageCache {
    private static final String KERNEL = "vmlinuz";
    private static final String INITRD = "initrd";
    private static final String HYPERVISOR = "hypervisor";
    private static final String MANIFEST = "manifest";

    /// Goes up when the same recipe and packages give another image.
    private static final String LAYOUT = "layout 1\n";

    /// A file lock is held by the whole process; this one is for its threads.
    private static final ReentrantLock THREADS = new ReentrantLock();

    private final Path folder;

    ImageCache(Path folder) {
        this.folder = folder.toAbsolutePath().normalize();
    }

    Path folder() {
        return folder;
    }

    Path apt() {
        return folder.resolve("apt");
    }

    /// Waits until nobody else builds in this folder.
    Lock lock(ProgressListener progress) throws IOException {
        Files.createDirectories(folder);
        THREADS.lock();
        try {
            FileChannel file =
                    FileChannel.open(
                            folder.resolve("lock"),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE);
            FileLock lock = file.tryLock();
            if (lock == null) {
                progress.step("Waiting for another build in " + folder);
                file.lock();
            }
            return new Lock(file);
        } catch (IOException | RuntimeException e) {
            THREADS.unlock();
            throw e;
        }
    }

    /// The right to build, until closed.
    record Lock(FileChannel file) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            try {
                file.close();
            } finally {
                THREADS.unlock();
            }
        }
    }

    /// A folder to work in. Only the holder of the lock may ask, so what others left is removed.
    Staging stage() throws IOException {
        Path all = folder.resolve("staging");
        remove(all);
        Files.createDirectories(all);
        return new Staging(Files.createTempDirectory(all, "build"));
    }

    /// A folder that is gone when it is closed.
    record Staging(Path path) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            remove(path);
        }
    }

    /// The name of the image that a recipe makes of some packages.
    static String key(Recipe recipe, List<AptPackage> packages) {
        return sha256(
                packages.stream()
                        .map(AptPackage::digest)
                        .sorted()
                        .collect(Collectors.joining("\n", LAYOUT + recipe.source(), "")));
    }

    /// The image last made from a recipe, if it is still whole.
    Optional<GuestImage> latest(Recipe recipe) {
        try {
            return image(recipe.name(), Files.readString(pointer(recipe)).strip());
        } catch (IOException _) {
            return Optional.empty();
        }
    }

    /// The image with a given key, if it is there and whole.
    Optional<GuestImage> image(String name, String key) {
        Path home = folder.resolve("images").resolve(key);
        try {
            Map<String, String> manifest = new HashMap<>();
            for (String line : Files.readAllLines(home.resolve(MANIFEST))) {
                String[] pair = line.split("=", 2);
                manifest.put(pair[0], pair[pair.length - 1]);
            }
            Path kernel = home.resolve(KERNEL);
            Path initrd = home.resolve(INITRD);
            Optional<Path> hypervisor =
                    manifest.containsKey(HYPERVISOR)
                            ? Optional.of(home.resolve(HYPERVISOR))
                            : Optional.empty();
            boolean whole =
                    size(kernel).equals(manifest.get(KERNEL))
                            && size(initrd).equals(manifest.get(INITRD))
                            && (hypervisor.isEmpty()
                                    || size(hypervisor.get()).equals(manifest.get(HYPERVISOR)));
            return whole
                    ? Optional.of(
                            new GuestImage(
                                    name,
                                    kernel,
                                    initrd,
                                    hypervisor,
                                    manifest.getOrDefault("append", ""),
                                    Integer.parseInt(manifest.getOrDefault("memory", "512"))))
                    : Optional.empty();
        } catch (IOException | NumberFormatException _) {
            return Optional.empty();
        }
    }

    /// Makes a finished image available: a staged folder with kernel and initramfs in it, and a
    /// hypervisor if the recipe has one.
    GuestImage publish(Path staged, Recipe recipe, String key, List<AptPackage> packages)
            throws IOException {
        StringBuilder manifest = new StringBuilder();
        manifest.append("append=").append(recipe.append()).append('\n');
        manifest.append("memory=").append(recipe.memoryMiB()).append('\n');
        List<String> files = new ArrayList<>(List.of(KERNEL, INITRD));
        recipe.hypervisor().ifPresent(_ -> files.add(HYPERVISOR));
        for (String file : files) {
            manifest.append(file).append('=').append(size(staged.resolve(file))).append('\n');
            sync(staged.resolve(file));
        }
        for (AptPackage part : packages) {
            manifest.append("package ").append(part.fileName()).append('\n');
        }
        Files.writeString(staged.resolve(MANIFEST), manifest);
        sync(staged.resolve(MANIFEST));
        Path home = folder.resolve("images").resolve(key);
        remove(home);
        Files.createDirectories(home.getParent());
        Files.move(staged, home, StandardCopyOption.ATOMIC_MOVE);
        return image(recipe.name(), key)
                .orElseThrow(() -> new IOException("the image in " + home + " is not whole"));
    }

    /// Makes an image the latest of its recipe.
    void point(Recipe recipe, String key, Path staging) throws IOException {
        Path pointer = pointer(recipe);
        Files.createDirectories(pointer.getParent());
        Path written = Files.writeString(staging.resolve("pointer"), key + "\n");
        Files.move(written, pointer, StandardCopyOption.ATOMIC_MOVE);
    }

    Path kernelIn(Path staged) {
        return staged.resolve(KERNEL);
    }

    Path hypervisorIn(Path staged) {
        return staged.resolve(HYPERVISOR);
    }

    Path initrdIn(Path staged) {
        return staged.resolve(INITRD);
    }

    /// Where a package is kept once it is downloaded.
    Path packageFile(AptPackage part) {
        return folder.resolve("packages").resolve(part.digest() + ".deb");
    }

    /// True if a package is there and is what it should be.
    boolean has(AptPackage part) throws IOException {
        Path file = packageFile(part);
        return Files.exists(file) && sound(file, part);
    }

    /// Keeps a downloaded package, after a look at whether it is the one that was announced.
    void keep(Path downloaded, AptPackage part) throws IOException {
        if (!sound(downloaded, part)) {
            throw new IOException("the download of " + part.fileName() + " is damaged");
        }
        Path home = packageFile(part);
        Files.createDirectories(home.getParent());
        sync(downloaded);
        Files.move(downloaded, home, StandardCopyOption.ATOMIC_MOVE);
    }

    private static boolean sound(Path file, AptPackage part) throws IOException {
        MessageDigest digest = digest(part.algorithm());
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
            in.transferTo(OutputStream.nullOutputStream());
        }
        return HexFormat.of().formatHex(digest.digest()).equals(part.digest());
    }

    static String sha256(String text) {
        return HexFormat.of()
                .formatHex(digest("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static MessageDigest digest(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java has " + algorithm, e);
        }
    }

    private Path pointer(Recipe recipe) {
        String digest = sha256(LAYOUT + recipe.source()).substring(0, 16);
        return folder.resolve("latest").resolve(recipe.name() + "-" + digest);
    }

    private static String size(Path file) throws IOException {
        return Long.toString(Files.size(file));
    }

    private static void sync(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }

    private static void remove(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        Files.walkFileTree(
                folder,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                            throws IOException {
                        Files.delete(file);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(Path visited, IOException failed)
                            throws IOException {
                        Files.delete(visited);
                        return FileVisitResult.CONTINUE;
                    }
                });
    }
}
