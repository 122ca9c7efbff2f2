package nestbox.conformance.guests;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.model.CpuModel;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// Every guest program finds the processor it runs on as the manual describes it.
///
/// `-Dnestbox.reference=qemu` (or `bochs`) holds an installed emulator to the programs instead,
/// which checks the programs; `l0` runs them under this project's hypervisor alone.
class GuestProgramsTest {
    private static final Path TARGET = Path.of("target", "guests");

    /// A program and where it runs.
    record Run(GuestProgram program, Board board) {
        @Override
        public String toString() {
            return program + " on " + board;
        }
    }

    static List<Run> runs() {
        String only = System.getProperty("nestbox.guest", "");
        return GuestProgram.all().stream()
                .filter(program -> program.name().contains(only))
                .flatMap(program -> boards(program).map(board -> new Run(program, board)))
                .filter(run -> !run.board.deviations().excludes(run.program))
                .toList();
    }

    private static Stream<Board> boards(GuestProgram program) {
        if (program.lacksVmx()) {
            return models(program).map(L0Board::withoutVmx);
        }
        if (program.isServiceVm()) {
            return models(program).flatMap(L0Board::launching);
        }
        return switch (System.getProperty("nestbox.reference", "")) {
            case "qemu" -> Stream.of(new QemuBoard());
            case "bochs" -> Stream.of(new BochsBoard());
            case "l0" -> underL0(program);
            default -> Stream.concat(models(program).map(NestboxBoard::new), underL0(program));
        };
    }

    /// What interrupts a guest's guest comes another way without local APICs that are passed.
    private static Stream<Board> underL0(GuestProgram program) {
        Stream<Board> emulated =
                program.isHypervisor()
                        ? Stream.of(L0Board.withVmxAndEmulatedApics(CpuModel.kabylake()))
                        : Stream.of();
        return Stream.concat(models(program).map(L0Board::withVmx), emulated);
    }

    /// Hypervisors run on every processor model, others on the default one.
    private static Stream<CpuModel> models(GuestProgram program) {
        return CpuModel.all().stream().limit(program.isHypervisor() ? CpuModel.all().size() : 1);
    }

    @ParameterizedTest
    @MethodSource("runs")
    void everyCheckIsOk(Run run) {
        GuestProgram program = run.program;
        Deviations deviations = run.board.deviations();
        Board.Outcome outcome = run.board.run(program.build(TARGET), program.options());
        List<String> lines = outcome.console().lines().toList();
        assertThat(lines).as("checks").anyMatch(line -> line.startsWith("ok "));
        Set<String> expected = deviations.failing(program);
        List<String> failed = lines.stream().filter(line -> line.startsWith("FAIL ")).toList();
        assertThat(failed)
                .filteredOn(line -> !expected.contains(failed(line)))
                .as("failed checks")
                .isEmpty();
        if (!deviations.mayLackFeatures()) {
            assertThat(failed.stream().map(GuestProgramsTest::failed))
                    .as("checks that are known to fail")
                    .containsExactlyInAnyOrderElementsOf(expected);
            assertThat(
                            lines.stream()
                                    .filter(line -> line.startsWith("skip "))
                                    .map(GuestProgramsTest::skipped))
                    .as("skipped checks")
                    .containsExactlyInAnyOrderElementsOf(deviations.skipped(program));
        }
        if (program.endsInReset()) {
            assertThat(outcome.end()).isEqualTo(new Board.End.Reset());
        } else {
            assertThat(lines).last().asString().startsWith("end ");
            int failures = lines.getLast().equals("end 0") ? 0 : 1;
            assertThat(outcome.end()).isEqualTo(new Board.End.Exit(failures << 1 | 1));
        }
    }

    /// `FAIL name: expected ...` names a check.
    private static String failed(String line) {
        return line.substring("FAIL ".length(), line.indexOf(": expected"));
    }

    /// `skip name: why` names a check.
    private static String skipped(String line) {
        return line.substring("skip ".length(), line.indexOf(": "));
    }
}
