package nestbox.conformance.guests;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.nio.file.Path;
import java.util.List;

/// Every guest program finds the processor it runs on as the manual describes it.
///
/// `-Dnestbox.reference=qemu` (or `bochs`) holds an installed emulator to the programs instead,
/// which checks the programs.
class GuestProgramsTest {
    private static final Path TARGET = Path.of("target", "guests");

    static List<GuestProgram> programs() {
        String only = System.getProperty("nestbox.guest", "");
        return GuestProgram.all().stream().filter(p -> p.name().contains(only)).toList();
    }

    @ParameterizedTest
    @MethodSource("programs")
    void everyCheckIsOk(GuestProgram program) {
        Path elf = program.build(TARGET);
        Board board = board();
        if (!board.deviations().excludes(program)) {
            verify(program, board, elf);
        }
    }

    private static Board board() {
        return switch (System.getProperty("nestbox.reference", "")) {
            case "qemu" -> new QemuBoard();
            case "bochs" -> new BochsBoard();
            default -> new NestboxBoard();
        };
    }

    private static void verify(GuestProgram program, Board board, Path elf) {
        Board.Outcome outcome = board.run(elf, program.options());
        List<String> lines = outcome.console().lines().toList();
        assertThat(lines).as("checks").anyMatch(line -> line.startsWith("ok "));
        assertThat(lines.stream().filter(line -> line.startsWith("FAIL ")).toList())
                .filteredOn(line -> !board.deviations().allows(program, checkOf(line)))
                .as("failed checks")
                .isEmpty();
        if (!board.deviations().mayLackFeatures()) {
            assertThat(lines).as("skipped checks").noneMatch(line -> line.startsWith("skip "));
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
    private static String checkOf(String line) {
        return line.substring("FAIL ".length(), line.indexOf(": expected"));
    }
}
