package nestbox.conformance.hostile;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.StartState;
import nestbox.cpu.apic.LocalApic;
import nestbox.hypervisor.Hypervisor;
import nestbox.hypervisor.Vm;
import nestbox.platform.GuestMemory;
import nestbox.scenario.Allocation;
import nestbox.scenario.Scenario;
import nestbox.scenario.Scenarios;
import nestbox.scenario.board.Boards;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Supplier;

/// A board whose hypervisor runs guests that mean harm on its first processors. Another processor,
/// and memory that the hypervisor has in reserve, must not notice.
final class HypervisedBoard implements AutoCloseable {
    private static final int RESERVE = 4 << 20;

    /// Behind it is what the hypervisor keeps for its last virtual machine.
    private static final long RESERVE_START = GuestMemory.PCI_HOLE - 2 * RESERVE;

    private static final byte PATTERN = 0x5A;
    private static final int LVT_TIMER = 0x320;
    private static final int SPURIOUS = 0xF0;

    /// A value of the timer's register that INIT doesn't leave.
    private static final int MASKED = 0x1_00CC;

    private final Victim victim;
    private final Allocation plan;
    private final byte[] reserve = new byte[RESERVE];
    private final long hypervisorMemory;
    private Hypervisor hypervisor;

    /// @param scenario that leaves the board's last processor to nobody
    HypervisedBoard(String scenario, int processors) throws IOException {
        victim = new Victim(processors, List.of());
        Scenario parsed = Scenarios.parse(scenario, "hostile").scenario().orElseThrow();
        plan = Allocation.of(parsed, Boards.standard());
        Arrays.fill(reserve, PATTERN);
        hypervisor = hypervisor(() -> new FlatGuest(memory(), true).start());
        hypervisorMemory = hypervisor.memoryStart();
    }

    private Hypervisor hypervisor(Supplier<StartState> guest) {
        return new Hypervisor(
                victim.machine(),
                new Hypervisor.Setup(
                        plan,
                        OptionalInt.empty(),
                        (vm, ram, layout) ->
                                vm.vm().isPreLaunched() ? PeacefulVm.load(ram) : guest.get()));
    }

    GuestMemory memory() {
        return victim.memory();
    }

    /// Where the hypervisor's memory starts, which reaches to the PCI hole.
    long hypervisorMemory() {
        return hypervisorMemory;
    }

    /// Where memory starts that isn't the first virtual machine's: the hypervisor's, and that of
    /// another virtual machine.
    long[] strangers() {
        return new long[] {hypervisorMemory, PeacefulVm.START};
    }

    List<Vm> vms() {
        return hypervisor.vms();
    }

    private LocalApic bystander() {
        return victim.machine().processors().getLast().apic();
    }

    /// Resets the board and takes its processors.
    ///
    /// @param guest fills memory with a guest
    void prepare(Supplier<StartState> guest) {
        victim.reset();
        hypervisor = hypervisor(guest);
        memory().write(RESERVE_START, reserve, 0, RESERVE);
        bystander().write(SPURIOUS, 4, 0x1FF);
        bystander().write(LVT_TIMER, 4, MASKED);
    }

    /// @return whether the guest has neither reset the board nor switched it off
    boolean run(long nanos) {
        hypervisor.start();
        return goOn(nanos);
    }

    boolean goOn(long nanos) {
        return victim.go(nanos).isEmpty();
    }

    /// Fails when something has changed that isn't the guests'.
    void check() {
        byte[] now = new byte[RESERVE];
        memory().read(RESERVE_START, now, 0, RESERVE);
        assertThat(Arrays.mismatch(now, reserve)).as("the hypervisor's memory").isNegative();
        assertThat(bystander().read(LVT_TIMER, 4)).as("reset by INIT").isEqualTo(MASKED);
        assertThat(bystander().highestPending()).as("interrupt").isNegative();
        assertThat(victim.machine().processors().getLast().vmxRoot().takeNmi()).isFalse();
    }

    /// The hypervisor's pages, to be compared later.
    byte[] hypervisorPages(int length) {
        byte[] pages = new byte[length];
        memory().read(hypervisorMemory(), pages, 0, length);
        return pages;
    }

    void checkSurroundings() {
        victim.checkSurroundings();
    }

    @Override
    public void close() {
        victim.close();
    }
}
