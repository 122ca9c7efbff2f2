package nestbox.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import nestbox.hypervisor.memory.Ranges.Range;
import nestbox.platform.GuestMemory;
import nestbox.scenario.Allocation;
import nestbox.scenario.Scenarios;
import nestbox.scenario.board.Boards;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MemoryPlanTest {
    private static final String SCENARIO =
            """
            <acrn-config board="nuc7i5dnhe" scenario="plan">
              <hv><FEATURES><SCHEDULER>SCHED_NOOP</SCHEDULER></FEATURES></hv>
              <vm id="0"><vm_type>PRE_STD_VM</vm_type><name>first</name>
                <cpu_affinity><pcpu_id>3</pcpu_id></cpu_affinity>
                <memory><start_hpa>%s</start_hpa><size>%s</size></memory></vm>
              <vm id="1"><vm_type>SOS_VM</vm_type><name>service</name>
                <cpu_affinity><pcpu_id>1</pcpu_id></cpu_affinity></vm>
            </acrn-config>
            """;

    private final GuestMemory memory = new GuestMemory(256L << 20);

    @AfterEach
    void tearDown() {
        memory.close();
    }

    private static Allocation allocation(String start, String size) {
        return Allocation.of(
                Scenarios.parse(SCENARIO.formatted(start, size), "plan").scenario().orElseThrow(),
                Boards.standard());
    }

    @Test
    void everyByteOfRamBelongsToSomebodyAndToOneOnly() {
        Allocation allocation = allocation("0x4000000", "0x2000000");
        MemoryPlan plan = new MemoryPlan(memory, allocation);
        Range first = new Range(0x400_0000, 0x600_0000);

        assertThat(plan.of(allocation.vms().getFirst())).containsExactly(first);
        assertThat(plan.own().end()).isEqualTo(memory.lowTop());
        long rest = plan.rest().list().stream().mapToLong(Range::length).sum();
        assertThat(rest + plan.own().length() + first.length()).isEqualTo(memory.size());
        assertThat(plan.rest().contains(first)).isFalse();
        assertThat(plan.rest().contains(plan.own())).isFalse();
    }

    @Test
    void memoryThatTheBoardLacksIsTheUsersMistake() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MemoryPlan(memory, allocation("0x100000000", "0x2000000")))
                .withMessageContaining("\"first\"")
                .withMessageContaining("--memory");
    }

    @Test
    void memoryOfL0IsNotForVirtualMachines() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MemoryPlan(memory, allocation("0xF000000", "0x1000000")));
    }
}
