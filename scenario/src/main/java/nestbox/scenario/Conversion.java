package nestbox.scenario;

import java.util.List;

/// A scenario in the v3.x format.
///
/// @param xml the file
/// @param notes what the new format can't say or says in another way, for the author to look at
public record Conversion(String xml, List<String> notes) {
    public Conversion {
        notes = List.copyOf(notes);
    }
}
