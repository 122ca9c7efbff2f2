package nestbox.conformance.hostile;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/// Guests of this project's hypervisor that mean harm: nothing is thrown, and nothing changes that
/// isn't theirs, neither memory of the hypervisor nor a processor that they don't have.
@Timeout(value = 15, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HostileVmTest {
    private static final long SEED = Long.getLong("nestbox.fuzz.seed", 0x5EED_0150);
    private static final int CASES = Integer.getInteger("nestbox.fuzz.cases", 60);
    private static final long NANOS = 2_000_000;
    private static final int PROCESSORS = 4;

    private static final String SCENARIO =
            """
            <acrn-config board="nuc7i5dnhe" scenario="hostile">
              <hv><FEATURES>
                <SCHEDULER>SCHED_NOOP</SCHEDULER><NVMX_ENABLED>%s</NVMX_ENABLED>
              </FEATURES></hv>
              <vm id="0">
                <vm_type>SOS_VM</vm_type><name>hostile</name>
                <cpu_affinity><pcpu_id>0</pcpu_id><pcpu_id>1</pcpu_id></cpu_affinity>
                <guest_flags>
                  %s<guest_flag>GUEST_FLAG_LAPIC_PASSTHROUGH</guest_flag>
                </guest_flags>
              </vm>
              %s
            </acrn-config>
            """;

    private static final String PLAIN =
            SCENARIO.formatted(
                    "n",
                    "",
                    PeacefulVm.SCENARIO.formatted(
                            "<guest_flag>GUEST_FLAG_LAPIC_PASSTHROUGH</guest_flag>"));
    private static final String NESTED =
            SCENARIO.formatted(
                    "y",
                    "<guest_flag>GUEST_FLAG_NVMX_ENABLED</guest_flag>",
                    PeacefulVm.SCENARIO.formatted(""));

    /// What L0 keeps for a virtual machine, apart from what its guests need.
    private static final int L0_PAGES = 4 << 20;

    /// Of these: VMCS01 and the MSR bitmap of each processor.
    private static final int CHANGING_PAGES = 6;

    /// Fills memory with a guest.
    private interface Guest {
        StartState prepare(SplittableRandom random, HypervisedBoard board);
    }

    @Test
    void aGuestThatWritesEverywhereReachesOnlyItsOwn() throws IOException {
        runAll(
                PLAIN,
                CASES / 10,
                (random, board) ->
                        new Scribbles(random, board.memory(), board.strangers()).prepare());
    }

    @Test
    void aGuestThatPokesDevicesReachesOnlyItsOwn() throws IOException {
        runAll(
                PLAIN,
                CASES,
                (random, board) ->
                        new DevicePokes(random, board.memory(), board.strangers()).prepare());
    }

    @Test
    void ringsReachOnlyTheGuestsOwn() throws IOException {
        runAll(
                PLAIN,
                CASES,
                (random, board) ->
                        new BrokenRings(random, board.memory(), 6, board.strangers()).prepare());
    }

    @Test
    void codeInAnyModeReachesOnlyTheGuestsOwn() throws IOException {
        runAll(PLAIN, CASES, (random, board) -> HostileGuest.prepare(random, board.memory()));
    }

    @Test
    void aHypervisorThatLiesReachesOnlyItsOwn() throws IOException {
        long exits =
                runAll(
                        NESTED,
                        2 * CASES,
                        (random, board) ->
                                new HostileL1(random, board.memory(), board.strangers()).prepare());
        assertThat(exits).as("exits of guests' guests").isGreaterThan(CASES);
    }

    /// @return VM exits of guests' guests
    private static long runAll(String scenario, int cases, Guest guest) throws IOException {
        System.out.printf("%d cases of seed %x%n", cases, SEED);
        long exits = 0;
        try (HypervisedBoard board = new HypervisedBoard(scenario, PROCESSORS)) {
            for (int number = 0; number < cases; number++) {
                exits += run(board, guest, number);
            }
            board.checkSurroundings();
        }
        return exits;
    }

    private static long run(HypervisedBoard board, Guest guest, int number) {
        String name = "case %d of seed %x".formatted(number, SEED);
        try {
            SplittableRandom random = new SplittableRandom(SEED + number);
            board.prepare(() -> guest.prepare(random, board));
            byte[] before = board.hypervisorPages(L0_PAGES);
            byte[] other = PeacefulVm.contents(board.memory());
            boolean goesOn = board.run(NANOS);
            board.check();
            PeacefulVm.check(board.memory(), other);
            if (goesOn) {
                int count = PeacefulVm.count(board.memory());
                assertThat(count).as("count of another VM").isPositive();
                board.goOn(NANOS / 10);
                assertThat(PeacefulVm.count(board.memory())).isGreaterThan(count);
            }
            byte[] after = board.hypervisorPages(L0_PAGES);
            assertThat(changed(before, after)).isLessThanOrEqualTo(CHANGING_PAGES);
            // The hypervisor enters only what it has made itself.
            assertThat(board.vms())
                    .flatMap(vm -> vm.failure().stream().toList())
                    .noneMatch(why -> why.startsWith("VM entry"));
        } catch (RuntimeException | Error e) {
            throw new AssertionError(name, e);
        }
        return board.vms().stream()
                .flatMap(vm -> vm.vcpus().stream())
                .flatMap(vcpu -> vcpu.exits().ofL2().values().stream())
                .mapToLong(Long::longValue)
                .sum();
    }

    /// How many pages differ.
    private static int changed(byte[] before, byte[] after) {
        int page = (int) GuestMemory.PAGE_SIZE;
        int count = 0;
        for (int at = 0; at < before.length; at += page) {
            count += Arrays.equals(before, at, at + page, after, at, at + page) ? 0 : 1;
        }
        return count;
    }
}
