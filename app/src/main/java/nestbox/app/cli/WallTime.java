package nestbox.app.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Turns times as users write them, 90s, 5m, 1h, into durations.
final class WallTime implements ITypeConverter<Duration> {
    private static final Pattern SYNTAX = Pattern.compile("(\\d{1,6})([smh])");

    @Override
    public Duration convert(String value) {
        Matcher matcher = SYNTAX.matcher(value);
        if (!matcher.matches()) {
            throw new TypeConversionException(
                    "'%s' is no time: write a number and s, m or h, such as 5m".formatted(value));
        }
        long number = Long.parseLong(matcher.group(1));
        return switch (matcher.group(2)) {
            case "s" -> Duration.ofSeconds(number);
            case "m" -> Duration.ofMinutes(number);
            default -> Duration.ofHours(number);
        };
    }
}
