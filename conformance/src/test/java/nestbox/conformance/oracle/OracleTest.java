package nestbox.conformance.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import nestbox.conformance.oracle.UnlistedEncodings.Encoded;
import nestbox.x86.OpcodeMap;
import nestbox.x86.OpcodeRow;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// Our processor agrees with the host's on every result that the manual defines.
///
/// `-Doracle.cases` sets the number of cases for each row of the opcode tables and mode, and
/// `-Doracle.seed` repeats a run or makes another.
class OracleTest {
    private static final int CASES = Integer.getInteger("oracle.cases", 600);
    private static final long SEED = Long.getLong("oracle.seed", 20_250_601);

    private static HostProcessor host;

    @BeforeAll
    static void start() throws Exception {
        String obstacle = HostProcessor.obstacle().orElse("");
        assumeTrue(obstacle.isEmpty(), "no oracle here: " + obstacle);
        host = HostProcessor.start();
    }

    @AfterAll
    static void stop() {
        if (host != null) {
            host.close();
        }
    }

    /// A row in one of the two modes that a program can be in.
    private record Subject(OpcodeRow row, boolean mode64, long seed) {
        List<Case> cases(int count) {
            CaseGenerator generator = new CaseGenerator(row, mode64, seed);
            List<Case> cases = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                cases.add(generator.next());
            }
            return cases;
        }

        @Override
        public String toString() {
            return row + (mode64 ? " in 64-bit mode" : " in compatibility mode");
        }
    }

    private static List<Subject> subjects() {
        List<Subject> subjects = new ArrayList<>();
        long seed = SEED * 1_000_003;
        for (OpcodeRow row : OpcodeMap.rows()) {
            for (boolean mode64 : new boolean[] {true, false}) {
                seed++;
                if (Exclusions.reason(row, mode64).isEmpty()) {
                    subjects.add(new Subject(row, mode64, seed));
                }
            }
        }
        return subjects;
    }

    @Test
    void everyRowIsExecutedOrExcludedForAReason() {
        List<String> missing = new ArrayList<>();
        for (Subject subject : subjects()) {
            if (!isExecuted(subject.cases(100))) {
                missing.add(subject.toString());
            }
        }
        assertThat(missing).isEmpty();
    }

    /// Whether some case does what its instruction is for, be it an exception.
    private static boolean isExecuted(List<Case> cases) {
        boolean refused = Exclusions.isRefused(cases.getFirst().row());
        for (State result : host.runAll(cases)) {
            boolean counts =
                    switch (result.vector()) {
                        case Vector.UD, Vector.GP -> refused;
                        case Vector.PF, Vector.SS, Vector.AC, State.TIMED_OUT -> false;
                        default -> true;
                    };
            if (counts) {
                return true;
            }
        }
        return false;
    }

    @Test
    void theHostRepeatsItself() {
        for (Subject subject : subjects()) {
            List<Case> cases = subject.cases(16);
            assertThat(disagreements(cases, host.runAll(cases), host.runAll(cases))).isEmpty();
        }
    }

    @Test
    void theInterpreterAgreesWithTheHost() {
        Tally tally = new Tally();
        try (InterpretedProcessor ours = new InterpretedProcessor()) {
            for (Subject subject : subjects()) {
                List<Case> cases = subject.cases(CASES);
                List<State> expected = host.runAll(cases);
                List<State> actual = ours.runAll(cases);
                tally.add(subject, cases, disagreements(cases, expected, actual));
            }
        }
        System.out.println("oracle: " + tally);
        assertThat(tally.examples).as(tally.toString()).isEmpty();
    }

    /// What was run, and for each row the first disagreements.
    private static final class Tally {
        private static final int EXAMPLES = 2;

        private final List<String> examples = new ArrayList<>();
        private final Set<OpcodeRow> rows = new HashSet<>();
        private int cases;
        private int disagreements;

        void add(Subject subject, List<Case> run, List<String> found) {
            rows.add(subject.row);
            cases += run.size();
            disagreements += found.size();
            if (!found.isEmpty()) {
                examples.add(subject + ": " + found.size() + " of " + run.size() + " disagree");
                examples.addAll(found.subList(0, Math.min(EXAMPLES, found.size())));
            }
        }

        @Override
        public String toString() {
            return "%d cases of %d opcode rows with seed %d, %d disagreements"
                    .formatted(cases, rows.size(), SEED, disagreements);
        }
    }

    private static List<String> disagreements(
            List<Case> cases, List<State> expected, List<State> actual) {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < cases.size(); i++) {
            List<String> found =
                    Comparison.differences(cases.get(i), expected.get(i), actual.get(i));
            if (!found.isEmpty()) {
                all.add(cases.get(i) + "\n    " + String.join("\n    ", found));
            }
        }
        return all;
    }

    @Test
    void encodingsThatTheTablesLeaveOutAreUndefined() {
        List<Encoded> encodings = UnlistedEncodings.all();
        List<Case> cases = new ArrayList<>();
        for (Encoded encoding : encodings) {
            cases.add(unlisted(encoding));
        }
        List<State> results = host.runAll(cases);
        Set<String> forgotten = new LinkedHashSet<>();
        for (int i = 0; i < cases.size(); i++) {
            boolean known = UnlistedEncodings.extension(encodings.get(i)).isPresent();
            if (results.get(i).vector() != Vector.UD && !known) {
                forgotten.add(encodings.get(i).toString());
            }
        }
        assertThat(forgotten).isEmpty();
    }

    private static Case unlisted(Encoded encoding) {
        State state = new State();
        state.instruction(encoding.bytes());
        state.rip(Layout.CODE + 0x800);
        state.rflags(RFlags.FIXED | RFlags.IF);
        state.gpr(0, Layout.ACROSS_PAGES.address());
        state.gpr(Encoding.RSP, Layout.ACROSS_PAGES.address() + 320);
        state.fcw(0x37F);
        state.mxcsr(0x1F80);
        return new Case(OpcodeMap.rows().getFirst(), state, 0, 4, 0);
    }
}
