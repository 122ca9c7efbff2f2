package nestbox.hypervisor;

/// What a virtual machine is doing.
public enum VmState {
    POWERED_OFF,
    CREATED,
    RUNNING,
    PAUSED
}
