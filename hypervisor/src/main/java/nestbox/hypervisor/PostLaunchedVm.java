package nestbox.hypervisor;

import nestbox.devices.ioapic.IoApic;
import nestbox.hypervisor.devicemodel.IoRequestBuffer;
import nestbox.hypervisor.devicemodel.MemoryRegion;
import nestbox.hypervisor.devicemodel.Status;
import nestbox.hypervisor.devicemodel.VcpuRegisters;
import nestbox.hypervisor.memory.EptTables;
import nestbox.hypervisor.memory.EptTables.Leaf;
import nestbox.hypervisor.memory.IoBitmaps;
import nestbox.hypervisor.memory.PagePool;
import nestbox.hypervisor.vlapic.InterruptControllers;
import nestbox.platform.IrqLine;
import nestbox.platform.MessageSink;
import nestbox.scenario.Allocation.Port;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.GuestFlag;
import nestbox.scenario.Vuart.Transport;

import java.util.Optional;
import java.util.OptionalLong;

/// A virtual machine that a device model in the Service VM has made, with what it can do with it:
/// its memory is the Service VM's, its devices are the device model's, but for the interrupt
/// controllers and the serial ports of the scenario.
final class PostLaunchedVm {
    /// What a device model of ACRN expects.
    private static final int IO_APIC_PINS = 48;

    private static final long MESSAGE_WINDOW = 0xFEE0_0000L;
    private static final long MESSAGE_WINDOWS = 0xFFFF_FFFF_FFF0_0000L;

    // What becomes of an interrupt line
    private static final int HIGH = 0;
    private static final int LOW = 1;
    private static final int RISING_PULSE = 2;
    private static final int FALLING_PULSE = 3;

    private final Vm vm;
    private final Machine machine;
    private final PhysicalProcessors processors;
    private final DeviceModel model;
    private final Optional<InterruptControllers> interrupts;

    /// @param plan as the device model has chosen it: pCPUs and flags
    /// @param pages for the virtual machine, all of them free
    PostLaunchedVm(
            VmPlan plan,
            Machine machine,
            PagePool pages,
            PhysicalProcessors processors,
            Runnable upcall) {
        this.machine = machine;
        this.processors = processors;
        vm =
                new Vm(
                        plan.vm().index(),
                        plan,
                        machine,
                        pages,
                        new EptTables(pages),
                        new IoBitmaps(pages, true));
        model = new DeviceModel(upcall, vm.has(GuestFlag.IO_COMPLETION_POLLING));
        vm.servedBy(model);
        for (int pcpu : plan.cpus()) {
            vm.add(new Vcpu(vm, vm.vcpus().size(), pcpu, processors.root(pcpu), pages.carve(0)));
        }
        interrupts = vm.vcpus().getFirst().virtualApic().map(this::controllers);
        interrupts.ifPresent(each -> each.map(vm::emulatePorts, vm.mmio()));
        addPorts();
        vm.vcpus().forEach(Vcpu::reset);
        vm.vcpus().forEach(processors::give);
    }

    private InterruptControllers controllers(EmulatedApic bootstrap) {
        IoApic ioApic = new IoApic(vm.apicBus(), IO_APIC_PINS);
        vm.add(ioApic);
        return new InterruptControllers(vm.apicBus(), bootstrap.device(), ioApic);
    }

    /// Serial ports on PCI are for the device model to place, which it can't ask for.
    private void addPorts() {
        for (Port port : vm.plan().ports()) {
            if (port.vuart().transport() == Transport.LEGACY) {
                VirtualPorts.addLegacy(vm, machine.clock(), port, this::isaIrq);
            }
        }
    }

    private IrqLine isaIrq(int irq) {
        return interrupts.map(each -> each.isaIrq(irq)).orElseGet(IrqLine::unconnected);
    }

    Vm vm() {
        return vm;
    }

    // Life

    /// Whether none of its vCPUs is in its guest, as it is soon after it has been stopped.
    boolean isAtRest() {
        return vm.vcpus().stream().noneMatch(vcpu -> vcpu.root().isInGuest());
    }

    Status start() {
        if (vm.state() != VmState.CREATED || model.buffer().isEmpty()) {
            return Status.NOT_NOW;
        }
        vm.start();
        return Status.DONE;
    }

    Status pause() {
        if (vm.state() == VmState.POWERED_OFF) {
            return Status.NOT_NOW;
        }
        vm.pause();
        return Status.DONE;
    }

    Status reset() {
        if (vm.state() != VmState.PAUSED) {
            return Status.NOT_NOW;
        }
        vm.reset();
        interrupts.ifPresent(InterruptControllers::reset);
        vm.vcpus().forEach(processors::give);
        return Status.DONE;
    }

    Status destroy() {
        if (vm.state() != VmState.PAUSED) {
            return Status.NOT_NOW;
        }
        end();
        return Status.DONE;
    }

    /// Ends it in whatever state it is; no vCPU is in its guest.
    void end() {
        vm.powerOff();
        for (Vcpu vcpu : vm.vcpus()) {
            vcpu.offline();
            processors.takeBack(vcpu);
        }
    }

    Status registers(VcpuRegisters registers) {
        if (vm.state() == VmState.POWERED_OFF || vm.state() == VmState.RUNNING) {
            return Status.NOT_NOW;
        }
        // Application processors start where their startup IPI says.
        boolean fine = registers.vcpu() == 0 && vm.vcpus().getFirst().startAt(registers);
        return fine ? Status.DONE : Status.INVALID;
    }

    // Requests

    Status buffer(long page) {
        if (vm.state() != VmState.CREATED) {
            return Status.NOT_NOW;
        }
        model.buffer(new IoRequestBuffer(machine.memory(), page, model.isPolled()));
        return Status.DONE;
    }

    Status finished(int vcpu) {
        if (vm.state() == VmState.POWERED_OFF || model.buffer().isEmpty()) {
            return Status.NOT_NOW;
        }
        if (vcpu >= vm.vcpus().size()) {
            return Status.INVALID;
        }
        vm.vcpus().get(vcpu).forwarding().ifPresent(Forwarding::finish);
        return Status.DONE;
    }

    // Memory

    /// Maps memory of the Service VM, or takes it away.
    Status change(MemoryRegion region, EptTables service) {
        if (!region.isValid()) {
            return Status.INVALID;
        }
        if (region.kind() == MemoryRegion.Kind.ADD && !isRam(service, region)) {
            return Status.INVALID;
        }
        boolean done = vm.memory().unmap(region.address(), region.length());
        for (long at = 0; done && at < region.length(); ) {
            if (region.kind() == MemoryRegion.Kind.DELETE) {
                break;
            }
            long from = region.serviceAddress() + at;
            Leaf leaf = service.leaf(from).orElseThrow();
            long length = Math.min(region.length() - at, left(leaf, from));
            done =
                    vm.memory()
                            .tryMap(
                                    region.address() + at,
                                    leaf.host(from),
                                    length,
                                    region.eptAttributes());
            at += length;
        }
        vm.vcpus().forEach(Vcpu::forgetTranslations);
        return done ? Status.DONE : Status.NO_MEMORY;
    }

    private static long left(Leaf leaf, long address) {
        long size = 1L << leaf.shift();
        return size - (address & size - 1);
    }

    private boolean isRam(EptTables service, MemoryRegion region) {
        for (long at = 0; at < region.length(); ) {
            long from = region.serviceAddress() + at;
            Optional<Leaf> leaf = service.leaf(from);
            if (leaf.isEmpty() || leaf.get().permissions() != EptTables.DEVICE) {
                return false;
            }
            long length = Math.min(region.length() - at, left(leaf.get(), from));
            if (machine.memory().host(leaf.get().host(from), length) < 0) {
                return false;
            }
            at += length;
        }
        return true;
    }

    Status writable(long address, boolean allowed) {
        if (vm.state() == VmState.POWERED_OFF) {
            return Status.NOT_NOW;
        }
        boolean aligned = (address & (1 << 12) - 1) == 0;
        if (!aligned || vm.memory().leaf(address).isEmpty()) {
            return Status.INVALID;
        }
        boolean done = vm.memory().writable(address, allowed);
        vm.vcpus().forEach(Vcpu::forgetTranslations);
        return done ? Status.DONE : Status.NO_MEMORY;
    }

    OptionalLong translate(long address) {
        return vm.memory().leaf(address).stream().mapToLong(leaf -> leaf.host(address)).findFirst();
    }

    // Interrupts

    /// A message as of a device.
    Status inject(long address, long data) {
        if (vm.state() == VmState.POWERED_OFF) {
            return Status.NOT_NOW;
        }
        if ((address & MESSAGE_WINDOWS) != MESSAGE_WINDOW) {
            return Status.INVALID;
        }
        messages().message(address, (int) data);
        return Status.DONE;
    }

    private MessageSink messages() {
        return interrupts.isPresent()
                ? vm.apicBus()
                : machine.messages()
                        .confinedTo(vm.vcpus().stream().map(vcpu -> vcpu.root().apic()).toList());
    }

    /// Drives one of the wires of its interrupt controllers.
    Status line(int number, int operation) {
        if (vm.state() == VmState.POWERED_OFF) {
            return Status.NOT_NOW;
        }
        if (number < 0 || number >= IO_APIC_PINS || interrupts.isEmpty()) {
            return Status.INVALID;
        }
        IrqLine line = interrupts.get().line(number);
        switch (operation) {
            case HIGH -> line.set(true);
            case LOW -> line.set(false);
            case RISING_PULSE -> {
                line.set(true);
                line.set(false);
            }
            case FALLING_PULSE -> {
                line.set(false);
                line.set(true);
            }
            default -> {
                return Status.INVALID;
            }
        }
        return Status.DONE;
    }
}
