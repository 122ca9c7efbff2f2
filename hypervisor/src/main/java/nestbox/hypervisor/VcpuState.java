package nestbox.hypervisor;

/// What a vCPU is doing.
public enum VcpuState {
    /// It waits for a startup IPI.
    INIT,
    RUNNING,

    /// Its virtual machine has stopped.
    ZOMBIE
}
