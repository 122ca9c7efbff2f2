package nestbox.cpu.vmx;

/// A hypervisor that isn't made of the processor's instructions.
public interface RootProgram {
    /// A VM exit is complete: host state is loaded.
    void exited();

    /// The processor has no guest to run, and it is its turn.
    void idle();
}
