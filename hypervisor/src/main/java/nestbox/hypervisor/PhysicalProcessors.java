package nestbox.hypervisor;

import nestbox.cpu.Processor;
import nestbox.cpu.VmxHost;
import nestbox.cpu.VmxRoot;
import nestbox.hypervisor.memory.PagePool;
import nestbox.platform.GuestMemory;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// The board's processors, each of which runs one vCPU or none.
///
/// A processor that changes hands is reset, so that nothing of the one guest is there for the
/// next, such as vector registers and model-specific registers.
final class PhysicalProcessors {
    private final Machine machine;
    private final long hostTables;
    private final long[] vmxonRegions;
    private final Map<Integer, Vcpu> owners = new HashMap<>();

    /// @param pages for what each processor needs
    PhysicalProcessors(Machine machine, PagePool pages) {
        this.machine = machine;
        hostTables = pages.takeOwn();
        vmxonRegions = new long[machine.processors().size()];
        for (int pcpu = 0; pcpu < vmxonRegions.length; pcpu++) {
            vmxonRegions[pcpu] = pages.takeOwn();
            int revision = root(pcpu).capabilities().revision();
            memory().writeInt(vmxonRegions[pcpu], revision);
        }
    }

    private GuestMemory memory() {
        return machine.memory();
    }

    VmxRoot root(int pcpu) {
        return machine.processors().get(pcpu).vmxRoot();
    }

    /// Whether there is such a processor.
    boolean exists(int pcpu) {
        return pcpu >= 0 && pcpu < vmxonRegions.length;
    }

    /// The vCPU that has a processor.
    Optional<Vcpu> owner(int pcpu) {
        return Optional.ofNullable(owners.get(pcpu));
    }

    /// Says whose a processor is going to be, before [#begin].
    void assign(Vcpu vcpu) {
        owners.put(vcpu.pcpu(), vcpu);
    }

    /// Takes all processors from the board, which has just been reset.
    void begin() {
        for (int pcpu = 0; pcpu < vmxonRegions.length; pcpu++) {
            begin(pcpu);
        }
    }

    private void begin(int pcpu) {
        owner(pcpu)
                .ifPresentOrElse(
                        vcpu -> vcpu.prepare(vmxonRegions[pcpu], hostTables),
                        () -> root(pcpu).begin(new Unused(), hostTables));
    }

    /// Gives a processor to a vCPU, or the same vCPU a fresh one.
    void give(Vcpu vcpu) {
        owners.put(vcpu.pcpu(), vcpu);
        restart(vcpu.pcpu());
    }

    /// Takes its processor from a vCPU, which isn't in its guest.
    void takeBack(Vcpu vcpu) {
        owners.remove(vcpu.pcpu());
        restart(vcpu.pcpu());
    }

    private void restart(int pcpu) {
        Processor processor = machine.processors().get(pcpu);
        processor.reset();
        begin(pcpu);
    }

    /// What a processor does that no virtual machine has.
    private record Unused() implements VmxHost {
        @Override
        public void exited() {
            throw new IllegalStateException("nothing was entered");
        }

        @Override
        public void idle() {}
    }
}
