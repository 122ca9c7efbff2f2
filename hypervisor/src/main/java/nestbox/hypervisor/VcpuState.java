package nestbox.hypervisor;

/// What a vCPU is doing.
public enum VcpuState {
    /// It waits for a startup IPI.
    INIT,
    RUNNING,

    /// Its virtual machine has stopped.
    ZOMBIE,

    /// It's gone, and its processor may be somebody else's.
    OFFLINE
}
