package nestbox.hypervisor;

import nestbox.cpu.VmxRoot;
import nestbox.hypervisor.nested.Nested;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.Interruptibility;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.VmcsField;

import java.util.Optional;
import java.util.function.Function;

/// Interrupts of a vCPU whose local APIC L0 emulates: they are injected when its guest can take
/// them. A vCPU that has its processor's APIC needs nothing of this.
final class Interrupts {
    private final Vcpu vcpu;
    private final VmxRoot root;
    private final Events events;
    private boolean nmiPending;

    Interrupts(Vcpu vcpu, Events events) {
        this.vcpu = vcpu;
        this.events = events;
        root = vcpu.root();
    }

    void signalNmi() {
        nmiPending = true;
    }

    /// The vCPU begins anew.
    void reset() {
        nmiPending = false;
    }

    private Optional<EmulatedApic> apic() {
        return vcpu.virtualApic();
    }

    private boolean isInterruptPending() {
        return apic().filter(apic -> apic.device().isPending()).isPresent();
    }

    /// Interrupts that have come for the processor while no guest ran on it.
    void takePhysical() {
        apic().ifPresent(
                        apic -> {
                            while (root.isInterruptPending()) {
                                root.acknowledgeInterrupt();
                                apic.dropPhysical();
                            }
                        });
    }

    /// Whether something ends the wait of HLT. Nested guests halt on the processor; one that L0 has
    /// wait does so for a startup IPI.
    boolean wakes() {
        if (vcpu.isInL2()) {
            return false;
        }
        boolean open = (root.vmread(VmcsField.GUEST_RFLAGS) & RFlags.IF) != 0;
        return nmiPending || open && isInterruptPending();
    }

    /// Prepares the next VM entry: injects what is due, or asks for an exit when it can be.
    void inject() {
        if (apic().isEmpty()) {
            return;
        }
        if (nmiPending) {
            Nested.Event event = toL1(Nested::nonMaskableInterrupt);
            if (event == Nested.Event.LATER) {
                return;
            }
            nmiPending = event == Nested.Event.FOR_L2;
        }
        if (isInterruptPending()
                && toL1(l2 -> l2.interrupt(apic().orElseThrow().device()::acknowledge))
                        == Nested.Event.LATER) {
            return;
        }
        // After an exit to L1, these are about the events that it can take next.
        injectNmi();
        injectInterrupt();
    }

    /// Offers an event to L1 as an exit of its guest; without one, the guest to run may have it.
    private Nested.Event toL1(Function<Nested, Nested.Event> event) {
        return vcpu.nested().filter(Nested::isInL2).map(event).orElse(Nested.Event.FOR_L2);
    }

    private long blocking() {
        return root.vmread(VmcsField.GUEST_INTERRUPTIBILITY_STATE);
    }

    private void injectNmi() {
        long held = Interruptibility.FOR_AN_INSTRUCTION | Interruptibility.NMI;
        boolean possible = !events.isInjecting() && (blocking() & held) == 0;
        if (nmiPending && possible) {
            nmiPending = false;
            events.interrupt(InterruptionType.NMI, Vector.NMI);
        }
        window(PrimaryControl.NMI_WINDOW_EXITING, nmiPending);
    }

    private void injectInterrupt() {
        boolean open = (root.vmread(VmcsField.GUEST_RFLAGS) & RFlags.IF) != 0;
        boolean possible =
                open
                        && !events.isInjecting()
                        && (blocking() & Interruptibility.FOR_AN_INSTRUCTION) == 0
                        && !Activity.SHUTDOWN.is(root.vmread(VmcsField.GUEST_ACTIVITY_STATE))
                        // This exit goes before interrupts.
                        && !isAskedByL1(PrimaryControl.INTERRUPT_WINDOW_EXITING);
        if (isInterruptPending() && possible) {
            int vector = apic().orElseThrow().device().acknowledge();
            events.interrupt(InterruptionType.EXTERNAL_INTERRUPT, vector);
        }
        window(PrimaryControl.INTERRUPT_WINDOW_EXITING, isInterruptPending());
    }

    /// L1 may have asked for the same of its guest.
    private void window(PrimaryControl control, boolean wanted) {
        events.window(control, wanted || isAskedByL1(control));
    }

    private boolean isAskedByL1(PrimaryControl control) {
        return vcpu.nested().filter(Nested::isInL2).filter(l2 -> l2.asks(control)).isPresent();
    }
}
