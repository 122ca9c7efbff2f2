package nestbox.x86;

/// Shifts and rotates, in the order of the group 2 extension.
public enum Shift implements Op {
    // spotless:off
    ROL, ROR, RCL, RCR, SHL, SHR, SAL, SAR,
    SHLD,
    SHRD,
    // spotless:on
}
