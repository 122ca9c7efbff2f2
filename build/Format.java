import com.google.common.collect.Range;
import com.google.common.collect.RangeSet;
import com.google.common.collect.TreeRangeSet;
import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import com.google.googlejavaformat.java.ImportOrderer;
import com.google.googlejavaformat.java.JavaFormatterOptions;
import com.google.googlejavaformat.java.JavaFormatterOptions.Style;
import com.google.googlejavaformat.java.RemoveUnusedImports;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;

/// Formats every Java source below a folder with google-java-format, or checks that it is
// formatted.
///
/// The formatter runs inside the Java compiler, so it needs a Java that knows the sources' language
/// while Maven may run on an older one; and as a program of its own it can't leave out the tables
/// between `spotless:off` and `spotless:on`, whose columns are there for a reason.
///
/// ```
/// java -cp google-java-format.jar build/Format.java (check|write) FOLDER
/// ```
public final class Format {
    private static final String OFF = "// spotless:off";
    private static final String ON = "// spotless:on";
    private static final Style STYLE = Style.AOSP;

    private Format() {}

    public static void main(String[] arguments) throws IOException {
        boolean write = arguments[0].equals("write");
        List<Path> changed =
                sources(Path.of(arguments[1])).parallelStream()
                        .filter(file -> !formatted(file, write))
                        .sorted()
                        .toList();
        for (Path file : changed) {
            System.err.println((write ? "formatted " : "not formatted: ") + file);
        }
        if (!write && !changed.isEmpty()) {
            System.err.println("Run 'just fmt' to format these files.");
            System.exit(1);
        }
    }

    private static boolean formatted(Path file, boolean write) {
        try {
            String text = Files.readString(file);
            String formatted = formatted(text);
            if (write && !formatted.equals(text)) {
                Files.writeString(file, formatted);
            }
            return formatted.equals(text);
        } catch (FormatterException | IOException e) {
            throw new IllegalStateException(file + ": " + e.getMessage(), e);
        }
    }

    private static String formatted(String text) throws FormatterException {
        String imports =
                RemoveUnusedImports.removeUnusedImports(ImportOrderer.reorderImports(text, STYLE));
        return new Formatter(JavaFormatterOptions.builder().style(STYLE).build())
                .formatSource(imports, wanted(imports).asRanges());
    }

    /// The text without what lies between the marks.
    private static RangeSet<Integer> wanted(String text) {
        RangeSet<Integer> wanted = TreeRangeSet.create();
        wanted.add(Range.closedOpen(0, text.length()));
        for (int off = text.indexOf(OFF); off >= 0; off = text.indexOf(OFF, off + 1)) {
            int on = text.indexOf(ON, off);
            wanted.remove(Range.closedOpen(off, on < 0 ? text.length() : on + ON.length()));
        }
        return wanted;
    }

    private static List<Path> sources(Path root) throws IOException {
        List<Path> sources = new ArrayList<>();
        Files.walkFileTree(
                root,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes a) {
                        String name = folder.getFileName().toString();
                        boolean skipped = name.equals("target") || name.startsWith(".");
                        return skipped && !folder.equals(root)
                                ? FileVisitResult.SKIP_SUBTREE
                                : FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes a) {
                        if (file.toString().endsWith(".java")) {
                            sources.add(file);
                        }
                        return FileVisitResult.CONTINUE;
                    }
                });
        return sources;
    }
}
