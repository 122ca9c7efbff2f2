package nestbox.conformance.hostile;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.platform.GuestMemory;
import nestbox.x86.Vector;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/// A task switch that the hypervisor does is the one that the processor does, down to the fault
/// that ends it and the task that gets it.
@Timeout(value = 15, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RandomTasksTest {
    private static final long SEED = Long.getLong("nestbox.fuzz.seed", 0x5EED_0160);
    private static final int CASES = Integer.getInteger("nestbox.fuzz.cases", 600);
    private static final long NANOS = 20_000;

    private static final String SCENARIO =
            """
            <acrn-config board="nuc7i5dnhe" scenario="tasks">
              <hv><FEATURES>
                <SCHEDULER>SCHED_NOOP</SCHEDULER><NVMX_ENABLED>n</NVMX_ENABLED>
              </FEATURES></hv>
              <vm id="0">
                <vm_type>SOS_VM</vm_type><name>tasks</name>
                <cpu_affinity><pcpu_id>0</pcpu_id></cpu_affinity>
                <guest_flags>
                  <guest_flag>GUEST_FLAG_LAPIC_PASSTHROUGH</guest_flag>
                </guest_flags>
              </vm>
            </acrn-config>
            """;

    @Test
    void hypervisorAndProcessorSwitchAlike() throws IOException {
        System.out.printf("%d cases of seed %x%n", CASES, SEED);
        try (Victim bare = new Victim(2, List.of());
                HypervisedBoard hypervised = new HypervisedBoard(SCENARIO, 2)) {
            int crashes = 0;
            Set<Integer> ends = new TreeSet<>();
            for (int number = 0; number < CASES; number++) {
                SplittableRandom random = new SplittableRandom(SEED + number);
                bare.reset();
                bare.run(new RandomTasks(random, bare.memory()).prepare(), NANOS);
                SplittableRandom again = new SplittableRandom(SEED + number);
                hypervised.prepare(() -> new RandomTasks(again, hypervised.memory()).prepare());
                hypervised.run(NANOS);
                crashes += hypervised.vms().getFirst().failure().isPresent() ? 1 : 0;
                byte[] expected = contents(bare.memory());
                byte[] actual = contents(hypervised.memory());
                ends.addAll(RandomTasks.ends(bare.memory()));
                int different = Arrays.mismatch(expected, actual);
                assertThat(different)
                        .as("case %d: memory differs at 0x%X", number, different)
                        .isNegative();
            }
            assertThat(crashes).as("triple faults").isLessThan(CASES / 4);
            assertThat(ends)
                    .as("exceptions")
                    .contains(Vector.DB, Vector.DF, Vector.TS, Vector.NP, Vector.SS, Vector.GP)
                    .contains(RandomTasks.NEW_TASK_RAN);
        }
    }

    private static byte[] contents(GuestMemory memory) {
        byte[] contents = new byte[RandomTasks.END];
        memory.read(0, contents, 0, contents.length);
        return contents;
    }
}
