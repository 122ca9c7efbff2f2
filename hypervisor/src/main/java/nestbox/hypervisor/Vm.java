package nestbox.hypervisor;

import nestbox.cpu.apic.ApicBus;
import nestbox.devices.ioapic.IoApic;
import nestbox.hypervisor.memory.EptTables;
import nestbox.hypervisor.memory.IoBitmaps;
import nestbox.hypervisor.memory.PagePool;
import nestbox.hypervisor.vuart.Vuart;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortIo;
import nestbox.platform.PortSpace;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.GuestFlag;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/// A virtual machine of the scenario, with what L0 emulates for it.
public final class Vm {
    private final int id;
    private final VmPlan plan;
    private final Machine machine;
    private final PagePool pages;
    private final EptTables memory;
    private final IoBitmaps portExits;
    private final PortSpace ports = new PortSpace();
    private final MmioSpace mmio = new MmioSpace();
    private final ApicBus apicBus = new ApicBus();
    private final PassedInterrupts interrupts = new PassedInterrupts(this);
    private final Map<Integer, Vuart> vuarts = new TreeMap<>();
    private final List<Vcpu> vcpus = new ArrayList<>();
    private VmState state = VmState.CREATED;
    private Optional<String> failure = Optional.empty();
    private Runnable onPowerOff = () -> {};
    private Consumer<String> onFailure = reason -> {};
    private Optional<IoApic> ioApic = Optional.empty();
    private Optional<PostLaunchedVms> launched = Optional.empty();
    private Optional<DeviceModel> deviceModel = Optional.empty();

    /// @param portExits which ports exit; [#emulatePorts] adds to them
    Vm(
            int id,
            VmPlan plan,
            Machine machine,
            PagePool pages,
            EptTables memory,
            IoBitmaps portExits) {
        this.id = id;
        this.plan = plan;
        this.machine = machine;
        this.pages = pages;
        this.memory = memory;
        this.portExits = portExits;
    }

    /// Makes it post-launched, before it has vCPUs.
    void servedBy(DeviceModel model) {
        deviceModel = Optional.of(model);
    }

    /// Who emulates devices for it outside L0, if it's post-launched.
    Optional<DeviceModel> deviceModel() {
        return deviceModel;
    }

    /// Makes it the Service VM, whose hypercalls are answered.
    void launches(PostLaunchedVms vms) {
        launched = Optional.of(vms);
    }

    /// What the Service VM has hypercalls for.
    PostLaunchedVms launches() {
        return launched.orElseThrow();
    }

    void add(IoApic virtual) {
        ioApic = Optional.of(virtual);
    }

    /// Its I/O APIC, if L0 emulates one for it.
    public Optional<IoApic> ioApic() {
        return ioApic;
    }

    void add(int index, Vuart vuart) {
        vuarts.put(index, vuart);
    }

    /// A virtual serial port; the console is number 0.
    public Optional<Vuart> vuart(int index) {
        return Optional.ofNullable(vuarts.get(index));
    }

    void add(Vcpu vcpu) {
        vcpus.add(vcpu);
    }

    /// Its id at run time, from 0.
    public int id() {
        return id;
    }

    public String name() {
        return plan.vm().name();
    }

    /// What the scenario says of it.
    public VmPlan plan() {
        return plan;
    }

    public VmState state() {
        return state;
    }

    public List<Vcpu> vcpus() {
        return List.copyOf(vcpus);
    }

    public boolean has(GuestFlag flag) {
        return plan.vm().flags().contains(flag);
    }

    /// Why it stopped, if L0 had to stop it.
    public Optional<String> failure() {
        return failure;
    }

    /// EPT01: what its guest-physical addresses are.
    EptTables memory() {
        return memory;
    }

    /// The EPT pointer of its vCPUs.
    public long eptPointer() {
        return memory.pointer();
    }

    Machine machine() {
        return machine;
    }

    /// Interrupts of the devices that it has been given.
    public PassedInterrupts interrupts() {
        return interrupts;
    }

    /// What connects its virtual local APICs, if it has such.
    ApicBus apicBus() {
        return apicBus;
    }

    PagePool pages() {
        return pages;
    }

    IoBitmaps portExits() {
        return portExits;
    }

    /// What L0 emulates, by port.
    PortSpace ports() {
        return ports;
    }

    /// What L0 emulates, by guest-physical address.
    MmioSpace mmio() {
        return mmio;
    }

    /// Gives ports to something that L0 emulates.
    void emulatePorts(int first, int count, PortIo device) {
        ports.map(first, count, device);
        portExits.exits(first, count, true);
    }

    // Power

    void start() {
        state = VmState.RUNNING;
        vcpus.getFirst().startAsBootstrap();
    }

    /// Who wants to know that L0 had to stop it.
    void onFailure(Consumer<String> listener) {
        onFailure = listener;
    }

    /// Who wants to know that it has gone off, for whatever reason.
    void onPowerOff(Runnable listener) {
        onPowerOff = listener;
    }

    /// Stops all vCPUs until a reset, which is all that can follow, or the end.
    void pause() {
        if (state != VmState.POWERED_OFF) {
            state = VmState.PAUSED;
            vcpus.forEach(Vcpu::retire);
        }
    }

    /// It's as it was before its start, in all that is asked of a [Vm].
    void reset() {
        state = VmState.CREATED;
        failure = Optional.empty();
        vcpus.forEach(Vcpu::reset);
    }

    /// Stops all vCPUs for good.
    void powerOff() {
        if (state != VmState.POWERED_OFF) {
            state = VmState.POWERED_OFF;
            vcpus.forEach(Vcpu::retire);
            onPowerOff.run();
        }
    }

    /// L0 can't go on with it.
    void fail(String reason) {
        if (failure.isEmpty()) {
            failure = Optional.of(reason);
            onFailure.accept(reason);
        }
        if (deviceModel.isPresent()) {
            // What becomes of it is its device model's business.
            pause();
        } else {
            powerOff();
        }
    }
}
