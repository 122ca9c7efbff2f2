package nestbox.console.subject;

import nestbox.scenario.LoadOrder;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;

/// A virtual machine, as commands see it.
public interface Vm {
    int id();

    /// As configured, or `ACRN VM_` and the id.
    String name();

    /// From v2.7 on, VMs have none.
    Optional<UUID> uuid();

    VmState state();

    LoadOrder loadOrder();

    /// By id. The first is the BSP.
    List<Vcpu> vcpus();

    /// Every pin of the virtual I/O APIC; the pin's IRQ means nothing here.
    List<IoapicPin> vioapic();

    /// Whether there is an active vUART 0, legacy or PCI.
    boolean hasConsole();

    /// Where its console is, if that isn't where the shell is.
    default Optional<String> consoleElsewhere() {
        return Optional.empty();
    }

    /// The EPT pointer of L1, if the VM has been started.
    OptionalLong eptPointer();
}
