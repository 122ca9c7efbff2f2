package nestbox.hypervisor;

import nestbox.devices.BoardMap;
import nestbox.hypervisor.devicemodel.IoRequest;
import nestbox.hypervisor.devicemodel.IoRequest.Kind;
import nestbox.hypervisor.emulate.GuestPhysical;
import nestbox.hypervisor.memory.EptTables.Leaf;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.EptEntry;

import java.util.Optional;

/// A vCPU's guest-physical addresses: RAM and passed devices behind EPT01, its own local APIC, and
/// what L0 emulates.
final class L1Memory implements GuestPhysical {
    private final Vcpu vcpu;
    private final Machine machine;

    L1Memory(Vcpu vcpu) {
        this.vcpu = vcpu;
        machine = vcpu.vm().machine();
    }

    @Override
    public long ram(long address, boolean write) {
        Optional<Leaf> leaf = leaf(address, write ? EptEntry.WRITE : EptEntry.READ);
        if (leaf.isEmpty()) {
            return NOT_RAM;
        }
        long host = leaf.get().host(address);
        return machine.memory().host(host) < 0 ? NOT_RAM : host;
    }

    private Optional<Leaf> leaf(long address, long permission) {
        return vcpu.vm()
                .memory()
                .leaf(address)
                .filter(leaf -> (leaf.permissions() & permission) != 0);
    }

    private static boolean isApic(long address) {
        return (address & -GuestMemory.PAGE_SIZE) == BoardMap.LOCAL_APIC;
    }

    @Override
    public long read(long address, int width) {
        if (isApic(address)) {
            return vcpu.apic().page().read(address - BoardMap.LOCAL_APIC, width);
        }
        return leaf(address, EptEntry.READ)
                .map(leaf -> machine.mmio().read(leaf.host(address), width))
                .orElseGet(() -> readEmulated(address, width));
    }

    private long readEmulated(long address, int width) {
        return deviceModel(address)
                .map(model -> model.access(IoRequest.read(Kind.MEMORY, address, width)))
                .orElseGet(() -> vcpu.vm().mmio().read(address, width));
    }

    /// Who answers for an address that nothing of L0 does.
    private Optional<Forwarding> deviceModel(long address) {
        return vcpu.forwarding().filter(_ -> !vcpu.vm().mmio().isMapped(address));
    }

    @Override
    public void write(long address, int width, long value) {
        if (isApic(address)) {
            vcpu.apic().page().write(address - BoardMap.LOCAL_APIC, width, value);
            return;
        }
        leaf(address, EptEntry.WRITE)
                .ifPresentOrElse(
                        leaf -> machine.mmio().write(leaf.host(address), width, value),
                        () -> writeEmulated(address, width, value));
    }

    private void writeEmulated(long address, int width, long value) {
        boolean isProtected = leaf(address, EptEntry.READ).isPresent();
        Kind kind = isProtected ? Kind.WRITE_PROTECTED : Kind.MEMORY;
        deviceModel(address)
                .ifPresentOrElse(
                        model -> model.access(IoRequest.write(kind, address, width, value)),
                        () -> vcpu.vm().mmio().write(address, width, value));
    }

    @Override
    public void iterated() {
        vcpu.forwarding().ifPresent(Forwarding::done);
    }
}
