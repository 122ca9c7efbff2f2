package nestbox.bench.comparison;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.scenario.Scenario;
import nestbox.scenario.Scenarios;
import nestbox.scenario.board.Boards;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

class NestboxL0Test {
    private static final Path LAUNCHER = Path.of("nestbox");
    private static final Path SCENARIO = Path.of("../scenarios/nested.xml");

    private final Guest linux =
            new Guest.Linux(Path.of("k"), Path.of("i"), "console=ttyS0 quiet", 1024);
    private final Guest program = new Guest.Program(Path.of("p"), Path.of("f"), 0);

    @TempDir private Path folder;

    @Test
    void theScenarioIsTheOneThatUsersHave() throws IOException {
        assertThat(new NestboxL0(LAUNCHER, SCENARIO, false).command(linux, folder))
                .contains("run", "1024M", "k", "i")
                .containsSequence("--append", "quiet");
        assertThat(folder.resolve("scenario.xml")).hasSameTextualContentAs(SCENARIO);
    }

    @Test
    void theServiceVmHasAllProcessorsOfAMachineWithOne() throws IOException {
        Emulator emulator = new NestboxL0(LAUNCHER, SCENARIO, true);

        assertThat(emulator.command(linux, folder)).containsSequence("--cpus", "1");
        Scenario scenario = scenario();
        assertThat(cpus(scenario)).containsExactly(0);
        assertThat(scenario.hypervisor().debug().release()).isFalse();
    }

    @Test
    void aProgramHasCom1ForItself() throws IOException {
        Emulator emulator = new NestboxL0(LAUNCHER, SCENARIO, true);

        emulator.command(program, folder);

        assertThat(scenario().hypervisor().debug().release()).isTrue();
        assertThat(emulator.input(program)).isEmpty();
        assertThat(emulator.input(linux)).isEqualTo("vm_console 0\n");
    }

    @Test
    void aScenarioThatLooksDifferentIsRefused() throws IOException {
        Path other = Files.writeString(folder.resolve("other.xml"), "<acrn-config/>");

        assertThatThrownBy(() -> new NestboxL0(LAUNCHER, other, true).command(linux, folder))
                .isInstanceOf(BenchException.class)
                .hasMessageContaining("other.xml");
    }

    private Scenario scenario() throws IOException {
        return Scenarios.parse(folder.resolve("scenario.xml")).scenario().orElseThrow();
    }

    private static Iterable<Integer> cpus(Scenario scenario) {
        return scenario.cpusOf(
                scenario.vms().getFirst(), Boards.builtIn(scenario.board()).orElseThrow());
    }
}
