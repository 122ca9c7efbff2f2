package nestbox.cpu.vmx;

import nestbox.cpu.entry.Explanation;
import nestbox.x86.vmx.VmxAbort;

import java.util.Optional;

/// Is called at the points of VMX operation that a user may want to follow. What happened is in the
/// processor and its VMCS at that moment.
interface VmxWatch {
    /// For when nobody does.
    VmxWatch NOBODY =
            new VmxWatch() {
                @Override
                public void entering(boolean launch) {}

                @Override
                public void exiting() {}

                @Override
                public void entryFailed(FailedEntry failure) {}

                @Override
                public void aborting(VmxAbort abort, Optional<Explanation> why) {}
            };

    /// A VM entry has loaded guest state, and is about to deliver the event that it injects.
    void entering(boolean launch);

    /// A VM exit has recorded why it happens; registers are the guest's.
    void exiting();

    void entryFailed(FailedEntry failure);

    void aborting(VmxAbort abort, Optional<Explanation> why);
}
