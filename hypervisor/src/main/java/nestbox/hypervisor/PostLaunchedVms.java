package nestbox.hypervisor;

import nestbox.hypervisor.devicemodel.IoRequestBuffer;
import nestbox.hypervisor.devicemodel.Status;
import nestbox.hypervisor.devicemodel.VmCreation;
import nestbox.hypervisor.memory.PagePool;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.GuestFlag;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/// The post-launched virtual machines of a scenario: which of them there are at the moment, and
/// what it takes to make one.
final class PostLaunchedVms {
    /// Where the Service VM's driver has its interrupt unless it says otherwise.
    private static final int CALLBACK_VECTOR = 0xF3;

    private static final int FIRST_VECTOR = 0x20;
    private static final int LAST_VECTOR = 0xFF;
    private static final long MESSAGE_WINDOW = 0xFEE0_0000L;
    private static final int DESTINATION = 12;
    private static final int MOST_PCPUS = 64;

    /// The flags that a device model may give. Those of the scenario don't count.
    private static final Set<GuestFlag> DEVICE_MODELS =
            EnumSet.of(
                    GuestFlag.SECURE_WORLD_ENABLED,
                    GuestFlag.LAPIC_PASSTHROUGH,
                    GuestFlag.RT,
                    GuestFlag.IO_COMPLETION_POLLING);

    private final Machine machine;
    private final Vm service;
    private final PhysicalProcessors processors;
    private final Consumer<Vm> ended;
    private final Map<Integer, VmPlan> plans = new HashMap<>();
    private final Map<Integer, PagePool> pages = new HashMap<>();
    private final Map<Integer, PostLaunchedVm> vms = new HashMap<>();
    private Hypervisor.Listener listener = new Hypervisor.Listener() {};
    private int callbackVector = CALLBACK_VECTOR;

    /// @param service where their device models are
    /// @param ended told of each that goes off
    PostLaunchedVms(
            Machine machine, Vm service, PhysicalProcessors processors, Consumer<Vm> ended) {
        this.ended = ended;
        this.machine = machine;
        this.service = service;
        this.processors = processors;
    }

    /// A virtual machine that may be made.
    ///
    /// @param pool pages for it
    void allow(VmPlan plan, PagePool pool) {
        plans.put(plan.vm().index(), plan);
        pages.put(plan.vm().index(), pool);
    }

    void listener(Hypervisor.Listener told) {
        listener = told;
    }

    /// Those that have been made, whatever became of them.
    List<Vm> vms() {
        return vms.values().stream().map(PostLaunchedVm::vm).toList();
    }

    /// One that is there, by its id.
    Optional<PostLaunchedVm> find(int id) {
        return Optional.ofNullable(vms.get(id))
                .filter(each -> each.vm().state() != VmState.POWERED_OFF);
    }

    /// Tells the user why something that the Service VM wanted isn't done.
    void refuse(String why) {
        listener.refused(service, why);
    }

    // Interrupts of the Service VM

    Status callbackVector(long vector) {
        if (vector < FIRST_VECTOR || vector > LAST_VECTOR) {
            return Status.INVALID;
        }
        callbackVector = (int) vector;
        return Status.DONE;
    }

    /// There is a request. As with ACRN it is the Service VM's first vCPU that hears of it.
    private void upcall() {
        Vcpu first = service.vcpus().getFirst();
        long address = MESSAGE_WINDOW | (long) first.apicId() << DESTINATION;
        (first.virtualApic().isPresent() ? service.apicBus() : machine.messages())
                .message(address, callbackVector);
    }

    // Life

    /// What came of a wish for a virtual machine.
    sealed interface Creation {
        record Made(PostLaunchedVm vm) implements Creation {}

        record Refused(Status status) implements Creation {}
    }

    Creation create(VmCreation wish) {
        Optional<VmPlan> found = plan(wish);
        if (found.isEmpty()) {
            return refused(Status.INVALID, "the scenario has no VM " + wish.shown());
        }
        VmPlan plan = found.get();
        String name = plan.vm().name();
        if (find(plan.vm().index()).isPresent()) {
            return refused(Status.NOT_NOW, "VM \"%s\" is there already".formatted(name));
        }
        Set<GuestFlag> flags = flags(wish.flags());
        if (flags.contains(GuestFlag.LAPIC_PASSTHROUGH) && !flags.contains(GuestFlag.RT)) {
            return refused(
                    Status.INVALID,
                    "VM \"%s\" is to have local APICs of its own without being a real-time VM"
                            .formatted(name));
        }
        List<Integer> pcpus = pcpus(plan, wish.affinity());
        if (pcpus.isEmpty() || pcpus.size() > IoRequestBuffer.SLOTS) {
            return refused(
                    Status.INVALID,
                    "VM \"%s\" is to run on pCPUs 0x%X, which the scenario doesn't give it"
                            .formatted(name, wish.affinity()));
        }
        for (int pcpu : pcpus) {
            Optional<Vcpu> owner = processors.owner(pcpu);
            if (owner.isPresent()) {
                return refused(
                        Status.BUSY,
                        ("VM \"%s\" is to run on pCPU %d, which VM \"%s\" has; vCPUs don't share"
                                        + " processors")
                                .formatted(name, pcpu, owner.get().vm().name()));
            }
        }
        PagePool pool = pages.get(plan.vm().index());
        pool.clear();
        PostLaunchedVm made =
                new PostLaunchedVm(
                        launched(plan, pcpus, flags), machine, pool, processors, this::upcall);
        made.vm().onFailure(why -> stopped(made.vm(), why));
        made.vm().onPowerOff(() -> ended.accept(made.vm()));
        vms.put(plan.vm().index(), made);
        listener.created(made.vm());
        return new Creation.Made(made);
    }

    /// Its device model will see to it, if there still is one.
    private void stopped(Vm vm, String why) {
        listener.stopped(vm, why);
        if (service.state() == VmState.POWERED_OFF) {
            vm.powerOff();
        }
    }

    private Creation refused(Status status, String why) {
        refuse(why);
        return new Creation.Refused(status);
    }

    private Optional<VmPlan> plan(VmCreation wish) {
        return plans.values().stream()
                .filter(
                        plan ->
                                plan.uuid()
                                        .map(wish::isFor)
                                        .orElseGet(() -> wish.isFor(plan.vm().name())))
                .findFirst();
    }

    private static Set<GuestFlag> flags(long bits) {
        Set<GuestFlag> flags = EnumSet.noneOf(GuestFlag.class);
        DEVICE_MODELS.stream().filter(flag -> (bits >>> flag.bit() & 1) != 0).forEach(flags::add);
        return flags;
    }

    /// Those of the scenario that the device model chooses; none if it chooses others.
    private List<Integer> pcpus(VmPlan plan, long affinity) {
        List<Integer> allowed = plan.cpus().stream().filter(processors::exists).toList();
        if (affinity == 0) {
            return allowed;
        }
        List<Integer> chosen = new ArrayList<>();
        for (int pcpu = 0; pcpu < MOST_PCPUS; pcpu++) {
            if ((affinity >>> pcpu & 1) != 0) {
                chosen.add(pcpu);
            }
        }
        return allowed.containsAll(chosen) ? chosen : List.of();
    }

    /// The scenario's plan with what the device model has chosen.
    private static VmPlan launched(VmPlan plan, List<Integer> pcpus, Set<GuestFlag> flags) {
        nestbox.scenario.Vm vm = plan.vm();
        return new VmPlan(
                new nestbox.scenario.Vm(
                        vm.index(),
                        vm.id(),
                        vm.name(),
                        vm.loadOrder(),
                        vm.kind(),
                        flags,
                        vm.cpus(),
                        vm.memory(),
                        vm.os(),
                        vm.vuarts(),
                        vm.devices()),
                plan.uuid(),
                pcpus,
                plan.ports(),
                plan.sharedMemory(),
                plan.commandLine());
    }

    /// The Service VM has gone off, and with it the device models. Real-time virtual machines go
    /// on without.
    void serviceEnded() {
        vms.values().stream()
                .map(PostLaunchedVm::vm)
                .filter(vm -> !vm.has(GuestFlag.RT))
                .forEach(Vm::powerOff);
    }

    /// Takes a processor from the Service VM.
    ///
    /// @param apicId of the processor
    /// @param caller which asks for it
    /// @return nothing while the vCPU that has it is still in its guest
    Optional<Status> offline(long apicId, Vcpu caller) {
        Optional<Vcpu> found =
                service.vcpus().stream()
                        .filter(vcpu -> vcpu.state() != VcpuState.OFFLINE)
                        .filter(vcpu -> vcpu.apicId() == (int) apicId)
                        .findFirst();
        if (found.isEmpty()) {
            return Optional.of(Status.DONE);
        }
        Vcpu vcpu = found.get();
        if (vcpu.isBootstrap() || vcpu == caller) {
            return Optional.of(Status.NOT_NOW);
        }
        vcpu.retire();
        if (vcpu.root().isInGuest()) {
            return Optional.empty();
        }
        vcpu.offline();
        processors.takeBack(vcpu);
        return Optional.of(Status.DONE);
    }
}
