package nestbox.scenario;

/// What a VM is made for.
public enum VmKind {
    STANDARD,
    REAL_TIME,
    SAFETY,
    KATA,
    /// With a trusted execution environment.
    TEE,
    /// The companion of a [#TEE].
    REE
}
