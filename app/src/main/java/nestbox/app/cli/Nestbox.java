package nestbox.app.cli;

import nestbox.app.console.StandardStreams;
import nestbox.boot.BootException;
import nestbox.images.ImageException;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.module.ModuleDescriptor;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/// The command line: which commands there are, and how every one of them ends.
@Command(
        name = "nestbox",
        mixinStandardHelpOptions = true,
        versionProvider = Nestbox.Version.class,
        description = "A PC with Intel VT-x in pure software.",
        synopsisSubcommandLabel = "COMMAND")
public final class Nestbox implements Runnable {
    private static final int WIDTH = 100;

    @Spec private CommandSpec spec;

    private Nestbox() {}

    /// Runs a command.
    ///
    /// @return the exit status of the process
    public static int run(StandardStreams streams, String... arguments) {
        CommandLine line = new CommandLine(new Nestbox());
        line.addSubcommand(inSections(new BootCommand(streams)));
        line.addSubcommand(inSections(new RunCommand(streams)));
        line.addSubcommand(new CommandLine(new DemoCommand(streams)));
        line.addSubcommand(new CheckCommand());
        line.addSubcommand(new ConvertCommand());
        line.setOut(new PrintWriter(streams.out(), true, StandardCharsets.UTF_8));
        line.setErr(new PrintWriter(streams.err(), true, StandardCharsets.UTF_8));
        line.setUsageHelpWidth(WIDTH);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setOverwrittenOptionsAllowed(false);
        line.setParameterExceptionHandler((e, _) -> mistake(e));
        line.setExecutionExceptionHandler((e, command, _) -> failure(e, command, arguments));
        try {
            return line.execute(arguments);
        } catch (Error e) {
            return failure(e, line, arguments);
        }
    }

    /// A command whose options come in groups.
    private static CommandLine inSections(Object command) {
        CommandLine line = new CommandLine(command);
        line.getHelpSectionMap()
                .put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, new OptionSections());
        return line;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Which command? The usual one is boot.");
    }

    private static int mistake(ParameterException e) {
        CommandLine command = e.getCommandLine();
        String message = e.getMessage();
        String hint = "";
        if (e instanceof UnmatchedArgumentException unmatched) {
            // What follows a wrong word may be right, so only the first is named.
            String word = unmatched.getUnmatched().getFirst();
            message = "There is no option or command '%s'.".formatted(word);
            hint =
                    unmatched.getSuggestions().stream()
                            .findFirst()
                            .map("Did you mean %s? "::formatted)
                            .orElse("");
        }
        PrintWriter err = command.getErr();
        err.println("nestbox: " + firstLine(message));
        err.println("%sTry '%s --help'.".formatted(hint, command.getCommandSpec().qualifiedName()));
        return ExitStatus.USER_MISTAKE.code();
    }

    private static int failure(Throwable e, CommandLine command, String[] arguments) {
        PrintWriter err = command.getErr();
        boolean mistake =
                e instanceof UserMistake
                        || e instanceof BootException
                        || e instanceof ImageException;
        err.println("nestbox: " + (mistake ? e.getMessage() : internal(e, arguments)));
        return (mistake ? ExitStatus.USER_MISTAKE : ExitStatus.INTERNAL_ERROR).code();
    }

    /// Writes all that is known about an internal error into a file, and says where.
    private static String internal(Throwable e, String[] arguments) {
        StringWriter text = new StringWriter();
        PrintWriter out = new PrintWriter(text);
        Arrays.stream(new Version().getVersion()).forEach(out::println);
        out.println("Arguments: " + Arrays.toString(arguments));
        e.printStackTrace(out);
        try {
            Path log = Files.createTempFile("nestbox-error-", ".log");
            Files.writeString(log, text.toString());
            return "This is an error in Nestbox (%s): details are in %s."
                    .formatted(firstLine(e.toString()), log);
        } catch (IOException unwritable) {
            return "This is an error in Nestbox, and no log could be written (%s): %s"
                    .formatted(unwritable.getMessage(), text);
        }
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse("");
    }

    /// Answers `--version`.
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {
                "nestbox " + number(), "Java " + Runtime.version() + ", " + operatingSystem()
            };
        }

        static String number() {
            return Optional.ofNullable(Nestbox.class.getModule().getDescriptor())
                    .flatMap(ModuleDescriptor::rawVersion)
                    .orElse("(development build)");
        }

        private static String operatingSystem() {
            return System.getProperty("os.name") + " " + System.getProperty("os.arch");
        }
    }
}
