package nestbox.bench.comparison;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The emulator that is measured.
///
/// @param launcher the script that starts it
/// @param processors of its machine
record Nestbox(Path launcher, int processors) implements Emulator {
    @Override
    public String name() {
        return processors == 1 ? "Nestbox" : processors + " CPUs";
    }

    @Override
    public String version() {
        return Tools.run(launcher, "--version").lines().reduce((_, last) -> last).orElse("");
    }

    @Override
    public List<String> command(Guest guest, Path folder) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                launcher.toString(),
                                "boot",
                                "--cpus",
                                Integer.toString(processors),
                                "--memory",
                                guest.memoryMib() + "M"));
        command.addAll(software(guest));
        return command;
    }

    /// The options that say what runs.
    static List<String> software(Guest guest) {
        return switch (guest) {
            case Guest.Program(var elf, _, _) -> List.of("--kernel", elf.toString());
            case Guest.Linux(var kernel, var initrd, var commandLine, _) ->
                    List.of(
                            "--kernel",
                            kernel.toString(),
                            "--initrd",
                            initrd.toString(),
                            "--append",
                            commandLine);
        };
    }
}
