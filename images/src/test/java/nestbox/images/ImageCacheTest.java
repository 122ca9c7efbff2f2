package nestbox.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.images.apt.AptPackage;
import nestbox.images.recipe.Recipe;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

final class ImageCacheTest {
    private static final Recipe RECIPE = recipe(Optional.empty(), "a=b c=d", "source");

    private static Recipe recipe(Optional<String> hypervisor, String append, String source) {
        return new Recipe("small", "linux-image-x", hypervisor, append, 64, List.of(), source);
    }

    @TempDir Path folder;
    private ImageCache cache;

    @BeforeEach
    void cache() {
        cache = new ImageCache(folder.resolve("cache"));
    }

    @Test
    void anImageIsThereOnceItIsPublishedAndPointedAt() throws IOException {
        assertThat(cache.latest(RECIPE)).isEmpty();

        GuestImage image = publish("key");

        assertThat(cache.latest(RECIPE)).contains(image);
        assertThat(image.defaultAppend()).isEqualTo("a=b c=d");
        assertThat(image.memoryMiB()).isEqualTo(64);
        assertThat(image.kernel()).hasContent("kernel");
    }

    @Test
    void aHypervisorIsKeptWithTheImageAndMissedWhenItIsNotWhole() throws IOException {
        assertThat(publish("plain").hypervisor()).isEmpty();
        Recipe layered = recipe(Optional.of("/boot/xen"), "", "layered");

        Path hypervisor = publish("key", layered).hypervisor().orElseThrow();

        assertThat(hypervisor).hasContent("hypervisor");
        Files.writeString(hypervisor, "cut");
        assertThat(cache.latest(layered)).isEmpty();
    }

    @Test
    void anImageThatIsNotWholeIsNotUsedAndCanBeMadeAgain() throws IOException {
        GuestImage image = publish("key");
        Files.writeString(image.initrd(), "cut");
        assertThat(cache.latest(RECIPE)).isEmpty();

        publish("key");
        assertThat(cache.latest(RECIPE)).contains(image);

        Files.delete(image.kernel());
        assertThat(cache.latest(RECIPE)).isEmpty();
    }

    @Test
    void anotherRecipeIsAnotherImage() throws IOException {
        publish("key");
        Recipe changed = recipe(Optional.empty(), "", "changed");

        assertThat(cache.latest(changed)).isEmpty();
    }

    @Test
    void whatABrokenBuildLeftIsRemoved() throws IOException {
        Path left = folder.resolve("cache/staging/build1/image/vmlinuz");
        Files.createDirectories(left.getParent());
        Files.writeString(left, "half");

        Path stage;
        try (ImageCache.Staging staging = cache.stage()) {
            stage = staging.path();
            assertThat(left).doesNotExist();
            Files.writeString(stage.resolve("x"), "x");
        }
        assertThat(stage).doesNotExist();
    }

    @Test
    void aPackageIsKeptOnlyIfItIsTheOneAnnounced() throws IOException {
        Path file = Files.writeString(folder.resolve("x.deb"), "hello");
        AptPackage sound = new AptPackage("x", "x.deb", "SHA-256", ImageCache.sha256("hello"), 5);
        AptPackage other = new AptPackage("x", "x.deb", "SHA-256", ImageCache.sha256("other"), 5);

        assertThatThrownBy(() -> cache.keep(file, other)).hasMessageContaining("damaged");
        assertThat(cache.has(other)).isFalse();
        cache.keep(file, sound);
        assertThat(cache.has(sound)).isTrue();
        Files.writeString(cache.packageFile(sound), "changed");
        assertThat(cache.has(sound)).isFalse();
    }

    @Test
    void onlyOneBuildsAtATime() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        Thread[] threads = new Thread[4];
        for (int i = 0; i < threads.length; i++) {
            threads[i] =
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        for (int n = 0; n < 50; n++) {
                                            try (ImageCache.Lock _ =
                                                    cache.lock(ProgressListener.SILENT)) {
                                                most.accumulateAndGet(
                                                        inside.incrementAndGet(), Math::max);
                                                inside.decrementAndGet();
                                            } catch (IOException e) {
                                                most.set(1000);
                                            }
                                        }
                                    });
        }
        for (Thread thread : threads) {
            thread.join();
        }

        assertThat(most).hasValue(1);
    }

    private GuestImage publish(String key) throws IOException {
        return publish(key, RECIPE);
    }

    private GuestImage publish(String key, Recipe recipe) throws IOException {
        try (ImageCache.Staging staging = cache.stage()) {
            Path image = Files.createDirectory(staging.path().resolve("image"));
            Files.writeString(cache.kernelIn(image), "kernel");
            Files.writeString(cache.initrdIn(image), "initrd");
            if (recipe.hypervisor().isPresent()) {
                Files.writeString(cache.hypervisorIn(image), "hypervisor");
            }
            GuestImage published = cache.publish(image, recipe, key, List.of());
            cache.point(recipe, key, staging.path());
            return published;
        }
    }
}
