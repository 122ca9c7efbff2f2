package nestbox.conformance.hostile;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.StartState;
import nestbox.hypervisor.Hypervisor;
import nestbox.hypervisor.Vm;
import nestbox.hypervisor.VmState;
import nestbox.platform.GuestMemory;
import nestbox.platform.Ram;
import nestbox.scenario.Allocation;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.Scenarios;
import nestbox.scenario.board.Boards;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/// A Service VM that calls L0 at random: nothing is thrown, and neither L0's memory in reserve nor
/// a pre-launched VM notices.
@Timeout(value = 15, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HostileDeviceModelTest {
    private static final long SEED = Long.getLong("nestbox.fuzz.seed", 0x5EED_0160);
    private static final int CASES = Integer.getInteger("nestbox.fuzz.cases", 60);
    private static final long NANOS = 20_000_000;
    private static final int PROCESSORS = 4;
    private static final int RESERVE = 4 << 20;

    /// What the pre-launched VM has, and a part of it that it never touches.
    private static final int BYSTANDER = 0x20_0000;

    private static final int BYSTANDER_LENGTH = 4 << 20;
    private static final int BYSTANDER_CODE = 0x10_0000;

    private static final String SCENARIO =
            """
            <acrn-config board="nuc7i5dnhe" scenario="hostile">
              <hv><FEATURES><SCHEDULER>SCHED_NOOP</SCHEDULER></FEATURES></hv>
              <vm id="0">
                <vm_type>PRE_STD_VM</vm_type><name>bystander</name>
                <cpu_affinity><pcpu_id>3</pcpu_id></cpu_affinity>
                <memory><start_hpa>0x40000000</start_hpa><size>0x1000000</size></memory>
              </vm>
              <vm id="1">
                <vm_type>SOS_VM</vm_type><name>hostile</name>
                <cpu_affinity><pcpu_id>0</pcpu_id><pcpu_id>1</pcpu_id></cpu_affinity>
                <guest_flags><guest_flag>GUEST_FLAG_LAPIC_PASSTHROUGH</guest_flag></guest_flags>
              </vm>
              <vm id="2">
                <vm_type>POST_STD_VM</vm_type><name>first</name>
                <cpu_affinity><pcpu_id>2</pcpu_id></cpu_affinity>
              </vm>
              <vm id="3">
                <vm_type>POST_STD_VM</vm_type><name>second</name>
                <cpu_affinity><pcpu_id>1</pcpu_id></cpu_affinity>
              </vm>
            </acrn-config>
            """;

    private final byte[] pattern = new byte[BYSTANDER_LENGTH];
    private final byte[] reserve = new byte[RESERVE];

    @Test
    void callsReachOnlyWhatIsTheServiceVms() throws IOException {
        System.out.printf("%d cases of seed %x%n", CASES, SEED);
        new SplittableRandom(SEED).nextBytes(pattern);
        Arrays.fill(reserve, (byte) 0x5A);
        Allocation plan =
                Allocation.of(
                        Scenarios.parse(SCENARIO, "hostile").scenario().orElseThrow(),
                        Boards.standard());
        int ran = 0;
        try (Victim victim = new Victim(PROCESSORS, List.of())) {
            for (int number = 0; number < CASES; number++) {
                ran += run(victim, plan, number) ? 1 : 0;
            }
            victim.checkSurroundings();
        }
        assertThat(ran).as("cases with a post-launched VM that ran").isGreaterThan(CASES / 4);
    }

    /// @return whether a post-launched VM did anything
    private boolean run(Victim victim, Allocation plan, int number) {
        GuestMemory memory = victim.memory();
        try {
            SplittableRandom random = new SplittableRandom(SEED + number);
            victim.reset();
            Hypervisor hypervisor =
                    new Hypervisor(
                            victim.machine(),
                            new Hypervisor.Setup(
                                    plan,
                                    OptionalInt.empty(),
                                    (vm, ram, layout) -> load(vm, ram, random, memory)));
            Ran ran = new Ran();
            hypervisor.listen(ran);
            memory.write(GuestMemory.PCI_HOLE - RESERVE, reserve, 0, RESERVE);
            hypervisor.start();
            victim.go(NANOS);
            check(hypervisor, memory);
            return ran.did();
        } catch (RuntimeException | Error e) {
            throw new AssertionError("case %d of seed %x".formatted(number, SEED), e);
        }
    }

    private StartState load(VmPlan vm, Ram ram, SplittableRandom random, GuestMemory memory) {
        if (vm.vm().isService()) {
            return new DeviceModelCalls(random, memory).prepare();
        }
        ram.write(BYSTANDER, pattern, 0, BYSTANDER_LENGTH);
        // CLI; HLT; JMP to HLT.
        byte[] halt = {(byte) 0xFA, (byte) 0xF4, (byte) 0xEB, (byte) 0xFD};
        ram.write(BYSTANDER_CODE, halt, 0, halt.length);
        return new StartState(false, BYSTANDER_CODE, 0, 0, 0, 0, 0, 0xFF, 8, 16);
    }

    private void check(Hypervisor hypervisor, GuestMemory memory) {
        Vm bystander = hypervisor.vms().getFirst();
        assertThat(bystander.state()).isEqualTo(VmState.RUNNING);
        assertThat(bystander.vcpus().getFirst().isRunning()).as("halted").isFalse();
        byte[] now = new byte[BYSTANDER_LENGTH];
        memory.read(0x4000_0000L + BYSTANDER, now, 0, BYSTANDER_LENGTH);
        assertThat(Arrays.mismatch(now, pattern)).as("memory of another VM").isNegative();
        memory.read(GuestMemory.PCI_HOLE - RESERVE, now, 0, RESERVE);
        assertThat(Arrays.mismatch(now, reserve)).as("L0's memory").isNegative();
        Vm service = hypervisor.vms().get(1);
        assertThat(service.failure()).as("the Service VM goes on").isEmpty();
    }

    /// Whether a VM that was made has exited, before another took its place.
    private static final class Ran implements Hypervisor.Listener {
        private Vm last;
        private boolean before;

        @Override
        public void created(Vm vm) {
            before = did();
            last = vm;
        }

        boolean did() {
            return before || last != null && did(last);
        }

        static boolean did(Vm vm) {
            return vm.vcpus().stream().anyMatch(vcpu -> !vcpu.exits().ofL1().isEmpty());
        }
    }
}
