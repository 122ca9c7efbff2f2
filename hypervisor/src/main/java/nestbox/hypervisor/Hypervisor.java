package nestbox.hypervisor;

import nestbox.cpu.StartState;
import nestbox.cpu.VmxHost;
import nestbox.cpu.VmxRoot;
import nestbox.devices.pci.PciAddress;
import nestbox.hypervisor.memory.GuestRam;
import nestbox.hypervisor.memory.PagePool;
import nestbox.scenario.Allocation;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.GuestFlag;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/// L0: takes a board's processors and runs the virtual machines of a scenario on them.
public final class Hypervisor {
    /// Pages for what doesn't belong to a virtual machine.
    private static final int OWN_PAGES = 64;

    /// Pages for a virtual machine's EPT tables, bitmaps and VMCSs.
    private static final int VM_PAGES = 1024;

    private final Machine machine;
    private final Setup setup;
    private final PagePool pages;
    private final MemoryPlan memory;
    private final List<Vm> vms = new ArrayList<>();
    private final Map<Integer, Vcpu> vcpuOfPcpu = new HashMap<>();

    /// What to run.
    ///
    /// @param plan whose pCPUs exist
    /// @param consolePort of the UART that is L0's own console
    /// @param loader puts the kernels in their places
    public record Setup(Allocation plan, OptionalInt consolePort, Loader loader) {}

    /// @throws IllegalArgumentException if the processors can't do what L0 needs
    public Hypervisor(Machine machine, Setup setup) {
        this.machine = machine;
        this.setup = setup;
        Set<String> lacking =
                Vmcs01.lacking(machine.processors().getFirst().vmxRoot().capabilities());
        if (!lacking.isEmpty()) {
            throw new IllegalArgumentException(
                    "The processor lacks VMX controls that L0 needs: "
                            + String.join(", ", lacking));
        }
        memory = new MemoryPlan(machine.memory(), setup.plan);
        pages = new PagePool(machine.memory(), memory.own().start(), memory.own().length());
        PagePool own = pages.carve(OWN_PAGES);
        refuseSharing(setup.plan);
        for (VmPlan plan : setup.plan.vms()) {
            switch (plan.vm().loadOrder()) {
                case SERVICE -> addService(plan);
                case PRE_LAUNCHED -> addPreLaunched(plan);
                case POST_LAUNCHED -> {
                    // A device model in the Service VM would make it.
                }
            }
        }
        takeProcessors(own);
    }

    /// All virtual machines, by id.
    public List<Vm> vms() {
        return List.copyOf(vms);
    }

    /// First address of L0's memory, which reaches to the top of RAM below 4 GiB.
    public long memoryStart() {
        return memory.own().start();
    }

    /// The vCPU that a processor runs.
    public Optional<Vcpu> vcpuOn(int pcpu) {
        return Optional.ofNullable(vcpuOfPcpu.get(pcpu));
    }

    private static void refuseSharing(Allocation plan) {
        Map<Integer, String> owners = new HashMap<>();
        for (VmPlan each : plan.vms()) {
            for (int pcpu : each.vm().isPostLaunched() ? List.<Integer>of() : each.cpus()) {
                String other = owners.put(pcpu, each.vm().name());
                if (other != null) {
                    throw new IllegalArgumentException(
                            ("VMs \"%s\" and \"%s\" both want pCPU %d, and vCPUs don't share"
                                            + " processors here: change their cpu_affinity.")
                                    .formatted(other, each.vm().name(), pcpu));
                }
            }
        }
    }

    private void addService(VmPlan plan) {
        ServiceVm service = new ServiceVm(machine, memory, functionsOfOthers(), new Power());
        Vm vm = service.create(plan.vm().index(), plan, pages.carve(VM_PAGES));
        setup.consolePort.ifPresent(port -> service.hideConsole(vm, port));
        addVcpus(vm);
        start(vm, setup.loader.load(plan, machine.memory(), service.layout()));
    }

    private void addPreLaunched(VmPlan plan) {
        PreLaunchedVm builder = new PreLaunchedVm(machine, plan, memory.of(plan), new Power());
        Vm vm = builder.create(plan.vm().index(), pages.carve(VM_PAGES));
        addVcpus(vm);
        builder.addDevices(vm);
        GuestRam ram = new GuestRam(machine.memory(), vm.memory());
        start(vm, setup.loader.load(plan, ram, builder.layout()));
    }

    private void start(Vm vm, StartState state) {
        vm.onPowerOff(this::endWithoutVms);
        vm.vcpus().getFirst().startAt(state);
        vms.add(vm);
    }

    private Set<PciAddress> functionsOfOthers() {
        return setup.plan.vms().stream()
                .filter(each -> each.vm().isPreLaunched())
                .flatMap(each -> each.vm().devices().pci().stream())
                .map(each -> new PciAddress(each.address().device(), each.address().function()))
                .collect(Collectors.toSet());
    }

    private void addVcpus(Vm vm) {
        List<Integer> pcpus = vm.plan().cpus();
        int each = vm.has(GuestFlag.NVMX_ENABLED) ? nestedPages() / pcpus.size() : 0;
        for (int pcpu : pcpus) {
            VmxRoot root = machine.processors().get(pcpu).vmxRoot();
            Vcpu vcpu = new Vcpu(vm, vm.vcpus().size(), pcpu, root, pages.carve(each));
            vm.add(vcpu);
            vcpuOfPcpu.put(pcpu, vcpu);
        }
    }

    /// What one of the virtual machines that may run guests gets, of what isn't anybody's.
    private int nestedPages() {
        long still =
                setup.plan.vms().stream()
                        .skip(vms.size())
                        .filter(each -> each.vm().nested() && !each.vm().isPostLaunched())
                        .count();
        long others = setup.plan.vms().size() - vms.size() - 1L;
        return (int) ((pages.available() - others * VM_PAGES) / Math.max(1, still));
    }

    private void takeProcessors(PagePool own) {
        long hostTables = own.takeOwn();
        for (int pcpu = 0; pcpu < machine.processors().size(); pcpu++) {
            VmxRoot root = machine.processors().get(pcpu).vmxRoot();
            long region = own.takeOwn();
            machine.memory().writeInt(region, root.capabilities().revision());
            Optional<Vcpu> vcpu = vcpuOn(pcpu);
            if (vcpu.isPresent()) {
                vcpu.get().prepare(region, hostTables);
            } else {
                root.begin(new Unused(), hostTables);
            }
        }
    }

    /// Starts the virtual machines that are there from the beginning.
    public void start() {
        vms.forEach(Vm::start);
    }

    private final class Power implements PowerPorts.Requests {
        @Override
        public void powerOff(Vm vm) {
            vm.powerOff();
        }

        @Override
        public void reset(Vm vm) {
            machine.power().reset();
        }
    }

    /// With the last virtual machine the board goes off.
    private void endWithoutVms() {
        if (vms.stream().allMatch(each -> each.state() == VmState.POWERED_OFF)) {
            machine.power().powerOff();
        }
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
