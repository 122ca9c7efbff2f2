package nestbox.bench.comparison;

import nestbox.images.GuestImages;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;

/// Runs the same guests on Nestbox, QEMU and Bochs and prints how they compare.
///
/// Emulators take turns, so that a machine that is slow for a while is slow for all of them.
@Command(
        name = "bench/run",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Compares Nestbox with Debian's QEMU (without KVM) and Bochs.")
public final class Comparison implements Callable<Integer> {
    private static final String PROMPT = "nestbox:/#";
    private static final List<String> CENTRES = List.of("integer", "memory", "calls", "branches");
    private static final String ALL = "nestbox,qemu,bochs";

    /// What can be compared.
    enum Task {
        START,
        BOOT,
        CENTRES,
        MEMORY
    }

    @Parameters(
            paramLabel = "TASK",
            description = {
                "start: a guest that at once says it runs.",
                "boot: a Linux to its shell.",
                "centres: cost centres.",
                "memory: of the host, for a Linux at its shell.",
                "Default: all."
            })
    private List<Task> tasks = new ArrayList<>();

    @Option(
            names = "--runs",
            paramLabel = "N",
            defaultValue = "3",
            description = "How often each emulator runs each guest. Default: ${DEFAULT-VALUE}.")
    private int runs;

    @Option(
            names = "--only",
            paramLabel = "NAME",
            split = ",",
            defaultValue = ALL,
            description = "Which emulators to run, with commas between. Default: ${DEFAULT-VALUE}.")
    private Set<String> only = new LinkedHashSet<>();

    @Option(
            names = "--nestbox",
            paramLabel = "FILE",
            required = true,
            description = "What starts Nestbox. Default: the launcher of this source tree.")
    private Path launcher = Path.of("nestbox");

    @Option(
            names = "--clock",
            paramLabel = "CLOCK",
            defaultValue = "wall",
            description = {
                "wall: the time that passes.",
                "processor: the time that all threads of an emulator take, for a busy machine.",
                "Default: ${DEFAULT-VALUE}."
            })
    private Results.Clock clock = Results.Clock.WALL;

    @Option(names = "--details", description = "Print every single time, too.")
    private boolean details;

    private Comparison() {}

    public static void main(String[] arguments) {
        CommandLine line = new CommandLine(new Comparison());
        line.setOverwrittenOptionsAllowed(true);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler(
                (e, command, _) -> {
                    command.getErr().println("bench/run: " + e.getMessage());
                    return 2;
                });
        System.exit(line.execute(arguments));
    }

    @Override
    public Integer call() throws IOException {
        Tools.check();
        Path folder = Files.createTempDirectory("nestbox-bench");
        try {
            Guests guests = new Guests(folder);
            List<Emulator> emulators = emulators(guests);
            emulators.forEach(e -> System.out.println(e.name() + ": " + e.version()));
            for (Task task : tasks.isEmpty() ? List.of(Task.values()) : tasks) {
                System.out.println();
                Results results =
                        new Results(clock, emulators.stream().map(Emulator::name).toList());
                switch (task) {
                    case START -> start(guests, emulators, results);
                    case BOOT -> boot(guests, emulators, results);
                    case CENTRES -> centres(guests, emulators, results);
                    case MEMORY -> memory(guests, emulators);
                }
                if (task == Task.MEMORY) {
                    continue;
                }
                System.out.print(results.table());
                System.out.print(task == Task.CENTRES ? results.mean() : "");
                System.out.print(details ? results.details() : "");
            }
            return 0;
        } finally {
            Folders.delete(folder);
        }
    }

    private List<Emulator> emulators(Guests guests) {
        List<Emulator> all =
                List.of(
                        new Nestbox(launcher.toAbsolutePath()),
                        new Qemu(),
                        new Bochs(guests.bootSector()));
        List<Emulator> chosen =
                all.stream().filter(e -> only.contains(e.name().toLowerCase(Locale.ROOT))).toList();
        if (chosen.size() != only.size()) {
            throw new BenchException("--only takes some of %s: correct it.".formatted(ALL));
        }
        return chosen;
    }

    /// What a command costs before the guest does anything: programs, firmware, loaders.
    private void start(Guests guests, List<Emulator> emulators, Results results) {
        Guest program = guests.program("start");
        for (int i = 0; i < runs; i++) {
            for (Emulator emulator : emulators) {
                try (Run run = Run.start(emulator, program)) {
                    Run.Moment entered = run.await(Guests.ENTERED);
                    results.add("start to guest", emulator, run.started(), entered);
                }
            }
        }
    }

    /// One run of each: how long it takes makes little difference to memory.
    private static void memory(Guests guests, List<Emulator> emulators) {
        Guest linux = linux(guests);
        System.out.printf("%-18s %10s %10s %10s%n", "MiB at the prompt", "peak", "guest", "own");
        for (Emulator emulator : emulators) {
            try (Run run = Run.start(emulator, linux)) {
                run.await(PROMPT);
                Residence residence = run.residence();
                System.out.printf(
                        "%-18s %10d %10d %10d%n",
                        emulator.name(),
                        residence.peakKib() >> 10,
                        residence.guestKib() >> 10,
                        residence.ownKib() >> 10);
            }
        }
    }

    private static Guest linux(Guests guests) {
        Path cache = GuestImages.defaultCacheFolder(System.getenv());
        return guests.linux(GuestImages.of(cache, System.err::println).build("default"));
    }

    /// From the kernel's entry, so that no firmware and no program start counts, to the prompt.
    private void boot(Guests guests, List<Emulator> emulators, Results results) {
        Guest linux = linux(guests);
        for (int i = 0; i < runs; i++) {
            for (Emulator emulator : emulators) {
                try (Run run = Run.start(emulator, linux)) {
                    Run.Moment entered = run.await(Guests.ENTERED);
                    Run.Moment prompt = run.await(PROMPT);
                    results.add("entry to prompt", emulator, entered, prompt);
                    results.add("start to prompt", emulator, run.started(), prompt);
                }
            }
        }
    }

    private void centres(Guests guests, List<Emulator> emulators, Results results) {
        Guest program = guests.program("centres");
        Map<String, String> checksums = new HashMap<>();
        for (int i = 0; i < runs; i++) {
            for (Emulator emulator : emulators) {
                try (Run run = Run.start(emulator, program)) {
                    for (String centre : CENTRES) {
                        Run.Moment begin = run.await("begin " + centre + "\n");
                        Run.Moment end = run.await("end " + centre);
                        results.add(centre, emulator, begin, end);
                        sameWork(checksums, run.awaitLine("end " + centre), emulator);
                    }
                }
            }
        }
    }

    /// Who computes something else hasn't done the same work.
    ///
    /// @param line the word "end", the centre's name, the checksum
    private static void sameWork(Map<String, String> checksums, String line, Emulator emulator) {
        String[] words = line.split(" ");
        String expected = checksums.computeIfAbsent(words[1], _ -> words[2]);
        if (!words[2].equals(expected)) {
            throw new BenchException(
                    "%s computes %s in \"%s\" where others compute %s: its time means nothing."
                            .formatted(emulator.name(), words[2], words[1], expected));
        }
    }
}
