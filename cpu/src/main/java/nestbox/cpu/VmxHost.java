package nestbox.cpu;

/// A hypervisor in Java, as the processor calls it.
///
/// On hardware a VM exit continues at HOST_RIP. Here it calls [#exited], with the host state of the
/// VMCS loaded all the same; the hypervisor works with [VmxRoot] and ends with a VM entry, or
/// returns without one and so leaves the processor idle. Its work takes no time.
public interface VmxHost {
    /// A VM exit is complete, or a VM entry has failed as one.
    void exited();

    /// It is the processor's turn, and it runs no guest: to look whether there is something to do.
    void idle();
}
