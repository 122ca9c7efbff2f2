package nestbox.cpu.model;

/// What CPUID's answers depend on besides the model: registers of the processor that executes it.
public interface CpuidState {
    /// CR4: `OSXSAVE` and `PKE` show up as flags.
    long cr4();

    /// XCR0, which determines the size of the XSAVE area.
    long xcr0();

    /// IA32_XSS, which determines the size of the XSAVES area.
    long xss();

    /// IA32_MISC_ENABLE, which can hide features.
    long miscEnable();

    /// Whether IA32_APIC_BASE has the local APIC globally enabled.
    boolean apicEnabled();

    /// Whether CS is a 64-bit code segment: SYSCALL is reported only then.
    boolean in64BitMode();
}
