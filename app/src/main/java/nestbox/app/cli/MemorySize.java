package nestbox.app.cli;

import nestbox.platform.GuestMemory;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A size of memory as users write it: 1536M, 2G.
record MemorySize(long bytes) {
    private static final Pattern SYNTAX = Pattern.compile("(\\d{1,9})([KMG])(?:iB)?", 2);

    private static final long SMALLEST = 1L << 20;

    /// All RAM must lie below the 64-bit PCI window.
    static final long LARGEST = 64L << 30;

    static MemorySize ofMebibytes(long count) {
        return new MemorySize(count << 20);
    }

    static final class Converter implements ITypeConverter<MemorySize> {
        @Override
        public MemorySize convert(String value) {
            Matcher matcher = SYNTAX.matcher(value);
            if (!matcher.matches()) {
                throw new TypeConversionException(
                        "'%s' is no size: write a number and M or G, such as 1536M"
                                .formatted(value));
            }
            int shift =
                    switch (matcher.group(2)) {
                        case "K", "k" -> 10;
                        case "M", "m" -> 20;
                        default -> 30;
                    };
            long number = Long.parseLong(matcher.group(1));
            long bytes = number << shift;
            if (bytes < SMALLEST || number > LARGEST >> shift) {
                throw new TypeConversionException(
                        "%s is out of range: give the guest 1M to 64G".formatted(value));
            }
            if (bytes % GuestMemory.PAGE_SIZE != 0) {
                throw new TypeConversionException(
                        "%s is no whole number of 4K pages".formatted(value));
            }
            return new MemorySize(bytes);
        }
    }
}
