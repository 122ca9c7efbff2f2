package nestbox.scenario;

import java.util.HashMap;
import java.util.Map;

/// Where the parts of a scenario stand in its file, kept apart from the records so that scenarios
/// compare by what they say.
///
/// A part has a path of record components, such as `vm/0/cpuAffinity/2`. What a file leaves out
/// stands where the nearest thing around it stands.
public record Locations(String file, Map<String, Position> positions) {
    public Locations {
        positions = Map.copyOf(positions);
    }

    /// The place of a part, or of the nearest part around it.
    public Position of(String path) {
        String nearest = path;
        while (!positions.containsKey(nearest)) {
            int slash = nearest.lastIndexOf('/');
            if (slash < 0) {
                return positions.getOrDefault("", Position.START);
            }
            nearest = nearest.substring(0, slash);
        }
        return positions.get(nearest);
    }

    /// Gathers places while a file is read.
    public static final class Builder {
        private final Map<String, Position> positions = new HashMap<>();

        public void put(String path, Position position) {
            positions.putIfAbsent(path, position);
        }

        public Locations build(String file) {
            return new Locations(file, positions);
        }
    }
}
