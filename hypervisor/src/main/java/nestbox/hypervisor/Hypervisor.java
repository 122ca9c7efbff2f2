package nestbox.hypervisor;

import nestbox.cpu.VmxHost;
import nestbox.cpu.VmxRoot;
import nestbox.hypervisor.memory.PagePool;
import nestbox.platform.GuestMemory;
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

/// L0: takes a board's processors and runs the virtual machines of a scenario on them.
public final class Hypervisor {
    private static final long SMALLEST_MEMORY = 16L << 20;

    /// Of the board's RAM, for EPT tables: those of L0 are few, but shadow EPT can need one entry
    /// for each page.
    private static final int MEMORY_SHARE = 64;

    private static final long LARGE_PAGE = 2L << 20;

    /// Pages for what doesn't belong to a virtual machine.
    private static final int OWN_PAGES = 64;

    /// Pages for a virtual machine's EPT tables, bitmaps and VMCSs.
    private static final int VM_PAGES = 1024;

    private final Machine machine;
    private final Setup setup;
    private final PagePool pages;
    private final long memoryStart;
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
        GuestMemory memory = machine.memory();
        long size = SMALLEST_MEMORY + memory.size() / MEMORY_SHARE;
        memoryStart = memory.lowTop() - size & -LARGE_PAGE;
        pages = new PagePool(memory, memoryStart, memory.lowTop() - memoryStart);
        PagePool own = pages.carve(OWN_PAGES);
        for (VmPlan plan : setup.plan.vms()) {
            if (plan.vm().isService()) {
                addService(plan);
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
        return memoryStart;
    }

    /// The vCPU that a processor runs.
    public Optional<Vcpu> vcpuOn(int pcpu) {
        return Optional.ofNullable(vcpuOfPcpu.get(pcpu));
    }

    private void addService(VmPlan plan) {
        ServiceVm service = new ServiceVm(machine, memoryStart, new Power());
        Vm vm = service.create(vms.size(), plan, pages.carve(VM_PAGES));
        setup.consolePort.ifPresent(port -> service.hideConsole(vm, port));
        addVcpus(vm);
        vm.vcpus()
                .getFirst()
                .startAt(setup.loader.load(machine.memory(), service.layout(), plan.commandLine()));
        vms.add(vm);
    }

    private void addVcpus(Vm vm) {
        List<Integer> pcpus = vm.plan().cpus();
        int each = vm.has(GuestFlag.NVMX_ENABLED) ? pages.available() / pcpus.size() : 0;
        for (int pcpu : pcpus) {
            VmxRoot root = machine.processors().get(pcpu).vmxRoot();
            Vcpu vcpu = new Vcpu(vm, vm.vcpus().size(), pcpu, root, pages.carve(each));
            vm.add(vcpu);
            vcpuOfPcpu.put(pcpu, vcpu);
        }
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
            if (vms.stream().allMatch(each -> each.state() == VmState.POWERED_OFF)) {
                machine.power().powerOff();
            }
        }

        @Override
        public void reset(Vm vm) {
            machine.power().reset();
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
