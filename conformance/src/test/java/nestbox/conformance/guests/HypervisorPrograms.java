package nestbox.conformance.guests;

import nestbox.cpu.model.CpuModel;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The guest programs that are hypervisors, for tests that run them as guests of another one: what
/// VMX does must not depend on who provides it.
public final class HypervisorPrograms {
    private static final Path TARGET = Path.of("target", "guests");

    private HypervisorPrograms() {}

    /// All of them, built.
    public static List<Program> all() {
        return GuestProgram.all().stream()
                .filter(GuestProgram::isHypervisor)
                .map(HypervisorPrograms::build)
                .toList();
    }

    private static Program build(GuestProgram program) {
        Board.Options options = program.options();
        return new Program(
                program.name(),
                program.build(TARGET),
                options.processors(),
                options.memoryMegabytes());
    }

    /// One program, and what it needs of its board.
    ///
    /// @param image a multiboot kernel, which prints on COM1 and ends with a line `end 0`
    public record Program(String name, Path image, int processors, int memoryMegabytes) {
        /// What it prints on a board with this processor.
        public List<String> expected(CpuModel model) {
            Board.Options options = new Board.Options(processors, memoryMegabytes);
            return new NestboxBoard(model).run(image, options).console().lines().toList();
        }

        /// Compares what it printed elsewhere.
        ///
        /// A processor with fewer features prints `skip` where it can't check, and nothing of the
        /// checks that depend on that. So each line must be an expected one or a skip, and they
        /// must come in the expected order.
        ///
        /// @return the lines that were not to be expected; empty if all is well
        public List<String> differences(CpuModel model, String console) {
            List<String> expected = expected(model);
            List<String> different = new ArrayList<>();
            int next = 0;
            for (String line : console.lines().filter(each -> !each.startsWith("skip ")).toList()) {
                int found = expected.subList(next, expected.size()).indexOf(line);
                if (found < 0) {
                    different.add(line);
                } else {
                    next += found + 1;
                }
            }
            if (!console.stripTrailing().endsWith("end 0")) {
                different.add("no \"end 0\" at the end");
            }
            return different;
        }

        /// The checks that it skipped elsewhere, each with its reason.
        public List<String> skipped(String console) {
            return console.lines()
                    .filter(line -> line.startsWith("skip "))
                    .map(line -> line.substring("skip ".length()))
                    .toList();
        }

        @Override
        public String toString() {
            return name;
        }
    }
}
