package nestbox.scenario.board;

import nestbox.scenario.Findings;
import nestbox.scenario.xml.XmlReader;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Reads board files, and has those of some boards built in.
public final class Boards {
    private static final List<String> BUILT_IN =
            List.of("nuc7i5dnhe", "nuc7i7dnb", "nuc11tnbi5", "tgl-rvp");

    private Boards() {}

    /// The board that is taken when nobody names one: the tutorial's machine.
    public static Board standard() {
        return builtIn(BUILT_IN.getFirst()).orElseThrow();
    }

    public static List<String> names() {
        return BUILT_IN;
    }

    public static Optional<Board> builtIn(String name) {
        if (!BUILT_IN.contains(name)) {
            return Optional.empty();
        }
        try (InputStream in = Boards.class.getResourceAsStream(name + ".xml")) {
            if (in == null) {
                throw new IllegalStateException("the program lacks its file " + name + ".xml");
            }
            return parse(in, name + ".xml").board();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// @throws IOException if the file can't be read from the disk
    public static BoardResult parse(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return parse(in, file.toString());
        }
    }

    /// @param name what findings call the file
    public static BoardResult parse(String text, String name) {
        try {
            return parse(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), name);
        } catch (IOException e) {
            throw new AssertionError("memory can be read", e);
        }
    }

    /// @throws IOException if the stream can't be read
    public static BoardResult parse(InputStream in, String name) throws IOException {
        Findings findings = new Findings(name);
        Optional<Board> board =
                XmlReader.read(in, findings)
                        .flatMap(root -> new BoardReader(root, findings).board());
        return new BoardResult(board, findings.sorted());
    }
}
