package nestbox.hypervisor;

import nestbox.platform.Mmio;

import java.util.OptionalLong;

/// The local APIC of a vCPU as the vCPU's instructions reach it, where they exit.
interface VcpuApic {
    /// RDMSR of IA32_APIC_BASE.
    long base();

    /// WRMSR to IA32_APIC_BASE.
    ///
    /// @return false where it is #GP
    boolean base(long value);

    /// RDMSR of 0x800 to 0x8FF.
    ///
    /// @return nothing where it is #GP
    OptionalLong readMsr(int number);

    /// @return false where it is #GP
    boolean writeMsr(int number, long value);

    /// RDMSR of IA32_TSC_DEADLINE, where that exits.
    long deadline();

    /// WRMSR to IA32_TSC_DEADLINE.
    void deadline(long tsc);

    /// The page of registers in xAPIC mode.
    Mmio page();

    /// As after INIT.
    void init();
}
