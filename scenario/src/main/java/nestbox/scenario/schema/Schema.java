package nestbox.scenario.schema;

import java.util.Map;

/// The table of one format.
///
/// @param releases the releases that have the format, for messages
/// @param foreign elements of the other format, with what to write instead
public record Schema(String releases, Shape root, Map<String, String> foreign) {}
