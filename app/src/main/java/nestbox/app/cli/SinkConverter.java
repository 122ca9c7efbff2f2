package nestbox.app.cli;

import nestbox.app.console.SinkSpec;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

import java.nio.file.Path;

/// Reads where a character device's output goes.
final class SinkConverter implements ITypeConverter<SinkSpec> {
    private static final String FILE = "file:";

    @Override
    public SinkSpec convert(String value) {
        if (value.equals("none")) {
            return new SinkSpec.None();
        }
        if (value.equals("stderr")) {
            return new SinkSpec.StandardError();
        }
        if (value.startsWith(FILE) && value.length() > FILE.length()) {
            return new SinkSpec.ToFile(Path.of(value.substring(FILE.length())));
        }
        throw new TypeConversionException(
                "'%s' is no place for output: write none, stderr or file:PATH".formatted(value));
    }
}
