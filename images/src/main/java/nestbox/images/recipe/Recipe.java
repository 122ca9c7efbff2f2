package nestbox.images.recipe;

import nestbox.images.recipe.Item.CharacterDevice;
import nestbox.images.recipe.Item.Data;
import nestbox.images.recipe.Item.DebianPackage;
import nestbox.images.recipe.Item.Folder;
import nestbox.images.recipe.Item.Guest;
import nestbox.images.recipe.Item.Link;
import nestbox.images.recipe.Item.LoadableModule;
import nestbox.images.recipe.Item.Program;
import nestbox.images.recipe.Item.Text;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BinaryOperator;
import java.util.stream.Stream;

/// What goes into a guest image, read from a few lines of text.
///
/// A recipe is a folder among the resources of this package with a file `recipe` in it and the
/// files that it mentions. Adding a guest means adding a folder and naming it in [#NAMES]; nothing
/// else knows one guest from another.
///
/// @param hypervisor path of a multiboot kernel that is booted with the guest's kernel and
///     initramfs as its modules
/// @param source the recipe's text and that of every file that goes into it, from which the cache
///     tells whether an image is up to date
public record Recipe(
        String name,
        String kernelPackage,
        Optional<String> hypervisor,
        String append,
        int memoryMiB,
        List<Item> items,
        String source) {

    /// The guests that can be built.
    public static final List<String> NAMES = List.of("default", "kvm", "login", "xen");

    /// One of the recipes that come with Nestbox.
    public static Recipe named(String name) {
        return read(name, Recipe::resource);
    }

    /// Reads a recipe whose files are found by the recipe's name and their own.
    static Recipe read(String name, BinaryOperator<String> files) {
        Reader reader = new Reader(files);
        reader.include(name);
        return reader.recipe(name);
    }

    /// The packages that the image takes programs and files from, those of inner guests included.
    public List<String> packages() {
        return items.stream()
                .flatMap(
                        item ->
                                switch (item) {
                                    case DebianPackage(var wanted) -> Stream.of(wanted);
                                    case Guest guest -> guest.recipe().packages().stream();
                                    default -> Stream.empty();
                                })
                .distinct()
                .toList();
    }

    private static String resource(String recipe, String file) {
        String path = recipe + "/" + file;
        try (InputStream in = Recipe.class.getResourceAsStream(path)) {
            return new String(
                    Optional.ofNullable(in)
                            .orElseThrow(() -> new IllegalArgumentException("no resource " + path))
                            .readAllBytes(),
                    StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static final class Reader {
        private final BinaryOperator<String> files;
        private final List<Item> items = new ArrayList<>();
        private final StringBuilder source = new StringBuilder();
        private String kernelPackage = "";
        private Optional<String> hypervisor = Optional.empty();
        private String append = "";
        private int memoryMiB;

        Reader(BinaryOperator<String> files) {
            this.files = files;
        }

        Recipe recipe(String name) {
            return new Recipe(
                    name,
                    kernelPackage,
                    hypervisor,
                    append,
                    memoryMiB,
                    List.copyOf(items),
                    source.toString());
        }

        void include(String name) {
            for (String line : open(name, "recipe").lines().toList()) {
                String[] words = line.split("#", 2)[0].strip().split("\\s+");
                if (!words[0].isEmpty()) {
                    line(name, words);
                }
            }
        }

        private void line(String name, String[] words) {
            switch (words[0]) {
                case "include" -> include(words[1]);
                case "kernel" -> kernelPackage = words[1];
                case "hypervisor" -> hypervisor = Optional.of(words[1]);
                case "append" -> append = String.join(" ", List.of(words).subList(1, words.length));
                case "memory" -> memoryMiB = Integer.parseInt(words[1]);
                default -> items.add(item(name, words));
            }
        }

        private Item item(String name, String[] words) {
            return switch (words[0]) {
                case "package" -> new DebianPackage(words[1]);
                case "program" -> new Program(words[1]);
                case "data" -> new Data(words[1]);
                case "load" -> new LoadableModule(words[1], true);
                case "module" -> new LoadableModule(words[1], false);
                case "folder" -> new Folder(words[1], mode(words[2]));
                case "device" ->
                        new CharacterDevice(
                                words[1],
                                mode(words[2]),
                                Integer.parseInt(words[3]),
                                Integer.parseInt(words[4]));
                case "link" -> new Link(words[1], words[2]);
                case "file" -> new Text(words[1], mode(words[2]), open(name, words[3]));
                case "guest" -> new Guest(inner(words[1]), words[2], words[3]);
                default -> throw new IllegalArgumentException(name + ": no such line: " + words[0]);
            };
        }

        private Recipe inner(String name) {
            Recipe recipe = read(name, files);
            source.append(recipe.source());
            return recipe;
        }

        private String open(String name, String file) {
            String text = files.apply(name, file);
            source.append(name).append('/').append(file).append('\n').append(text).append('\0');
            return text;
        }

        private static int mode(String octal) {
            return Integer.parseInt(octal, 8);
        }
    }
}
