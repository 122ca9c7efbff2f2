package nestbox.conformance.oracle;

import java.util.ArrayList;
import java.util.List;

/// Something that executes instructions: the host's processor, or ours.
interface Engine extends AutoCloseable {
    /// Executes from the case's state until an exception is raised, be it by the INT3 that
    /// surrounds the instruction, and returns what it left.
    State run(Case test);

    default List<State> runAll(List<Case> tests) {
        List<State> results = new ArrayList<>(tests.size());
        for (Case test : tests) {
            results.add(run(test));
        }
        return results;
    }

    @Override
    default void close() {}
}
