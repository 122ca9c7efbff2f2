package nestbox.platform.trace;

/// A named value in a [TraceEvent], with what it takes to show it well.
public sealed interface TraceField {
    /// One word, the same in every rendering.
    String name();

    /// A register, an address or a field of bits, which people read in hexadecimal.
    record Bits(String name, long value) implements TraceField {}

    /// A quantity.
    record Number(String name, long value) implements TraceField {}

    /// Words.
    record Text(String name, String value) implements TraceField {}
}
