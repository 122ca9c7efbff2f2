package nestbox.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.scenario.Checker;
import nestbox.scenario.board.Boards;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;

/// What `nestbox check` says of good, bad, broken and hostile files.
@Timeout(60)
class CheckCommandTest {
    private static final Path OLD = Path.of("../scenarios/nested.xml");
    private static final Path NEW = Path.of("../scenarios/nested-v3.xml");

    @TempDir private Path folder;

    @Test
    void shippedScenariosAreGood() {
        Run old = Run.of("check", OLD.toString(), "--strict");
        assertThat(old.err()).isEmpty();
        assertThat(old.out())
                .isEqualTo(OLD + ": no errors, no warnings (v2.5, board nuc7i5dnhe)\n");
        assertThat(old.status()).isZero();
        Run fresh = Run.of("check", NEW.toString(), "--strict");
        assertThat(fresh.out()).contains("no errors, no warnings (v3.x, board nuc7i5dnhe)");
        assertThat(fresh.status()).isZero();
    }

    @Test
    void everyFindingIsToldAtOnceWithItsPlace() throws IOException {
        Path file =
                edited("<SCHEDULER>SCHED_NOOP", "<SCHEDULER>SCHED_BVT", "<pcpu_id>3", "<pcpu_id>9");
        Run run = Run.of("check", file.toString());
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out())
                .contains(":21:7: error [nested.scheduler] ")
                .contains("error [cpu.exists] pCPU 9 does not exist on board nuc7i5dnhe")
                .endsWith(file + ": 2 errors, no warnings (v2.5, board nuc7i5dnhe)\n");
        assertThat(run.out().lines().limit(2)).allMatch(line -> line.startsWith(file + ":"));
    }

    @Test
    void warningsCountOnlyIfAsked() throws IOException {
        Path file = edited("<rootfs>/dev/nvme0n1p2", "<rootfs>/dev/nowhere");
        assertThat(Run.of("check", file.toString()).status()).isZero();
        Run strict = Run.of("check", file.toString(), "--strict");
        assertThat(strict.status()).isEqualTo(1);
        assertThat(strict.out()).contains("warning [os.rootfs]", "no errors, 1 warning");
    }

    @Test
    void programsGetOneObject() throws IOException {
        Path file =
                edited(
                        "<name>ACRN SOS VM<",
                        "<name>the \"back\\slash\"<",
                        "<pcpu_id>3",
                        "<pcpu_id>9");
        Run run = Run.of("check", file.toString(), "--json");
        assertThat(run.out())
                .isEqualTo(
                        """
                        {"file":"%1$s","format":"v2.5","board":"nuc7i5dnhe","errors":1,"warnings":0,\
                        "findings":[{"file":"%1$s","line":74,"column":7,"rule":"cpu.exists",\
                        "severity":"error","message":"pCPU 9 does not exist on board nuc7i5dnhe, \
                        which has pCPUs 0, 1, 2 and 3. Remove it from VM \\"the \\"back\\\\slash\\"\\"."}]}
                        """
                                .formatted(file));
        assertThat(Run.of("check", OLD.toString(), "--json").out())
                .endsWith("\"errors\":0,\"warnings\":0,\"findings\":[]}\n");
    }

    @Test
    void boardIsTheNamedOneOrTheScenariosOwn() throws IOException {
        Run other = Run.of("check", OLD.toString(), "--board", "tgl-rvp");
        assertThat(other.status()).isEqualTo(1);
        assertThat(other.out()).contains("[scenario.board]", "board tgl-rvp)");

        Path unnamed = edited("board=\"nuc7i5dnhe\"", "board=\"nuc11tnbi5\"");
        assertThat(Run.of("check", unnamed.toString()).out()).contains("board nuc11tnbi5)");

        Path board = Path.of("../scenario/src/main/resources/nestbox/scenario/board/tgl-rvp.xml");
        Run fromFile = Run.of("check", OLD.toString(), "--board", board.toString());
        assertThat(fromFile.out()).isEqualTo(other.out());
    }

    @Test
    void brokenBoardFileDoesNotHideTheScenariosFindings() throws IOException {
        Path file = edited("<SCHEDULER>SCHED_NOOP", "<SCHEDULER>SCHED_FIFO");
        Path board = Files.writeString(folder.resolve("board.xml"), "<acrn-config board='b'>");
        Run run = Run.of("check", file.toString(), "--board", board.toString());
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out())
                .contains(board + ":1:")
                .contains("error [value.choice]")
                .contains("no rules were checked");
    }

    @Test
    void whatIsNoScenarioIsAFinding() throws IOException {
        finding("xml.syntax", "");
        finding("xml.syntax", "hello");
        finding("xml.syntax", "<acrn-config><vm></acrn-config>");
        finding("xml.root", "<html/>");
        finding("xml.root", "<acrn-config><processors/></acrn-config>");
        finding("xml.syntax", "\u0000\u0001\u0002");
    }

    @Test
    void hostileFilesEndSoon() throws IOException {
        StringBuilder bomb = new StringBuilder("<!DOCTYPE bomb [<!ENTITY a0 \"ha\">");
        for (int i = 1; i < 100; i++) {
            bomb.append("<!ENTITY a%d \"&a%d;&a%d;\">".formatted(i, i - 1, i - 1));
        }
        finding("xml.doctype", bomb + "]><acrn-config>&a99;</acrn-config>");
        finding(
                "xml.doctype",
                "<!DOCTYPE x [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><acrn-config>&x;</acrn-config>");
        finding("xml.limit", "<a>".repeat(100_000));
        finding("xml.limit", " ".repeat(9 << 20));
        finding("xml.element", "<acrn-config><vm/>" + "<x/>".repeat(100_000) + "</acrn-config>");
    }

    @Test
    void garbledFilesNeverBreakTheProgram() throws IOException {
        long seed = 0x5EED_0C4E;
        SplittableRandom random = new SplittableRandom(seed);
        byte[] good = Files.readAllBytes(OLD);
        Path file = folder.resolve("garbled.xml");
        for (int i = 0; i < 200; i++) {
            byte[] bytes = good.clone();
            for (int n = random.nextInt(1, 8); n > 0; n--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(0x20, 0x7F);
            }
            Files.write(file, bytes);
            Run run = Run.of("check", file.toString());
            assertThat(run.err()).as("seed %x, round %d", seed, i).isEmpty();
            assertThat(run.status()).as("seed %x, round %d", seed, i).isBetween(0, 1);
            assertThat(Run.of("convert", file.toString()).status()).isBetween(0, 1);
        }
    }

    @Test
    void rulesAreListed() {
        Run run = Run.of("check", "--list-rules");
        assertThat(run.status()).isZero();
        Checker.rules()
                .forEach(
                        rule ->
                                assertThat(run.out())
                                        .containsPattern(
                                                "(?m)^  \\Q%s\\E +%s +\\Q%s\\E$"
                                                        .formatted(
                                                                rule.id(),
                                                                rule.severity().word(),
                                                                rule.title())));
        String json = Run.of("check", "--list-rules", "--json").out();
        assertThat(json).startsWith("[{\"rule\":\"xml.syntax\",\"severity\":\"error\",");
        assertThat(json.split("\"rule\":", -1)).hasSize(Checker.rules().size() + 1);
    }

    @Test
    void mistakesEndWithOneSentence() throws IOException {
        mistake("Which scenario file");
        mistake("there is no file or folder missing.xml", "missing.xml");
        mistake("is a folder", folder.toString());
        mistake("There is no board 486", OLD.toString(), "--board", "486");
        mistake("is a folder: name a board file", OLD.toString(), "--board", folder.toString());
        mistake("no option or command '--strickt'", OLD.toString(), "--strickt");
        Path secret = Files.writeString(folder.resolve("secret.xml"), "<acrn-config/>");
        if (secret.toFile().setReadable(false) && !Files.isReadable(secret)) {
            mistake("permission denied", secret.toString());
        }
    }

    @Test
    void helpNamesTheBoards() {
        String help = Run.of("check", "--help").out();
        assertThat(help).contains(Boards.names());
        assertThat(help).contains("Exit status", "--strict", "--list-rules", "v2.5 to v2.7");
    }

    private void finding(String rule, String text) throws IOException {
        Path file = folder.resolve("file.xml");
        Files.writeString(file, text, StandardCharsets.UTF_8);
        Run run = Run.of("check", file.toString());
        assertThat(run.err()).isEmpty();
        assertThat(run.out()).contains("error [%s] ".formatted(rule)).doesNotContain("\tat ");
        assertThat(run.status()).isEqualTo(1);
    }

    /// The tutorial's scenario with some texts replaced by others.
    private Path edited(String... pairs) throws IOException {
        String text = Files.readString(OLD);
        for (int i = 0; i < pairs.length; i += 2) {
            assertThat(text).contains(pairs[i]);
            text = text.replace(pairs[i], pairs[i + 1]);
        }
        return Files.writeString(folder.resolve("edited.xml"), text);
    }

    private static void mistake(String why, String... options) {
        String[] arguments = new String[options.length + 1];
        arguments[0] = "check";
        System.arraycopy(options, 0, arguments, 1, options.length);
        Run run = Run.of(arguments);
        assertThat(run.err()).startsWith("nestbox: ").contains(why).doesNotContain("\tat ");
        assertThat(run.err().lines().count()).isLessThanOrEqualTo(2);
        assertThat(run.status()).isEqualTo(2);
    }
}
