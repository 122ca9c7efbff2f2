package nestbox.hypervisor.nested;

import nestbox.cpu.entry.PhysicalMemory;
import nestbox.cpu.entry.ProcessorFacts;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

import java.util.Optional;

/// L1's processor, as the checks of VM entry ask for it: the real one, but with L1's capabilities
/// and L1's memory.
final class L1Facts implements ProcessorFacts {
    private final Parent parent;
    private final ProcessorFacts processor;
    private final VmxCapabilities capabilities;
    private final PhysicalMemory memory;
    private Optional<Vmcs12> current = Optional.empty();
    private boolean longMode;

    L1Facts(Parent parent, VmxCapabilities capabilities, PhysicalMemory memory) {
        this.parent = parent;
        processor = parent.root().facts();
        this.capabilities = capabilities;
        this.memory = memory;
    }

    /// Notes what L1 is doing while VMCS01 is current.
    void observe(Optional<Vmcs12> currentVmcs) {
        current = currentVmcs;
        longMode = (parent.root().vmread(VmcsField.GUEST_EFER) & ControlBits.EFER_LMA) != 0;
    }

    @Override
    public VmxCapabilities capabilities() {
        return capabilities;
    }

    @Override
    public int physicalAddressBits() {
        return processor.physicalAddressBits();
    }

    @Override
    public int linearAddressBits() {
        return processor.linearAddressBits();
    }

    @Override
    public boolean has(Cpuid feature) {
        return processor.has(feature);
    }

    @Override
    public boolean isLongMode() {
        return longMode;
    }

    @Override
    public long eferDefined() {
        return processor.eferDefined();
    }

    @Override
    public long debugctlDefined() {
        return processor.debugctlDefined();
    }

    @Override
    public long perfGlobalCtrlDefined() {
        return processor.perfGlobalCtrlDefined();
    }

    @Override
    public long currentVmcs() {
        return current.map(Vmcs12::region).orElse(VmcsRegion.NO_POINTER);
    }

    @Override
    public long readPhysical(long address, int width) {
        return memory.readPhysical(address, width);
    }

    @Override
    public void writePhysical(long address, int width, long value) {
        memory.writePhysical(address, width, value);
    }
}
