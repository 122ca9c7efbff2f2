package nestbox.hypervisor;

import nestbox.cpu.VmxRoot;
import nestbox.hypervisor.emulate.GuestException;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.PendingDebug;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.VmcsField;

/// The events that L0 puts into the guest of the current VMCS with the next VM entry. SDM Vol. 3C,
/// "Event Injection".
final class Events {
    private static final int CONTRIBUTORY =
            1 << Vector.DE | 1 << Vector.TS | 1 << Vector.NP | 1 << Vector.SS | 1 << Vector.GP;

    /// GD of DR7.
    private static final long GENERAL_DETECT = 1 << 13;

    private final VmxRoot root;

    Events(VmxRoot root) {
        this.root = root;
    }

    /// Whether an event is on its way in already.
    boolean isInjecting() {
        return (int) root.vmread(VmcsField.ENTRY_INTERRUPTION_INFORMATION) < 0;
    }

    /// Goes on with the event whose delivery the exit has interrupted.
    void resumeDelivery() {
        long vectoring = root.vmread(VmcsField.IDT_VECTORING_INFORMATION);
        if ((int) vectoring >= 0) {
            return;
        }
        long keep = ~(long) InterruptionInformation.NMI_UNBLOCKING;
        root.vmwrite(VmcsField.ENTRY_INTERRUPTION_INFORMATION, vectoring & keep);
        root.vmwrite(
                VmcsField.ENTRY_EXCEPTION_ERROR_CODE,
                root.vmread(VmcsField.IDT_VECTORING_ERROR_CODE));
        root.vmwrite(
                VmcsField.ENTRY_INSTRUCTION_LENGTH, root.vmread(VmcsField.EXIT_INSTRUCTION_LENGTH));
    }

    /// Raises an exception in the guest, at the instruction that exited.
    ///
    /// @return false if that is a triple fault
    boolean raise(GuestException exception) {
        InterruptionInformation first =
                InterruptionInformation.of(root.vmread(VmcsField.IDT_VECTORING_INFORMATION));
        boolean hardware = first.valid() && first.type() == InterruptionType.HARDWARE_EXCEPTION;
        if (exception.vector() == Vector.PF) {
            root.cr2(exception.address());
        }
        if (hardware && first.vector() == Vector.DF) {
            return false;
        }
        boolean isDouble = hardware && isDoubleFault(first.vector(), exception.vector());
        // What is pushed lets the instruction run again without a second breakpoint.
        long flags = root.vmread(VmcsField.GUEST_RFLAGS);
        root.vmwrite(VmcsField.GUEST_RFLAGS, isDouble ? flags & ~RFlags.RF : flags | RFlags.RF);
        if (isDouble) {
            inject(InterruptionType.HARDWARE_EXCEPTION, Vector.DF, isProtected(), 0);
            return true;
        }
        boolean hasCode = Vector.hasErrorCode(exception.vector());
        inject(
                InterruptionType.HARDWARE_EXCEPTION,
                exception.vector(),
                hasCode && isProtected(),
                exception.errorCode());
        return true;
    }

    /// Raises a debug exception between two instructions. An injection leaves DR6 and DR7 alone, so
    /// they are set here.
    ///
    /// @param causes bits of DR6
    void debugTrap(long causes) {
        root.dr6(root.dr6() & ~PendingDebug.BREAKPOINTS | causes);
        long dr7 = root.vmread(VmcsField.GUEST_DR7);
        root.vmwrite(VmcsField.GUEST_DR7, dr7 & ~GENERAL_DETECT);
        inject(InterruptionType.HARDWARE_EXCEPTION, Vector.DB, false, 0);
    }

    /// In real-address mode exceptions have no error codes.
    private boolean isProtected() {
        return (root.vmread(VmcsField.GUEST_CR0) & ControlBits.CR0_PE) != 0;
    }

    /// SDM Vol. 3A, Table "Conditions for Generating a Double Fault".
    private static boolean isDoubleFault(int first, int second) {
        boolean contributory = (CONTRIBUTORY >>> second & 1) != 0;
        return (CONTRIBUTORY >>> first & 1) != 0 && contributory
                || first == Vector.PF && (contributory || second == Vector.PF);
    }

    /// Injects an external interrupt or an NMI.
    void interrupt(InterruptionType type, int vector) {
        inject(type, vector, false, 0);
    }

    private void inject(InterruptionType type, int vector, boolean hasCode, int code) {
        InterruptionInformation event = InterruptionInformation.of(type, vector);
        root.vmwrite(
                VmcsField.ENTRY_INTERRUPTION_INFORMATION,
                (hasCode ? event.withErrorCode() : event).toLong());
        root.vmwrite(VmcsField.ENTRY_EXCEPTION_ERROR_CODE, code);
    }

    /// Asks for an exit as soon as the guest can take an interrupt, or no longer.
    void window(PrimaryControl control, boolean wanted) {
        long controls = root.vmread(VmcsField.PRIMARY_CONTROLS);
        long changed = wanted ? controls | control.mask() : controls & ~control.mask();
        if (changed != controls) {
            root.vmwrite(VmcsField.PRIMARY_CONTROLS, changed);
        }
    }
}
