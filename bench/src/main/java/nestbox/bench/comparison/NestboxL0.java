package nestbox.bench.comparison;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Nestbox with its hypervisor (L0), of which the guest is the Service VM.
///
/// @param launcher the script that starts it
/// @param scenario one with a Service VM that may use VMX, as `scenarios/nested.xml`
/// @param oneProcessor whether the Service VM is to have one processor, like other guests here,
///     instead of those that the scenario gives it
record NestboxL0(Path launcher, Path scenario, boolean oneProcessor) implements Emulator {
    /// How many the machine has on which L0 and the Service VM share a processor.
    private static final List<String> ONE_PROCESSOR = List.of("--cpus", "1");

    private static final Pattern CONSOLE = Pattern.compile("console=\\S+ ?");
    private static final Pattern AFFINITY =
            Pattern.compile("(<cpu_affinity>).*?(</cpu_affinity>)", Pattern.DOTALL);
    private static final Pattern DEBUG = Pattern.compile("(<RELEASE>)n(</RELEASE>)");

    @Override
    public String name() {
        return oneProcessor ? "L0, 1 CPU" : "L0";
    }

    @Override
    public String version() {
        return scenario.getFileName() + (oneProcessor ? " with one processor" : " as it is");
    }

    @Override
    public List<String> command(Guest guest, Path folder) {
        Path file = folder.resolve("scenario.xml");
        try {
            Files.writeString(file, variant(Files.readString(scenario), guest));
        } catch (IOException e) {
            throw new BenchException("Can't copy " + scenario + ": " + e.getMessage(), e);
        }
        List<String> command =
                new ArrayList<>(
                        List.of(
                                launcher.toString(),
                                "run",
                                file.toString(),
                                "--stats",
                                "--memory",
                                guest.memoryMib() + "M"));
        command.addAll(Nestbox.software(withoutConsole(guest)));
        command.addAll(oneProcessor ? ONE_PROCESSOR : List.of());
        return command;
    }

    /// The console of a Linux is the one that the scenario names.
    private static Guest withoutConsole(Guest guest) {
        return guest instanceof Guest.Linux(var kernel, var initrd, var commandLine, var memory)
                ? new Guest.Linux(
                        kernel, initrd, CONSOLE.matcher(commandLine).replaceAll(""), memory)
                : guest;
    }

    /// A program writes to COM1 and knows no other console, so L0 has to leave COM1 to it.
    private String variant(String text, Guest guest) {
        String adapted = guest instanceof Guest.Program ? replace(text, DEBUG, "y") : text;
        return oneProcessor ? replace(adapted, AFFINITY, "<pcpu_id>0</pcpu_id>") : adapted;
    }

    private String replace(String text, Pattern what, String by) {
        Matcher matcher = what.matcher(text);
        if (!matcher.find()) {
            throw new BenchException("%s has nothing like %s".formatted(scenario, what));
        }
        return matcher.replaceFirst("$1" + Matcher.quoteReplacement(by) + "$2");
    }

    /// The terminal is L0's at first.
    @Override
    public String input(Guest guest) {
        return guest instanceof Guest.Linux ? "vm_console 0\n" : "";
    }
}
