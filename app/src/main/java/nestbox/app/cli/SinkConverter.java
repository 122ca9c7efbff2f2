package nestbox.app.cli;

import nestbox.app.console.EndpointSpec;
import nestbox.app.console.SinkSpec;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// Reads where the output of a character device goes to which nothing can come back.
final class SinkConverter implements ITypeConverter<SinkSpec> {
    @Override
    public SinkSpec convert(String value) {
        return switch (place(value)) {
            case SinkSpec sink -> sink;
            case EndpointSpec.Socket _, EndpointSpec.PseudoTerminal _ -> throw mistake(value);
        };
    }

    private static EndpointSpec place(String value) {
        try {
            return EndpointConverter.read(value);
        } catch (TypeConversionException e) {
            throw mistake(value);
        }
    }

    private static TypeConversionException mistake(String value) {
        return new TypeConversionException(
                "'%s' is no place for output: write none, stderr or file:PATH".formatted(value));
    }
}
