package nestbox.cpu.core;

import nestbox.cpu.model.VmxSilicon;
import nestbox.x86.Cpuid;
import nestbox.x86.Msr;

import java.util.Optional;

/// What a processor needs to know of its model.
public interface Features {
    int physicalAddressBits();

    /// Family, model and stepping as in CPUID.01H:EAX.
    int signature();

    /// CPUID leaves.
    ///
    /// @return EAX, EBX, ECX, EDX
    int[] cpuid(int leaf, int subleaf, Cpu cpu);

    /// The virtual-machine extensions, if there are any.
    default Optional<VmxSilicon> vmx() {
        return Optional.empty();
    }

    /// Whether the model has a feature: then its instructions and control bits exist.
    boolean has(Cpuid feature);

    /// What a register that isn't special holds after reset.
    long msr(Msr msr, int number);

    /// Whether a register exists that isn't architectural.
    boolean hasMsr(Msr msr);

    /// Whether such a register takes any value that is written.
    boolean isWritable(Msr msr);

    /// Bits of IA32_MISC_ENABLE that aren't reserved.
    long miscEnableMask();

    /// TSC ticks per second.
    long tscHertz();
}
