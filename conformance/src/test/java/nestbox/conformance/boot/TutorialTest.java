package nestbox.conformance.boot;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.app.board.Board;
import nestbox.app.board.BoardConfiguration;
import nestbox.app.board.Outcome;
import nestbox.app.l0.ScenarioSoftware;
import nestbox.boot.BootFile;
import nestbox.boot.BootImages;
import nestbox.conformance.boot.Dialogue.Step;
import nestbox.images.GuestImage;
import nestbox.images.GuestImages;
import nestbox.images.ProgressListener;
import nestbox.scenario.Allocation;
import nestbox.scenario.Scenario;
import nestbox.scenario.Scenarios;
import nestbox.scenario.board.Boards;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// What the tutorial on nested virtualization shows, from its scenario to the nested guest's login
/// prompt, all over the hypervisor's console.
class TutorialTest {
    private static final Path SCENARIO = Path.of("..", "scenarios", "nested.xml");
    private static final int PROCESSORS = 4;
    private static final long MEMORY = 2L << 30;
    private static final Duration LIMIT = Duration.ofMinutes(60);

    private static final String SHELL = "ACRN:\\>";
    private static final String COMMAND_LINE =
            "console=ttyS4 8250.nr_uarts=5 quiet cryptomgr.notests ";
    private static final String TO_SHELL = "\0";
    private static final String TO_VM = "vm_console 0";
    private static final String IN_VM = "----- Entering VM 0 Shell -----";
    private static final String L1 = "nestbox:/# ";
    private static final String L2 = "l2:";
    private static final String PRODUCT = "cat /sys/class/dmi/id/product_name";

    private static final List<String> L3_LINES =
            List.of("Hello from the third level", "The guest has halted.");

    private record Run(String console, Outcome outcome, List<Step> open) {}

    @Test
    void threeProcessorsOfTheServiceVmRunANestedGuestTheSameWayTwice() throws IOException {
        List<Step> steps =
                List.of(
                        new Step(SHELL, TO_VM),
                        new Step("l2 login: ", TO_SHELL),
                        new Step(SHELL, "vm_list"),
                        new Step(SHELL, "vcpu_list"),
                        new Step(SHELL, "nested_list"),
                        new Step(SHELL, TO_VM),
                        new Step(IN_VM, "root"),
                        new Step(L2, PRODUCT),
                        new Step(L2, "/root/start-l3"),
                        new Step(L2, "poweroff -f"),
                        new Step(L1, PRODUCT),
                        new Step(L1, "grep -c ^processor /proc/cpuinfo"),
                        new Step(L1, "poweroff -f"));
        Run first = run(Files.readString(SCENARIO), "", steps);

        assertThat(first.open).as(first.console).isEmpty();
        assertThat(first.outcome).as(first.console).isEqualTo(new Outcome.PoweredOff());
        assertThat(first.console)
                .contains("Standard PC (i440FX + PIIX, 1996)")
                .contains("NUC7i5DNHE");
        assertThat(words(first.console))
                .contains("3")
                .containsSubsequence(L3_LINES)
                .contains("dbbbd4347a574216a12c2201f1ab0240 0 ACRN SOS VM Running")
                .contains(
                        "0 1 0 PRIMARY Running RUNNING",
                        "0 2 1 SECONDARY Running RUNNING",
                        "0 3 2 SECONDARY Running RUNNING");

        Run second = run(Files.readString(SCENARIO), "", steps);
        assertThat(second).isEqualTo(first);
    }

    @Test
    void oneProcessorOfTheServiceVmRunsANestedGuestWithTwoTheSameWayTwice() throws IOException {
        String one =
                Files.readString(SCENARIO)
                        .replaceAll("\\s*<pcpu_id>[23]</pcpu_id>", "")
                        .replaceFirst("(\\s*<vcpu_clos>0</vcpu_clos>){3}", "$1");
        List<Step> steps =
                List.of(
                        new Step(SHELL, TO_VM),
                        new Step(L1, "/root/start-l2 -smp 2"),
                        new Step("l2 login: ", "root"),
                        new Step(L2, "grep -c ^processor /proc/cpuinfo"),
                        new Step(L2, "/root/start-l3; /root/start-l3"),
                        new Step(L2, "echo sum $((6 * 7))"),
                        new Step(L2, "poweroff -f"),
                        new Step(L1, "poweroff -f"));
        Run run = run(one, "nestbox.l2=no", steps);

        assertThat(run.open).as(run.console).isEmpty();
        assertThat(run.outcome).as(run.console).isEqualTo(new Outcome.PoweredOff());
        assertThat(words(run.console)).contains("2", "sum 42");
        assertThat(words(run.console)).filteredOn(L3_LINES::contains).hasSize(2 * L3_LINES.size());
        assertThat(run(one, "nestbox.l2=no", steps)).isEqualTo(run);
    }

    /// The lines of a text, with single spaces.
    private static List<String> words(String text) {
        List<String> lines = new ArrayList<>();
        text.lines().forEach(line -> lines.add(line.strip().replaceAll("\\s+", " ")));
        return lines;
    }

    private static Run run(String scenarioText, String append, List<Step> steps)
            throws IOException {
        Scenario scenario = Scenarios.parse(scenarioText, "nested.xml").scenario().orElseThrow();
        GuestImage image =
                GuestImages.of(
                                GuestImages.defaultCacheFolder(System.getenv()),
                                ProgressListener.SILENT)
                        .build("kvm");
        BootImages images =
                new BootImages(
                        BootFile.open("kernel", image.kernel()),
                        Optional.of(BootFile.open("initial RAM disk", image.initrd())),
                        "",
                        List.of());
        nestbox.scenario.board.Board hardware = Boards.standard();
        ScenarioSoftware software =
                new ScenarioSoftware(
                        new ScenarioSoftware.Plan(
                                scenario,
                                hardware,
                                Allocation.of(scenario, hardware),
                                OptionalInt.empty()),
                        plan -> images.with(COMMAND_LINE + append),
                        "test");
        Dialogue dialogue = new Dialogue(steps);
        try (images;
                Board board = new Board(BoardConfiguration.of(MEMORY, PROCESSORS, dialogue))) {
            dialogue.sitDownAt(bytes -> board.serialInput(0, bytes));
            software.start(board, output -> output);
            Thread watch = Thread.startVirtualThread(() -> stopAfterLimit(board));
            Outcome outcome = board.run();
            watch.interrupt();
            return new Run(dialogue.console(), outcome, dialogue.open());
        }
    }

    private static void stopAfterLimit(Board board) {
        try {
            Thread.sleep(LIMIT);
            board.stop();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
