package nestbox.hypervisor.emulate;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// An instruction with accesses whose answers take their time.
///
/// L0 carries out an instruction as if everything were at hand. At the first access whose answer
/// isn't there, [Unanswered] ends the attempt; when the answer has come, there is another attempt,
/// which finds it here. So no instruction has to be taken to pieces, and one with several such
/// accesses makes them in order. An attempt that asks for something else than the one before, since
/// somebody has changed the instruction meanwhile, loses the answers from there on.
///
/// @param <R> what is asked; equal requests have the same answer within an instruction
public final class Attempts<R> {
    private final List<Answer<R>> answers = new ArrayList<>();
    private Optional<R> asked = Optional.empty();
    private int used;

    private record Answer<R>(R request, long value) {}

    /// Ends an attempt. It carries no stack trace, being part of what guests do.
    public static final class Unanswered extends RuntimeException {
        private static final long serialVersionUID = 1;

        private Unanswered() {
            super("unanswered access", null, false, false);
        }
    }

    /// The instruction is carried out, maybe not for the first time.
    public void begin() {
        used = 0;
    }

    /// The instruction is complete, or an iteration of it: its accesses are history.
    public void done() {
        answers.clear();
        used = 0;
    }

    /// @return the answer
    /// @throws Unanswered if there is none yet
    public long access(R request) {
        if (used < answers.size()) {
            Answer<R> answer = answers.get(used);
            if (answer.request.equals(request)) {
                used++;
                return answer.value;
            }
            answers.subList(used, answers.size()).clear();
        }
        asked = Optional.of(request);
        throw new Unanswered();
    }

    /// The request that ended the last attempt.
    public R asked() {
        return asked.orElseThrow();
    }

    /// What the next attempt is to find.
    public void answer(long value) {
        answers.add(new Answer<>(asked(), value));
    }
}
