package nestbox.hypervisor;

import nestbox.cpu.StartState;
import nestbox.cpu.VmxRoot;
import nestbox.devices.pci.PciAddress;
import nestbox.hypervisor.memory.GuestRam;
import nestbox.hypervisor.memory.PagePool;
import nestbox.platform.IrqLine;
import nestbox.scenario.Allocation;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.GuestFlag;

import java.util.ArrayList;
import java.util.Comparator;
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
    static final int VM_PAGES = 1024;

    private final Machine machine;
    private final Setup setup;
    private final PagePool pages;
    private final MemoryPlan memory;
    private final List<Vm> vms = new ArrayList<>();
    private final PhysicalProcessors processors;
    private Optional<PostLaunchedVms> postLaunched = Optional.empty();

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
        processors = new PhysicalProcessors(machine, pages.carve(OWN_PAGES));
        refuseSharing(setup.plan);
        // They are the Service VM's, wherever that runs.
        machine.chipset().intr().divert(IrqLine.unconnected());
        machine.chipset().nmi().divert(IrqLine.unconnected());
        for (VmPlan plan : setup.plan.vms()) {
            switch (plan.vm().loadOrder()) {
                case SERVICE -> addService(plan);
                case PRE_LAUNCHED -> addPreLaunched(plan);
                case POST_LAUNCHED -> {
                    // There will be one when the Service VM wants it.
                }
            }
        }
        postLaunched.ifPresent(this::allow);
        processors.begin();
    }

    /// What L0 has to tell its user while virtual machines run.
    public interface Listener {
        /// A device model has made a virtual machine, maybe not for the first time.
        default void created(Vm vm) {}

        /// L0 had to stop a virtual machine of a device model.
        default void stopped(Vm vm, String why) {}

        /// A hypercall of the Service VM asked for what can't be.
        default void refused(Vm service, String why) {}
    }

    public void listen(Listener listener) {
        postLaunched.ifPresent(made -> made.listener(listener));
    }

    /// All virtual machines, by id; those that are post-launched once their device models have made
    /// them.
    public List<Vm> vms() {
        List<Vm> all = new ArrayList<>(vms);
        postLaunched.ifPresent(made -> all.addAll(made.vms()));
        all.sort(Comparator.comparingInt(Vm::id));
        return all;
    }

    /// First address of L0's memory, which reaches to the top of RAM below 4 GiB.
    public long memoryStart() {
        return memory.own().start();
    }

    /// The vCPU that a processor runs.
    public Optional<Vcpu> vcpuOn(int pcpu) {
        return processors.owner(pcpu);
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
        PostLaunchedVms made = new PostLaunchedVms(machine, vm, processors, this::ended);
        postLaunched = Optional.of(made);
        vm.launches(made);
        addVcpus(vm);
        service.connectLegacy(vm);
        start(vm, setup.loader.load(plan, machine.memory(), service.layout()));
    }

    private void allow(PostLaunchedVms made) {
        setup.plan.vms().stream()
                .filter(plan -> plan.vm().isPostLaunched())
                .forEach(plan -> made.allow(plan, pages.carve(VM_PAGES)));
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
        vm.onPowerOff(() -> ended(vm));
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
            processors.assign(vcpu);
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

    /// With the Service VM its device models end, and with the last virtual machine the board goes
    /// off.
    private void ended(Vm vm) {
        if (vm.plan().vm().isService()) {
            postLaunched.ifPresent(PostLaunchedVms::serviceEnded);
        }
        if (vms().stream().allMatch(each -> each.state() == VmState.POWERED_OFF)) {
            machine.power().powerOff();
        }
    }
}
