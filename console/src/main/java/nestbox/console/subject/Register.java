package nestbox.console.subject;

/// The registers that a dump of a vCPU shows.
public enum Register {
    RIP,
    RSP,
    RFLAGS,
    CR0,
    CR2,
    CR3,
    CR4,
    RAX,
    RBX,
    RCX,
    RDX,
    RDI,
    RSI,
    RBP,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15
}
