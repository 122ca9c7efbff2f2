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
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
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
    private static final String L2_PROMPT = "l2 login: ";

    /// Next to the launcher.
    private static final String SCENARIO = "scenarios/nested.xml";

    /// As many processors as its Service VM has.
    private static final int L1_CPUS = 3;

    private static final List<String> CENTRES = List.of("integer", "memory", "calls", "branches");
    private static final String ALL = "nestbox,qemu,bochs";

    /// What can be compared.
    enum Task {
        START,
        BOOT,
        CENTRES,
        MEMORY,
        NESTED,
        EXITS,
        KVM
    }

    @Parameters(
            paramLabel = "TASK",
            description = {
                "start: a guest that at once says it runs.",
                "boot: a Linux to its shell.",
                "centres: cost centres.",
                "memory: of the host, for a Linux at its shell.",
                "nested: a Linux in KVM in a Linux, to its login prompt.",
                "exits: what a hypervisor pays for an exit, and its guest for being one.",
                "kvm: the same, when the hypervisor is a Linux with KVM.",
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
            List<Emulator> plain = plain(guests);
            plain.forEach(e -> System.out.println(e.name() + ": " + e.version()));
            for (Task task : tasks.isEmpty() ? List.of(Task.values()) : tasks) {
                System.out.println();
                List<Emulator> emulators =
                        switch (task) {
                            case START, BOOT, CENTRES, MEMORY -> plain;
                            case NESTED ->
                                    virtualizing(
                                            guests,
                                            nestbox(1),
                                            l0(true),
                                            nestbox(L1_CPUS),
                                            l0(false));
                            case EXITS, KVM -> virtualizing(guests, nestbox(1), l0(true));
                        };
                Results results =
                        new Results(clock, emulators.stream().map(Emulator::name).toList());
                switch (task) {
                    case START -> start(guests, emulators, results);
                    case BOOT -> boot(guests, emulators, results);
                    case CENTRES -> centres(guests, emulators, results);
                    case MEMORY -> memory(guests, emulators);
                    case NESTED -> nested(guests, emulators, results);
                    case EXITS -> exits(guests, emulators, results);
                    case KVM -> kvm(guests, emulators, results);
                }
                System.out.print(details ? results.details() : "");
            }
            return 0;
        } finally {
            Folders.delete(folder);
        }
    }

    private List<Emulator> plain(Guests guests) {
        return chosen(List.of(nestbox(1)), Qemu.withAll(), Bochs.plain(guests.bootSector()));
    }

    /// Those whose guests may have guests.
    private List<Emulator> virtualizing(Guests guests, Emulator... nestbox) {
        return chosen(
                List.of(nestbox), Qemu.virtualizing(), Bochs.virtualizing(guests.bootSector()));
    }

    private Nestbox nestbox(int processors) {
        return new Nestbox(launcher.toAbsolutePath(), processors);
    }

    private NestboxL0 l0(boolean oneProcessor) {
        Path script = launcher.toAbsolutePath();
        return new NestboxL0(script, script.resolveSibling(SCENARIO), oneProcessor);
    }

    private List<Emulator> chosen(List<Emulator> nestbox, Qemu qemu, Bochs bochs) {
        SequencedMap<String, List<Emulator>> all = new LinkedHashMap<>();
        all.put("nestbox", nestbox);
        all.put("qemu", List.of(qemu));
        all.put("bochs", List.of(bochs));
        if (!all.keySet().containsAll(only)) {
            throw new BenchException("--only takes some of %s: correct it.".formatted(ALL));
        }
        all.keySet().retainAll(only);
        return all.values().stream().flatMap(List::stream).toList();
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
        System.out.print(results.table());
    }

    /// One run of each: how long it takes makes little difference to memory.
    private static void memory(Guests guests, List<Emulator> emulators) {
        Guest linux = linux(guests, "default");
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

    private static Guest.Linux linux(Guests guests, String image) {
        Path cache = GuestImages.defaultCacheFolder(System.getenv());
        return guests.linux(GuestImages.of(cache, System.err::println).build(image));
    }

    /// From the kernel's entry, so that no firmware and no program start counts, to the prompt.
    private void boot(Guests guests, List<Emulator> emulators, Results results) {
        Guest linux = linux(guests, "default");
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
        System.out.print(results.table());
    }

    private void centres(Guests guests, List<Emulator> emulators, Results results) {
        Guest program = guests.program("centres");
        Map<String, String> checksums = new HashMap<>();
        for (int i = 0; i < runs; i++) {
            for (Emulator emulator : emulators) {
                try (Run run = Run.start(emulator, program)) {
                    for (String centre : CENTRES) {
                        measure(run, centre, emulator, results, checksums);
                    }
                }
            }
        }
        System.out.print(results.table() + results.mean());
    }

    /// From power-on to the prompt of a guest's guest.
    private void nested(Guests guests, List<Emulator> emulators, Results results) {
        Guest linux = linux(guests, "kvm");
        for (int i = 0; i < runs; i++) {
            for (Emulator emulator : emulators) {
                try (Run run = Run.start(emulator, linux)) {
                    Run.Moment prompt = run.await(L2_PROMPT);
                    results.add("start to l2 prompt", emulator, run.started(), prompt);
                    // Under L0, this port is not the console.
                    run.find(Guests.ENTERED)
                            .ifPresent(
                                    entered ->
                                            results.add(
                                                    "entry to l2 prompt",
                                                    emulator,
                                                    entered,
                                                    prompt));
                }
            }
        }
        System.out.print(results.table());
    }

    /// The same work in a tiny hypervisor and in its guest, and exits from the one to the other.
    private void exits(Guests guests, List<Emulator> emulators, Results results) {
        Guest program = guests.program("nested");
        ExitCosts costs = new ExitCosts(results);
        Map<String, String> checksums = new HashMap<>();
        for (int i = 0; i < runs; i++) {
            for (Emulator emulator : emulators) {
                try (Run run = Run.start(emulator, program)) {
                    costs.introduced(emulator.name(), run.awaitLine(ExitCosts.INTRODUCTION));
                    for (String routine : ExitCosts.ROUTINES) {
                        measure(run, routine, emulator, results, checksums);
                    }
                    costs.counted(emulator.name(), run.awaitLine("end " + ExitCosts.EXITS));
                    if (emulator instanceof NestboxL0) {
                        costs.ofL0(emulator.name(), ExitTable.of(run.awaitEnd()));
                    }
                }
            }
        }
        System.out.print(results.table() + costs.table());
    }

    /// Exits to KVM from a guest that KVM's own module answers, without QEMU.
    private void kvm(Guests guests, List<Emulator> emulators, Results results) {
        Guest linux = KvmExits.guest(guests, linux(guests, "kvm"));
        KvmExits exits = new KvmExits(results);
        for (int i = 0; i < runs; i++) {
            for (Emulator emulator : emulators) {
                try (Run run = Run.start(emulator, linux)) {
                    exits.measure(run, emulator);
                }
            }
        }
        System.out.print(results.table() + exits.table());
    }

    private static void measure(
            Run run,
            String routine,
            Emulator emulator,
            Results results,
            Map<String, String> checksums) {
        Run.Moment begin = run.await("begin " + routine + "\n");
        Run.Moment end = run.await("end " + routine + " ");
        results.add(routine, emulator, begin, end);
        sameWork(checksums, run.awaitLine("end " + routine + " "), emulator);
    }

    /// Who computes something else hasn't done the same work.
    ///
    /// @param line the word "end", the routine's name, the checksum
    private static void sameWork(Map<String, String> checksums, String line, Emulator emulator) {
        String[] words = line.split(" ");
        String work = words[1].replace(ExitCosts.GUEST, "");
        String expected = checksums.computeIfAbsent(work, _ -> words[2]);
        if (!words[2].equals(expected)) {
            throw new BenchException(
                    "%s computes %s in \"%s\" where others compute %s: its time means nothing."
                            .formatted(emulator.name(), words[2], words[1], expected));
        }
    }
}
