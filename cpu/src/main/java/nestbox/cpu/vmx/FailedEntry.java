package nestbox.cpu.vmx;

import nestbox.cpu.entry.Explanation;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.VmInstructionError;

import java.util.Optional;

/// A VM entry that failed: what the hypervisor sees of it, and why it is so.
///
/// @param name of the VM-instruction error or of the exit reason
/// @param sight what the hypervisor sees, in words
/// @param why nothing where what the hypervisor sees says it all
record FailedEntry(String name, String sight, Optional<Explanation> why) {
    static FailedEntry invalid() {
        String sight = "VMfailInvalid: there is no current VMCS, or it is a shadow VMCS";
        return new FailedEntry("VMFAIL_INVALID", sight, Optional.empty());
    }

    static FailedEntry of(VmInstructionError error, Optional<Explanation> why) {
        String sight = "VM-instruction error %d, %s".formatted(error.number(), error.title());
        return new FailedEntry(error.name(), sight, why);
    }

    static FailedEntry of(ExitReason reason, Explanation why) {
        String sight = "exit reason %d, %s".formatted(reason.number(), reason.title());
        return new FailedEntry(reason.name(), sight, Optional.of(why));
    }

    @Override
    public String toString() {
        return sight + why.map(": %s"::formatted).orElse("");
    }
}
