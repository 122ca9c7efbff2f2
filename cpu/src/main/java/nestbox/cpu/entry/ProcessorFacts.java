package nestbox.cpu.entry;

import nestbox.cpu.model.VmxCapabilities;
import nestbox.x86.Cpuid;

/// What the checks of VM entry ask of the processor and of memory.
public interface ProcessorFacts extends PhysicalMemory {
    VmxCapabilities capabilities();

    int physicalAddressBits();

    int linearAddressBits();

    boolean has(Cpuid feature);

    /// IA32_EFER.LMA at the time of the VM entry.
    boolean isLongMode();

    /// Bits of IA32_EFER that may be 1.
    long eferDefined();

    /// Bits of IA32_DEBUGCTL that may be 1.
    long debugctlDefined();

    /// Bits of IA32_PERF_GLOBAL_CTRL that may be 1.
    long perfGlobalCtrlDefined();

    /// The current-VMCS pointer.
    long currentVmcs();
}
