package nestbox.scenario.board;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The address of a PCI function: bus, device and function.
public record Bdf(int bus, int device, int function) implements Comparable<Bdf> {
    private static final Pattern FORM =
            Pattern.compile("([0-9A-Fa-f]{1,2}):([01][0-9A-Fa-f])\\.([0-7])");

    /// Reads `BB:DD.F` at the start of a text.
    public static Optional<Bdf> at(String text) {
        Matcher matcher = FORM.matcher(text);
        return matcher.lookingAt()
                ? Optional.of(
                        new Bdf(
                                Integer.parseInt(matcher.group(1), 16),
                                Integer.parseInt(matcher.group(2), 16),
                                Integer.parseInt(matcher.group(3), 16)))
                : Optional.empty();
    }

    @Override
    public int compareTo(Bdf other) {
        return Integer.compare(
                bus << 8 | device << 3 | function,
                other.bus << 8 | other.device << 3 | other.function);
    }

    @Override
    public String toString() {
        return "%02x:%02x.%d".formatted(bus, device, function);
    }
}
