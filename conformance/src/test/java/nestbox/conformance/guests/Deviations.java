package nestbox.conformance.guests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Checks that a machine is known to fail, or that its processor has no feature for, as lines
/// `program: check`.
///
/// The programs follow the manual, so where a reference is lax the list bends, not the program.
///
/// @param failing checks that fail; `*` stands for a whole program
/// @param skipped checks that are skipped for want of a feature; of these exactly
/// @param mayLackFeatures whether other checks may be skipped, too, and failing ones be in order
record Deviations(Set<String> failing, Set<String> skipped, boolean mayLackFeatures) {
    /// A reference machine, with the checks that it gets wrong.
    static Deviations of(Path file) {
        return new Deviations(lines(file), Set.of(), true);
    }

    /// One of this project's processor models, with the checks of what its silicon lacks.
    static Deviations ofModel(Path file) {
        return new Deviations(Set.of(), lines(file), false);
    }

    /// This project's hypervisor on one of its processor models, with the checks that tell it from
    /// the processor.
    ///
    /// @param lacks the checks of what it doesn't offer
    static Deviations ofHypervisor(Path file, Path lacks, Path model) {
        Set<String> skipped =
                Stream.concat(lines(lacks).stream(), lines(model).stream())
                        .collect(Collectors.toUnmodifiableSet());
        return new Deviations(lines(file), skipped, false);
    }

    private static Set<String> lines(Path file) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> !line.isBlank() && !line.startsWith("#"))
                    .collect(Collectors.toUnmodifiableSet());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Whether the program as a whole can't run there.
    boolean excludes(GuestProgram program) {
        return allows(program, "*");
    }

    private boolean allows(GuestProgram program, String check) {
        return failing.contains(program.name() + ": " + check);
    }

    /// The checks of the program that fail there.
    Set<String> failing(GuestProgram program) {
        return checksOf(program, failing);
    }

    /// The checks that the program skips there.
    Set<String> skipped(GuestProgram program) {
        return checksOf(program, skipped);
    }

    private static Set<String> checksOf(GuestProgram program, Set<String> lines) {
        String prefix = program.name() + ": ";
        return lines.stream()
                .filter(line -> line.startsWith(prefix))
                .map(line -> line.substring(prefix.length()))
                .collect(Collectors.toSet());
    }
}
