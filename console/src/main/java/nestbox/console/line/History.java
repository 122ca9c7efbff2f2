package nestbox.console.line;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The lines that were entered last, and where in them the user looks.
final class History {
    private static final int LENGTH = 64;

    private final List<String> lines = new ArrayList<>();
    private int position;
    private String draft = "";

    /// Remembers a line, unless it repeats the last one.
    void add(String line) {
        if (!line.isBlank() && !last().equals(Optional.of(line))) {
            lines.add(line);
            if (lines.size() > LENGTH) {
                lines.removeFirst();
            }
        }
        position = lines.size();
    }

    Optional<String> last() {
        return lines.isEmpty() ? Optional.empty() : Optional.of(lines.getLast());
    }

    /// The line before, if there is one.
    ///
    /// @param current what is being edited, to come back to
    Optional<String> back(String current) {
        if (position == 0) {
            return Optional.empty();
        }
        if (position == lines.size()) {
            draft = current;
        }
        position--;
        return Optional.of(lines.get(position));
    }

    Optional<String> forward() {
        if (position == lines.size()) {
            return Optional.empty();
        }
        position++;
        return Optional.of(position == lines.size() ? draft : lines.get(position));
    }
}
