package nestbox.conformance.guests;

import nestbox.app.board.BoardConfiguration;
import nestbox.boot.BootFile;
import nestbox.boot.BootImages;
import nestbox.cpu.model.CpuModel;
import nestbox.hypervisor.Hypervisor;
import nestbox.hypervisor.Vm;
import nestbox.scenario.Allocation;
import nestbox.scenario.Scenario;
import nestbox.scenario.Scenarios;
import nestbox.scenario.board.Boards;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// This project's board under its own hypervisor: the program is a Service VM.
record L0Board(CpuModel model, Role role) implements Board {
    /// What the Service VM is there for.
    private enum Role {
        /// It may use VMX.
        HYPERVISOR("GUEST_FLAG_NVMX_ENABLED", "GUEST_FLAG_LAPIC_PASSTHROUGH"),

        /// So may this one, without the local APICs of its processors.
        EMULATED_HYPERVISOR("GUEST_FLAG_NVMX_ENABLED"),
        GUEST("GUEST_FLAG_LAPIC_PASSTHROUGH"),

        /// It makes post-launched VMs.
        LAUNCHER("GUEST_FLAG_LAPIC_PASSTHROUGH"),

        /// So does this one, without the local APICs of its processors.
        EMULATED_LAUNCHER;

        private final List<String> flags;

        Role(String... flags) {
            this.flags = List.of(flags);
        }

        private boolean hasVmx() {
            return this == HYPERVISOR || this == EMULATED_HYPERVISOR;
        }

        private boolean isEmulated() {
            return this == EMULATED_HYPERVISOR || this == EMULATED_LAUNCHER;
        }

        private boolean launches() {
            return this == LAUNCHER || this == EMULATED_LAUNCHER;
        }

        private String flags() {
            return flags.stream()
                    .map("<guest_flag>%s</guest_flag>"::formatted)
                    .collect(Collectors.joining());
        }
    }

    private static final String SCENARIO =
            """
            <acrn-config board="nuc7i5dnhe" scenario="guest_program">
              <hv><FEATURES>
                <SCHEDULER>SCHED_NOOP</SCHEDULER><NVMX_ENABLED>%s</NVMX_ENABLED>
              </FEATURES></hv>
              <vm id="0">
                <vm_type>SOS_VM</vm_type><name>guest</name>
                <cpu_affinity>%s</cpu_affinity>
                <guest_flags>%s</guest_flags>
              </vm>%s
            </acrn-config>
            """;

    private static final String LAUNCHED =
            """
              <vm id="%d">
                <vm_type>POST_STD_VM</vm_type><name>launched %1$d</name>
                <cpu_affinity>%s</cpu_affinity>
              </vm>
            """;

    /// L0's own memory comes on top of the program's, which find the amount that they ask for.
    private static final int MORE_MEGABYTES = 20;

    /// And so does what it keeps for virtual machines that aren't there yet.
    private static final int LAUNCHED_MEGABYTES = 8;

    static L0Board withVmx(CpuModel model) {
        return new L0Board(model, Role.HYPERVISOR);
    }

    static L0Board withVmxAndEmulatedApics(CpuModel model) {
        return new L0Board(model, Role.EMULATED_HYPERVISOR);
    }

    static L0Board withoutVmx(CpuModel model) {
        return new L0Board(model, Role.GUEST);
    }

    /// With two post-launched VMs: one has the last two processors, the other the one before these,
    /// like the Service VM.
    static Stream<L0Board> launching(CpuModel model) {
        return Stream.of(Role.LAUNCHER, Role.EMULATED_LAUNCHER)
                .map(role -> new L0Board(model, role));
    }

    @Override
    public Outcome run(Path elf, Options options) {
        StringBuffer console = new StringBuffer();
        BoardConfiguration configuration =
                NestboxBoard.configuration(
                        model,
                        options.processors(),
                        options.memoryMegabytes()
                                + MORE_MEGABYTES
                                + (role.launches() ? LAUNCHED_MEGABYTES : 0),
                        console);
        BootFile kernel = BootFile.open("guest program", elf);
        try (BootImages images = new BootImages(kernel, Optional.empty(), "a=1 b", List.of());
                nestbox.app.board.Board board = new nestbox.app.board.Board(configuration)) {
            Hypervisor hypervisor =
                    new Hypervisor(
                            board.machine(),
                            new Hypervisor.Setup(
                                    plan(options.processors()),
                                    OptionalInt.empty(),
                                    (plan, ram, layout) -> images.load(ram, layout)));
            hypervisor.start();
            Thread watch = NestboxBoard.watch(board);
            Vm vm = hypervisor.vms().getFirst();
            nestbox.app.board.Outcome outcome = board.run();
            watch.interrupt();
            // The last virtual machine that goes off takes the board with it, also one that L0
            // had to stop.
            vm.failure().ifPresent(console::append);
            End end =
                    vm.failure().isPresent()
                            ? new End.Reset()
                            : NestboxBoard.endOf(outcome, console);
            return new Outcome(console.toString(), end);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Allocation plan(int processors) {
        int own = role.launches() ? processors - 2 : processors;
        String launched =
                role.launches()
                        ? LAUNCHED.formatted(1, affinity(own, processors))
                                + LAUNCHED.formatted(2, affinity(own - 1, own))
                        : "";
        Scenario scenario =
                Scenarios.parse(
                                SCENARIO.formatted(
                                        role.hasVmx() ? "y" : "n",
                                        affinity(0, own),
                                        role.flags(),
                                        launched),
                                "guest program")
                        .scenario()
                        .orElseThrow();
        return Allocation.of(scenario, Boards.standard());
    }

    private static String affinity(int from, int to) {
        return IntStream.range(from, to)
                .mapToObj("<pcpu_id>%d</pcpu_id>"::formatted)
                .collect(Collectors.joining());
    }

    @Override
    public Deviations deviations() {
        return Deviations.ofHypervisor(
                GuestProgram.ROOT.resolve("references/l0.txt"),
                GuestProgram.ROOT.resolve("references/l0-lacks.txt"),
                GuestProgram.ROOT.resolve("models/" + model.name() + ".txt"));
    }

    @Override
    public String toString() {
        return "L0 on " + model.name() + (role.isEmulated() ? ", emulated APICs" : "");
    }
}
