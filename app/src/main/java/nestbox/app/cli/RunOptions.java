package nestbox.app.cli;

import nestbox.app.console.SinkSpec;
import nestbox.app.session.Session;
import nestbox.platform.trace.TraceEvent;

import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/// Options that say where output goes and when a run ends; and what its exit status means.
@Command(
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {
            "0:as asked: the guest, or the last VM, switched the power off, or --until was seen",
            "1:not as asked: that was before --until was seen",
            "2:something to correct: an option, a file, the scenario, the host",
            "3:the guest crashed (triple fault) or halted for good, or the hypervisor stopped a VM",
            "4:--timeout came first",
            "70:an error in Nestbox itself",
            "odd:a guest program wrote V to port 0xF4: the status is V * 2 + 1, modulo 256"
        })
final class RunOptions {
    @Option(
            names = "--serial2",
            paramLabel = "SINK",
            defaultValue = "none",
            converter = SinkConverter.class,
            description =
                    "Where the second serial port's output goes: none, stderr or file:PATH. "
                            + "Default: ${DEFAULT-VALUE}.")
    SinkSpec serial2 = new SinkSpec.None();

    @Option(
            names = "--debug-console",
            paramLabel = "SINK",
            defaultValue = "none",
            converter = SinkConverter.class,
            description = "The same for the debug ports 0xE9 and 0x402. Default: ${DEFAULT-VALUE}.")
    SinkSpec debugConsole = new SinkSpec.None();

    @Option(
            names = "--virtio-console",
            paramLabel = "SINK",
            converter = SinkConverter.class,
            description =
                    "The same for a virtio console (/dev/hvc0 in Linux), which the machine has only"
                            + " with this option. It has no input.")
    Optional<SinkSpec> virtioConsole = Optional.empty();

    @Option(
            names = "--until",
            paramLabel = "TEXT",
            converter = Text.class,
            description = "End with status 0 as soon as the console has shown TEXT.")
    Optional<String> until = Optional.empty();

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            converter = WallTime.class,
            description = "End with status 4 after this time, such as 90s, 5m or 1h.")
    Optional<Duration> timeout = Optional.empty();

    @Option(
            names = "--no-reboot",
            description = "End with status 0 when the guest resets, instead of booting again.")
    boolean noReboot;

    @Option(
            names = "--stats",
            description =
                    "Print on standard error what the run took, and what VM exits took of it.")
    boolean stats;

    @Option(
            names = "--trace",
            paramLabel = "TOPIC",
            description =
                    "Print a line on standard error for everything that happens. The only TOPIC is"
                            + " ${COMPLETION-CANDIDATES}: VM entries, VM exits, and why VM entries"
                            + " fail.")
    Optional<TraceTopic> trace = Optional.empty();

    @Option(
            names = "--trace-file",
            paramLabel = "FILE",
            description = "Write the trace there instead, one JSON object a line.")
    Optional<Path> traceFile = Optional.empty();

    /// What a trace can be about.
    enum TraceTopic {
        VMX;

        /// As users write it.
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// The trace that is asked for, if one is: a file alone says enough.
    Optional<Session.Trace> traced() {
        if (trace.isEmpty() && traceFile.isEmpty()) {
            return Optional.empty();
        }
        Function<TraceEvent, String> format =
                traceFile.isPresent() ? TraceJson::line : TraceEvent::toString;
        return Optional.of(new Session.Trace(traceFile, format));
    }

    /// Insists on something to look for.
    static final class Text implements ITypeConverter<String> {
        @Override
        public String convert(String value) {
            if (value.isEmpty()) {
                throw new TypeConversionException("there is nothing to wait for");
            }
            return value;
        }
    }
}
