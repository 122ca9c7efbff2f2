package nestbox.cpu.vmx;

import nestbox.cpu.core.GuestFault;
import nestbox.cpu.entry.MsrAccess;
import nestbox.cpu.entry.ProcessorFacts;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.x86.Cpuid;

import java.util.OptionalLong;

/// A processor as the checks of VM entry and the MSR areas ask it.
final class ProcessorView implements ProcessorFacts, MsrAccess {
    /// LBR and BTF.
    private static final long DEBUGCTL_DEFINED = 3;

    private static final int LINEAR_ADDRESS_BITS = 48;

    private final Vmx vmx;

    ProcessorView(Vmx vmx) {
        this.vmx = vmx;
    }

    @Override
    public VmxCapabilities capabilities() {
        return vmx.capabilities;
    }

    @Override
    public int physicalAddressBits() {
        return vmx.cpu.features.physicalAddressBits();
    }

    @Override
    public int linearAddressBits() {
        return LINEAR_ADDRESS_BITS;
    }

    @Override
    public boolean has(Cpuid feature) {
        return vmx.cpu.features.has(feature);
    }

    @Override
    public boolean isLongMode() {
        return vmx.cpu.isLongMode();
    }

    @Override
    public long eferDefined() {
        return vmx.cpu.controls.eferDefined();
    }

    @Override
    public long debugctlDefined() {
        return DEBUGCTL_DEFINED;
    }

    /// There are no performance counters.
    @Override
    public long perfGlobalCtrlDefined() {
        return 0;
    }

    @Override
    public long currentVmcs() {
        return vmx.currentPointer();
    }

    @Override
    public long readPhysical(long address, int width) {
        return vmx.cpu.mmu.readPhysical(address, width);
    }

    @Override
    public void writePhysical(long address, int width, long value) {
        vmx.cpu.mmu.writePhysical(address, width, value);
    }

    @Override
    public OptionalLong read(int number) {
        try {
            return OptionalLong.of(vmx.cpu.msrs.read(number));
        } catch (GuestFault fault) {
            return OptionalLong.empty();
        }
    }

    @Override
    public boolean write(int number, long value) {
        try {
            vmx.cpu.msrs.write(number, value);
            return true;
        } catch (GuestFault fault) {
            return false;
        }
    }
}
