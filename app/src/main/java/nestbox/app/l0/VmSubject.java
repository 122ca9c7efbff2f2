package nestbox.app.l0;

import nestbox.console.subject.IoapicPin;
import nestbox.console.subject.Vcpu;
import nestbox.console.subject.Vm;
import nestbox.console.subject.VmState;
import nestbox.scenario.LoadOrder;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;

/// A virtual machine of L0 for the shell.
///
/// @param hasConsole whether its console leads to the line that the shell is on
/// @param consoleElsewhere where else it is
record VmSubject(nestbox.hypervisor.Vm vm, boolean hasConsole, Optional<String> consoleElsewhere)
        implements Vm {
    /// @param vm as it is known before there are consoles
    VmSubject(nestbox.hypervisor.Vm vm) {
        this(vm, false, Optional.empty());
    }

    @Override
    public int id() {
        return vm.id();
    }

    @Override
    public String name() {
        return vm.name().isEmpty() ? "ACRN VM_" + vm.id() : vm.name();
    }

    @Override
    public Optional<UUID> uuid() {
        return vm.plan().uuid();
    }

    @Override
    public VmState state() {
        return switch (vm.state()) {
            case POWERED_OFF -> VmState.POWERED_OFF;
            case CREATED -> VmState.CREATED;
            case RUNNING -> VmState.RUNNING;
            case PAUSED -> VmState.PAUSED;
        };
    }

    @Override
    public LoadOrder loadOrder() {
        return vm.plan().vm().loadOrder();
    }

    @Override
    public List<Vcpu> vcpus() {
        return vm.vcpus().stream().<Vcpu>map(VcpuSubject::new).toList();
    }

    /// None if interrupts of devices reach the virtual machine by themselves.
    @Override
    public List<IoapicPin> vioapic() {
        return vm.ioApic().map(IoapicPins::of).orElse(List.of());
    }

    @Override
    public OptionalLong eptPointer() {
        return OptionalLong.of(vm.eptPointer());
    }
}
