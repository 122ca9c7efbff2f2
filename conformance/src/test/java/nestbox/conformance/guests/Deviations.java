package nestbox.conformance.guests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Checks that a reference machine is known to fail, as lines `program: check`.
///
/// The programs follow the manual, so where a reference is lax the list bends, not the program.
///
/// @param mayLackFeatures whether checks may be skipped for want of a feature in CPUID
record Deviations(Set<String> lines, boolean mayLackFeatures) {
    static final Deviations NONE = new Deviations(Set.of(), false);

    static Deviations of(Path file) {
        try (Stream<String> lines = Files.lines(file)) {
            return new Deviations(
                    lines.filter(line -> !line.isBlank() && !line.startsWith("#"))
                            .collect(Collectors.toUnmodifiableSet()),
                    true);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Whether the program as a whole can't run there.
    boolean excludes(GuestProgram program) {
        return lines.contains(program.name() + ": *");
    }

    boolean allows(GuestProgram program, String check) {
        return lines.contains(program.name() + ": " + check);
    }
}
