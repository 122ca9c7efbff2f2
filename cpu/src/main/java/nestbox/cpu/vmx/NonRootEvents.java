package nestbox.cpu.vmx;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.vmx.ExitInformation.ResumeFlag;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.PrimaryControl;

/// What happens between the instructions of a guest: VM exits and the delivery of events, in the
/// order of their priorities. SDM Vol. 3C, "Other Causes of VM Exits" and "VM Exits Induced by VM
/// Entry".
public final class NonRootEvents {
    /// In the order of priority. SDM Vol. 3C, chapter "VMX Non-Root Operation", which says of each
    /// what comes before and after it.
    private enum Pending {
        STARTUP,
        BUS_LOCK,
        INIT,
        APIC,
        MONITOR_TRAP,
        DEBUG,
        TIMER,
        NMI_WINDOW,
        NMI,
        INTERRUPT_WINDOW,
        INTERRUPT,
        VIRTUAL_INTERRUPT,
        NOTHING
    }

    private final Vmx vmx;
    private final Cpu cpu;

    /// A VM exit for the monitor trap flag is due.
    private boolean monitorTrap;

    /// The last instruction took the bus lock, and the hypervisor wants to know.
    private boolean busLocked;

    /// A repeated string instruction gave way to what happens now.
    private boolean betweenIterations;

    NonRootEvents(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    void begin() {
        monitorTrap = false;
        busLocked = false;
    }

    void end() {
        monitorTrap = false;
        busLocked = false;
        vmx.apic.end();
    }

    /// VM entry is complete, with the event that it injected.
    void entered() {
        vmx.apic.entered();
        cpu.attention();
    }

    /// The injected event is a VM exit for the monitor trap flag.
    void monitorTrap() {
        monitorTrap = true;
    }

    /// An instruction that takes the bus lock is complete.
    void busLocked() {
        busLocked = true;
        cpu.attention();
    }

    /// An event has been delivered, or an instruction is complete: the monitor trap flag comes
    /// next.
    public void delivered() {
        if (vmx.isNonRoot() && vmx.on(PrimaryControl.MONITOR_TRAP_FLAG)) {
            monitorTrap = true;
        }
    }

    /// Whether the processor has to look at events after every instruction.
    public boolean isStepping() {
        return vmx.on(PrimaryControl.MONITOR_TRAP_FLAG);
    }

    // What is pending

    private boolean isInterruptEnabled() {
        return (cpu.get64(Cpu.FLAGS_REST) & RFlags.IF) != 0;
    }

    /// @param held whether events are blocked by STI or by MOV SS
    private Pending pending(boolean held) {
        if (cpu.activity == Activity.WAIT_FOR_SIPI) {
            return cpu.delivery.hasStartup() ? Pending.STARTUP : Pending.NOTHING;
        }
        if (busLocked) {
            return Pending.BUS_LOCK;
        }
        if (cpu.delivery.hasInit()) {
            return Pending.INIT;
        }
        if (vmx.apic.hasExit()) {
            return Pending.APIC;
        }
        if (monitorTrap) {
            return Pending.MONITOR_TRAP;
        }
        if (!held && cpu.activity != Activity.SHUTDOWN && cpu.debug.pending() != 0) {
            return Pending.DEBUG;
        }
        if (vmx.time.isTimerExpired()) {
            return Pending.TIMER;
        }
        return held ? Pending.NOTHING : pendingInterrupt();
    }

    private Pending pendingInterrupt() {
        if (vmx.on(PrimaryControl.NMI_WINDOW_EXITING) && !cpu.nmiBlocked) {
            return Pending.NMI_WINDOW;
        }
        boolean nmiBlocked = cpu.nmiBlocked && !vmx.on(PinControl.VIRTUAL_NMIS);
        if (cpu.nmiPending && !nmiBlocked) {
            return Pending.NMI;
        }
        if (cpu.activity == Activity.SHUTDOWN) {
            return Pending.NOTHING;
        }
        boolean enabled = isInterruptEnabled();
        if (enabled && vmx.on(PrimaryControl.INTERRUPT_WINDOW_EXITING)) {
            return Pending.INTERRUPT_WINDOW;
        }
        if (cpu.apic.isPending() && (enabled || vmx.on(PinControl.EXTERNAL_INTERRUPT_EXITING))) {
            return Pending.INTERRUPT;
        }
        return enabled && vmx.apic.isInterruptRecognized()
                ? Pending.VIRTUAL_INTERRUPT
                : Pending.NOTHING;
    }

    /// For a guest that isn't active: whether something ends that state, by a VM exit or by its
    /// delivery, which [#deliver] then does.
    public boolean wakes() {
        if (pending(false) != Pending.NOTHING) {
            return true;
        }
        if (cpu.waiting.isEndedByMaskedInterrupts() && cpu.apic.isPending()) {
            cpu.waiting.end();
            return true;
        }
        return false;
    }

    // Doing it

    /// Does what is pending with the highest priority.
    ///
    /// @param held whether events are blocked by STI or by MOV SS
    /// @return false when nothing is
    public boolean deliver(boolean held) {
        boolean resume = cpu.betweenIterations;
        Pending pending = pending(held);
        if (pending != Pending.NOTHING) {
            betweenIterations = resume;
            cpu.betweenIterations = false;
            cpu.waiting.end();
        }
        if (pending != Pending.STARTUP) {
            // Only a processor that waits for one takes a startup IPI.
            cpu.delivery.takeStartup();
        }
        return switch (pending) {
            case STARTUP -> exit(ExitReason.STARTUP_IPI, cpu.delivery.takeStartup());
            case BUS_LOCK -> exit(ExitReason.BUS_LOCK, 0);
            case INIT -> {
                cpu.delivery.takeInit();
                yield exit(ExitReason.INIT_SIGNAL, 0);
            }
            case APIC -> vmx.apic.exit();
            case MONITOR_TRAP -> exit(ExitReason.MONITOR_TRAP, 0);
            case DEBUG -> {
                cpu.blockedBySti = false;
                cpu.debug.report(cpu.debug.pending());
                yield deliver(InterruptionType.HARDWARE_EXCEPTION, Vector.DB, resume);
            }
            case TIMER -> exit(ExitReason.PREEMPTION_TIMER_EXPIRED, 0);
            case NMI_WINDOW -> exit(ExitReason.NMI_WINDOW, 0);
            case NMI -> nmi(resume);
            case INTERRUPT_WINDOW -> exit(ExitReason.INTERRUPT_WINDOW, 0);
            case INTERRUPT -> interrupt(resume);
            case VIRTUAL_INTERRUPT ->
                    deliver(InterruptionType.EXTERNAL_INTERRUPT, vmx.apic.acknowledge(), resume);
            case NOTHING -> false;
        };
    }

    private boolean exit(ExitReason reason, long qualification) {
        vmx.exit.begin(reason, qualification, resumeFlag());
        vmx.transition(0);
        return true;
    }

    /// RF as the event would have pushed it.
    private ResumeFlag resumeFlag() {
        return betweenIterations ? ResumeFlag.SET : ResumeFlag.UNCHANGED;
    }

    private boolean deliver(InterruptionType type, int vector, boolean resume) {
        cpu.delivery.deliver(new Delivering(type, vector, -1, 0, resume));
        delivered();
        return true;
    }

    private boolean nmi(boolean resume) {
        cpu.nmiPending = false;
        if (!vmx.on(PinControl.NMI_EXITING)) {
            cpu.nmiBlocked = true;
            return deliver(InterruptionType.NMI, Vector.NMI, resume);
        }
        return exitFor(ExitReason.EXCEPTION_OR_NMI, InterruptionType.NMI, Vector.NMI);
    }

    private boolean exitFor(ExitReason reason, InterruptionType type, int vector) {
        vmx.exit.begin(reason, 0, resumeFlag());
        vmx.exit.interruption = InterruptionInformation.of(type, vector).toLong();
        vmx.transition(0);
        return true;
    }

    private boolean interrupt(boolean resume) {
        InterruptionType type = InterruptionType.EXTERNAL_INTERRUPT;
        if (!vmx.on(PinControl.EXTERNAL_INTERRUPT_EXITING)) {
            return deliver(type, cpu.apic.acknowledge(), resume);
        }
        if (!vmx.on(ExitControl.ACKNOWLEDGE_INTERRUPT)) {
            return exit(ExitReason.EXTERNAL_INTERRUPT, 0);
        }
        int vector = cpu.apic.acknowledge();
        return vmx.apic.isNotification(vector)
                ? vmx.apic.processPosted()
                : exitFor(ExitReason.EXTERNAL_INTERRUPT, type, vector);
    }
}
