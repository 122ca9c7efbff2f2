package nestbox.bench.comparison;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// QEMU that translates code, without the host's virtualization.
///
/// @param processor its model
record Qemu(String processor) implements Emulator {
    private static final String PROGRAM = "qemu-system-x86_64";

    /// A processor with what the translator can do, but four levels of page tables like the others.
    private static final String ALL = "max,la57=off";

    /// One that has virtualization, which for the translator means AMD's.
    private static final String VIRTUALIZING = "EPYC,+svm";

    private static final String MACHINE =
            "-accel tcg -cpu %s -smp 1 -m %d -display none -serial stdio -monitor none"
                    + " -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4";

    static Qemu withAll() {
        return new Qemu(ALL);
    }

    static Qemu virtualizing() {
        return new Qemu(VIRTUALIZING);
    }

    @Override
    public String name() {
        return "QEMU";
    }

    @Override
    public String version() {
        return Tools.run(PROGRAM, "--version").lines().findFirst().orElse("");
    }

    @Override
    public List<String> command(Guest guest, Path folder) {
        List<String> command = new ArrayList<>(List.of(PROGRAM));
        command.addAll(List.of(MACHINE.formatted(processor, guest.memoryMib()).split(" ")));
        command.addAll(
                switch (guest) {
                    case Guest.Program(var elf, _, _) -> List.of("-kernel", elf.toString());
                    case Guest.Linux(var kernel, var initrd, var commandLine, _) ->
                            List.of(
                                    "-kernel",
                                    kernel.toString(),
                                    "-initrd",
                                    initrd.toString(),
                                    "-append",
                                    commandLine);
                });
        return command;
    }
}
