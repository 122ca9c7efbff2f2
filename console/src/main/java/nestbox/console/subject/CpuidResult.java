package nestbox.console.subject;

/// What CPUID leaves in the registers.
public record CpuidResult(int eax, int ebx, int ecx, int edx) {}
