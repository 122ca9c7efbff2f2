package nestbox.hypervisor;

import nestbox.cpu.VmxRoot;
import nestbox.hypervisor.nested.Nested;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
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

    // Which windows were asked for here
    private boolean interruptWindow;
    private boolean nmiWindow;

    Interrupts(Vcpu vcpu, Events events) {
        this.vcpu = vcpu;
        this.events = events;
        root = vcpu.root();
    }

    void signalNmi() {
        nmiPending = true;
    }

    /// The vCPU begins anew, with controls that ask for no windows.
    void reset() {
        nmiPending = false;
        interruptWindow = false;
        nmiWindow = false;
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

    /// Whether something ends the wait of HLT.
    boolean wakes() {
        boolean open = (root.vmread(VmcsField.GUEST_RFLAGS) & RFlags.IF) != 0;
        return nmiPending || open && isInterruptPending();
    }

    /// Prepares the next VM entry: injects what is due, or asks for an exit when it can be.
    void inject() {
        if (apic().isEmpty()) {
            return;
        }
        if (nmiPending && isForL1(Nested::nonMaskableInterrupt)) {
            nmiPending = vcpu.isInL2();
            return;
        }
        if (isInterruptPending()
                && isForL1(l2 -> l2.interrupt(apic().orElseThrow().device()::acknowledge))) {
            return;
        }
        injectNmi();
        injectInterrupt();
    }

    /// While a nested guest runs: whether the event became an exit of it, or has to wait.
    private boolean isForL1(Function<Nested, Nested.Event> event) {
        return vcpu.nested()
                .filter(Nested::isInL2)
                .map(event)
                .filter(what -> what != Nested.Event.FOR_L2)
                .isPresent();
    }

    private long blocking() {
        return root.vmread(VmcsField.GUEST_INTERRUPTIBILITY_STATE);
    }

    private void injectNmi() {
        long held = Interruptibility.MOV_SS | Interruptibility.STI | Interruptibility.NMI;
        boolean possible = !events.isInjecting() && (blocking() & held) == 0;
        if (nmiPending && possible) {
            nmiPending = false;
            events.interrupt(InterruptionType.NMI, Vector.NMI);
        }
        nmiWindow = window(PrimaryControl.NMI_WINDOW_EXITING, nmiPending, nmiWindow);
    }

    private void injectInterrupt() {
        long held = Interruptibility.MOV_SS | Interruptibility.STI;
        boolean open = (root.vmread(VmcsField.GUEST_RFLAGS) & RFlags.IF) != 0;
        boolean possible = open && !events.isInjecting() && (blocking() & held) == 0;
        if (isInterruptPending() && possible) {
            int vector = apic().orElseThrow().device().acknowledge();
            events.interrupt(InterruptionType.EXTERNAL_INTERRUPT, vector);
        }
        boolean wanted = isInterruptPending();
        interruptWindow = window(PrimaryControl.INTERRUPT_WINDOW_EXITING, wanted, interruptWindow);
    }

    /// L1 may have asked for the same of its guest: only what was set here is taken back.
    private boolean window(PrimaryControl control, boolean wanted, boolean was) {
        if (wanted || was) {
            events.window(control, wanted);
        }
        return wanted;
    }
}
