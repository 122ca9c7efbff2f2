package nestbox.bench.comparison;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The emulator that is measured.
///
/// @param launcher the script that starts it
record Nestbox(Path launcher) implements Emulator {
    @Override
    public String name() {
        return "Nestbox";
    }

    @Override
    public String version() {
        return Tools.run(launcher, "--version").lines().reduce((_, last) -> last).orElse("");
    }

    @Override
    public List<String> command(Guest guest, Path folder) {
        List<String> command =
                new ArrayList<>(List.of(launcher.toString(), "boot", "--memory", MEMORY_MIB + "M"));
        command.addAll(
                switch (guest) {
                    case Guest.Program(var elf, _, _) -> List.of("--kernel", elf.toString());
                    case Guest.Linux(var kernel, var initrd, var commandLine) ->
                            List.of(
                                    "--kernel",
                                    kernel.toString(),
                                    "--initrd",
                                    initrd.toString(),
                                    "--append",
                                    commandLine);
                });
        return command;
    }
}
