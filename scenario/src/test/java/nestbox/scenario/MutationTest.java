package nestbox.scenario;

import static org.assertj.core.api.Assertions.assertThatCode;

import nestbox.scenario.board.Board;
import nestbox.scenario.board.BoardResult;
import nestbox.scenario.board.Boards;

import org.junit.jupiter.api.Test;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/// However a file is broken, reading, checking, allocating and converting it ends without an
/// exception, and what is converted can be read.
class MutationTest {
    private static final long SEED = 20_210_617;
    private static final int ROUNDS = 4000;
    private static final String[] WORDS = {
        "<",
        ">",
        "&",
        "</vm>",
        "<vm id=\"3\">",
        "",
        "-1",
        "0",
        "0xffffffffffffffff",
        "0x7fffffffffffffff",
        "99999999999999999999",
        "4294967296",
        "65535",
        "y",
        "\u0000",
        "\uD800",
        "SOS_COM2_BASE",
        "SERVICE_VM_COM4_BASE",
        "PCI_VUART",
        "PCI",
        "COM Port 4",
        "RTVM",
        "KATA_VM",
        "PRE_LAUNCHED_VM",
        "POST_LAUNCHED_VM",
        "GUEST_FLAG_VCAT_ENABLED",
        "%s %n %d",
        "\r\n",
        "'",
        "\"",
        "hv:/a, 2, 0:1:1",
        "(1, 2), (1, 2)",
        "1f:1f.7",
        "100:00.0",
        "<pcpu_id>300</pcpu_id>",
        "<!--",
        "]]>",
        "id=\"7\"",
        "32",
        "KERNEL_RAWIMAGE"
    };

    @Test
    void brokenScenariosGiveFindings() throws IOException {
        System.out.println("seed " + SEED);
        List<String> files = new ArrayList<>();
        files.add(Files.readString(ScenariosTest.NESTED));
        files.add(Files.readString(ScenariosTest.NESTED_V3));
        try (Stream<Path> paths = Files.walk(Path.of("src/test/resources/rules"))) {
            for (Path path : paths.filter(p -> p.endsWith("bad.xml")).sorted().toList()) {
                files.add(Files.readString(path));
            }
        }
        List<Board> boards = new ArrayList<>(List.of(Boards.standard()));
        boards.add(Boards.parse("<acrn-config/>", "empty").board().orElseThrow());
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < ROUNDS; i++) {
            byte[] bytes = mutate(files.get(random.nextInt(files.size())), random);
            Board board = boards.get(random.nextInt(boards.size()));
            assertThatCode(() -> everything(bytes, board))
                    .as("round %d: %s", i, new String(bytes, StandardCharsets.UTF_8))
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void brokenBoardsGiveFindings() throws IOException {
        System.out.println("seed " + SEED);
        SplittableRandom random = new SplittableRandom(SEED);
        Scenario scenario = Scenarios.parse(ScenariosTest.NESTED).scenario().orElseThrow();
        List<String> files = new ArrayList<>();
        for (String name : Boards.names()) {
            try (var in = Boards.class.getResourceAsStream(name + ".xml")) {
                files.add(new String(in.readAllBytes(), StandardCharsets.UTF_8));
            }
        }
        for (int i = 0; i < ROUNDS / 6; i++) {
            byte[] bytes = mutate(files.get(random.nextInt(files.size())), random);
            assertThatCode(
                            () -> {
                                BoardResult result =
                                        Boards.parse(new ByteArrayInputStream(bytes), "mutant");
                                result.board().ifPresent(board -> Checker.check(scenario, board));
                            })
                    .as("round %d", i)
                    .doesNotThrowAnyException();
        }
    }

    private static void everything(byte[] bytes, Board board) throws IOException {
        ParseResult result = Scenarios.parse(new ByteArrayInputStream(bytes), "mutant");
        Checker.check(result, board).forEach(Finding::toString);
        if (result.scenario().isEmpty()) {
            return;
        }
        Allocation.of(result.scenario().get(), board);
        Conversion conversion = Converter.toV3(result.scenario().get(), board);
        if (Scenarios.parse(conversion.xml(), "converted").scenario().isEmpty()) {
            throw new AssertionError("unreadable: " + conversion.xml());
        }
    }

    /// Replaces, removes, doubles and exchanges pieces of a file, mostly whole values.
    private static byte[] mutate(String file, SplittableRandom random) {
        StringBuilder text = new StringBuilder(file);
        for (int n = random.nextInt(1, 6); n > 0 && text.length() > 2; n--) {
            int start = random.nextInt(text.length());
            int value = text.indexOf(">", start);
            int end = text.indexOf("<", Math.max(value, 0));
            switch (random.nextInt(6)) {
                case 0 -> text.insert(start, WORDS[random.nextInt(WORDS.length)]);
                case 1 ->
                        text.delete(start, Math.min(text.length(), start + random.nextInt(1, 60)));
                case 2 ->
                        text.insert(
                                start, text.substring(start, Math.min(text.length(), start + 200)));
                default -> {
                    if (value >= 0 && end > value) {
                        text.replace(value + 1, end, WORDS[random.nextInt(WORDS.length)]);
                    }
                }
            }
        }
        byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        if (random.nextInt(20) == 0 && bytes.length > 0) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
        return bytes;
    }
}
