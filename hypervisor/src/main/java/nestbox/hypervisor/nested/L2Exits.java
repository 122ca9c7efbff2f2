package nestbox.hypervisor.nested;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.ExecutionControlRules;
import nestbox.hypervisor.Resume;
import nestbox.hypervisor.emulate.GuestException;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.CrQualification;
import nestbox.x86.vmx.EptEntry;
import nestbox.x86.vmx.EptViolationQualification;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.Interruptibility;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VirtualizationExceptionArea;
import nestbox.x86.vmx.VmFunctionControl;
import nestbox.x86.vmx.VmInstructionError;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.IntSupplier;

/// What becomes of an exit of L2: it's L1's, or done here because L1 expects that of its processor,
/// or it's for L0's general handlers. VMCS02 is current.
final class L2Exits {
    private static final int RAX = 0;
    private static final int RCX = 1;
    private static final int PML_ENTRIES = 512;
    private static final int EPT_POINTERS = 512;
    private static final long LOW = 0xFFFF_FFFFL;
    private static final Optional<Resume> FOR_L0 = Optional.empty();
    private static final Optional<Resume> AGAIN = Optional.of(Resume.SAME_INSTRUCTION);

    private final Operation operation;
    private final VmxRoot root;
    private final Transitions transitions;
    private final Operands operands;
    private final Interest interest;

    L2Exits(Operation operation, Operands operands, Transitions transitions) {
        this.operation = operation;
        root = operation.root();
        this.operands = operands;
        this.transitions = transitions;
        interest =
                new Interest(
                        operation.parent(), operands, operation.memory(), operation.capabilities());
    }

    private View12 view() {
        return new View12(root, operation.running());
    }

    /// @return nothing if it's for L0
    Optional<Resume> exit(ExitReason reason) {
        if (((int) root.vmread(EXIT_REASON) & ExitReason.ENTRY_FAILURE) != 0) {
            return Optional.of(transitions.entryFailed(reason));
        }
        transitions.entered();
        Optional<Resume> done =
                switch (reason) {
                    case EPT_VIOLATION -> eptViolation();
                    case VMFUNC -> vmfunc();
                    // L0's tables are never misconfigured, and it keeps no log.
                    case EPT_MISCONFIGURATION, PAGE_MODIFICATION_LOG_FULL -> FOR_L0;
                    default ->
                            interest.isWanted(reason, view())
                                    ? Optional.of(transitions.exit(reason))
                                    : unwanted(reason);
                };
        if (done.isEmpty() || operation.isInL2()) {
            operation.counters().handled(reason);
        }
        return done;
    }

    private Optional<Resume> unwanted(ExitReason reason) {
        return switch (reason) {
            case VMREAD, VMWRITE -> Optional.of(shadowField(reason == ExitReason.VMWRITE));
            case CONTROL_REGISTER_ACCESS -> hiddenBit();
            default -> FOR_L0;
        };
    }

    // EPT

    private Optional<Resume> eptViolation() {
        View12 view = view();
        if (!view.isSet(SecondaryControl.ENABLE_EPT)) {
            return FOR_L0;
        }
        long access = root.vmread(EXIT_QUALIFICATION);
        Optional<Resume> done = resolve(view, root.vmread(GUEST_PHYSICAL_ADDRESS), access);
        boolean unblocked =
                (access & EptViolationQualification.NMI_UNBLOCKING) != 0
                        && (int) root.vmread(IDT_VECTORING_INFORMATION) >= 0;
        if (operation.isInL2() && unblocked) {
            // IRET is executed again, and so is what it does to NMIs.
            root.vmwrite(
                    GUEST_INTERRUPTIBILITY_STATE,
                    root.vmread(GUEST_INTERRUPTIBILITY_STATE) | Interruptibility.NMI);
        }
        return done;
    }

    private Optional<Resume> resolve(View12 view, long l2Physical, long access) {
        boolean modeBased = view.isSet(SecondaryControl.MODE_BASED_EXECUTE_CONTROL);
        ShadowEpt shadow = operation.shadowEpt();
        return switch (shadow.violation(
                view.read(EPT_POINTER), l2Physical, access, modeBased, page -> log(view, page))) {
            case RESUME -> AGAIN;
            case EMULATE -> FOR_L0;
            case LOG_FULL -> {
                long unblocking = access & EptViolationQualification.NMI_UNBLOCKING;
                yield exitFor(ExitReason.PAGE_MODIFICATION_LOG_FULL, unblocking);
            }
            case MISCONFIGURATION -> exitFor(ExitReason.EPT_MISCONFIGURATION, 0);
            case VIOLATION -> {
                long qualification = shadow.qualification(access, modeBased);
                yield isConvertible(view, shadow.entry())
                        ? virtualizationException(view, l2Physical, qualification)
                        : exitFor(ExitReason.EPT_VIOLATION, qualification);
            }
        };
    }

    private Optional<Resume> exitFor(ExitReason reason, long qualification) {
        root.vmwrite(EXIT_REASON, reason.number());
        root.vmwrite(EXIT_QUALIFICATION, qualification);
        return Optional.of(transitions.exit(reason));
    }

    /// Page-modification logging. SDM Vol. 3C, "Page-Modification Logging".
    ///
    /// @return false if the log is full
    private boolean log(View12 view, long page) {
        if (!view.isSet(SecondaryControl.ENABLE_PML)) {
            return true;
        }
        long index = root.vmread(PML_INDEX);
        if (index >= PML_ENTRIES) {
            return false;
        }
        operation.memory().writePhysical(view.read(PML_ADDRESS) + 8 * index, Long.BYTES, page);
        root.vmwrite(PML_INDEX, index - 1 & 0xFFFF);
        return true;
    }

    /// SDM Vol. 3C, "Convertible EPT Violations".
    private boolean isConvertible(View12 view, long entry) {
        return view.isSet(SecondaryControl.EPT_VIOLATION_VE)
                && (entry & EptEntry.SUPPRESS_VE) == 0
                && (root.vmread(GUEST_CR0) & ControlBits.CR0_PE) != 0
                && (int) root.vmread(IDT_VECTORING_INFORMATION) >= 0
                && operation.memory().readPhysical(area(view) + VirtualizationExceptionArea.BUSY, 4)
                        == 0;
    }

    private static long area(View12 view) {
        return view.read(VIRTUALIZATION_EXCEPTION_ADDRESS);
    }

    private Optional<Resume> virtualizationException(
            View12 view, long l2Physical, long qualification) {
        L1Memory memory = operation.memory();
        long area = area(view);
        memory.writePhysical(
                area + VirtualizationExceptionArea.REASON, 4, ExitReason.EPT_VIOLATION.number());
        memory.writePhysical(area + VirtualizationExceptionArea.BUSY, 4, LOW);
        memory.writePhysical(area + VirtualizationExceptionArea.QUALIFICATION, 8, qualification);
        memory.writePhysical(
                area + VirtualizationExceptionArea.LINEAR_ADDRESS,
                8,
                root.vmread(GUEST_LINEAR_ADDRESS));
        memory.writePhysical(area + VirtualizationExceptionArea.PHYSICAL_ADDRESS, 8, l2Physical);
        memory.writePhysical(
                area + VirtualizationExceptionArea.EPTP_INDEX, 2, view.read(EPTP_INDEX));
        if (Interest.isException(view, Vector.VE, 0)) {
            return Optional.of(exceptionExit(Vector.VE, OptionalLong.empty(), 0));
        }
        root.vmwrite(
                ENTRY_INTERRUPTION_INFORMATION,
                InterruptionInformation.of(InterruptionType.HARDWARE_EXCEPTION, Vector.VE)
                        .toLong());
        return AGAIN;
    }

    /// L1's address for one of L2's that L0 uses on behalf of L2.
    OptionalLong toL1(long l2Physical, boolean write) {
        View12 view = view();
        if (!view.isSet(SecondaryControl.ENABLE_EPT)) {
            return OptionalLong.of(l2Physical);
        }
        long access =
                EptViolationQualification.LINEAR_ADDRESS_VALID
                        | EptViolationQualification.TRANSLATION
                        | (write
                                ? EptViolationQualification.WRITE
                                : EptViolationQualification.READ);
        boolean modeBased = view.isSet(SecondaryControl.MODE_BASED_EXECUTE_CONTROL);
        return switch (operation
                .shadowEpt()
                .violation(
                        view.read(EPT_POINTER),
                        l2Physical,
                        access,
                        modeBased,
                        page -> log(view, page))) {
            case RESUME, EMULATE -> OptionalLong.of(operation.shadowEpt().l1Address());
            case VIOLATION, MISCONFIGURATION, LOG_FULL -> OptionalLong.empty();
        };
    }

    /// L1's address of the last EPT violation that is L0's.
    long l1Address() {
        return view().isSet(SecondaryControl.ENABLE_EPT)
                ? operation.shadowEpt().l1Address()
                : root.vmread(GUEST_PHYSICAL_ADDRESS);
    }

    /// L2 has done, through L0, what L1's tables don't allow.
    Resume refused(long l2Physical, boolean write) {
        long access =
                EptViolationQualification.TRANSLATION
                        | (write
                                ? EptViolationQualification.WRITE
                                : EptViolationQualification.READ);
        root.vmwrite(GUEST_PHYSICAL_ADDRESS, l2Physical);
        return resolve(view(), l2Physical, access).orElse(Resume.SAME_INSTRUCTION);
    }

    // VM functions

    private Optional<Resume> vmfunc() {
        View12 view = view();
        boolean switches =
                (int) root.register(RAX) == 0
                        && view.isSet(VmFunctionControl.EPTP_SWITCHING)
                        && switchEptPointer(view, root.register(RCX) & LOW);
        return switches
                ? Optional.of(Resume.NEXT_INSTRUCTION)
                : Optional.of(transitions.exit(ExitReason.VMFUNC));
    }

    /// SDM Vol. 3C, "EPTP Switching".
    private boolean switchEptPointer(View12 view, long index) {
        if (index >= EPT_POINTERS) {
            return false;
        }
        long pointer =
                operation
                        .memory()
                        .readPhysical(view.read(EPTP_LIST_ADDRESS) + 8 * index, Long.BYTES);
        if (!ExecutionControlRules.isEptPointer(operation.facts(), pointer)) {
            return false;
        }
        operation.running().write(EPT_POINTER, pointer);
        if (view.isSet(SecondaryControl.EPT_VIOLATION_VE)) {
            operation.running().write(EPTP_INDEX, index);
        }
        root.vmwrite(EPT_POINTER, operation.shadowEpt().pointer(pointer));
        return true;
    }

    // L2's own shadow VMCS

    /// VMREAD or VMWRITE of L2 that L1 allows: it reaches the VMCS that L1 has linked.
    private Resume shadowField(boolean write) {
        if (AccessRights.dpl(root.vmread(GUEST_SS_ACCESS_RIGHTS)) != 0) {
            throw GuestException.generalProtection();
        }
        long link = view().read(VMCS_LINK_POINTER);
        if (link == VmcsRegion.NO_POINTER) {
            return flags(RFlags.CF);
        }
        long value = write ? operands.source() : 0;
        long encoding = operands.encoding();
        Optional<VmcsField> field = VmcsField.of(encoding).filter(operation.capabilities()::has);
        if (field.isEmpty()) {
            linked(link, INSTRUCTION_ERROR, VmInstructionError.UNSUPPORTED_COMPONENT.number());
            return flags(RFlags.ZF);
        }
        long old = Vmcs12.readImage(operation.memory(), link, field.get());
        if (!write) {
            operands.destination(VmcsField.isHigh(encoding) ? old >>> 32 : old);
            return flags(0);
        }
        linked(link, field.get(), VmcsField.isHigh(encoding) ? value << 32 | old & LOW : value);
        return flags(0);
    }

    private void linked(long link, VmcsField field, long value) {
        Vmcs12.writeImage(operation.memory(), link, field, value);
    }

    private Resume flags(long set) {
        long flags = root.vmread(GUEST_RFLAGS) & ~RFlags.STATUS;
        root.vmwrite(GUEST_RFLAGS, flags | set);
        return Resume.NEXT_INSTRUCTION;
    }

    // Control registers

    /// L2 may not set bits of CR4 that L1's processor doesn't have. Of CR0 and CR3 L0 has nothing
    /// of its own in VMCS02, so what exits there is L1's.
    private Optional<Resume> hiddenBit() {
        CrQualification access = CrQualification.of(root.vmread(EXIT_QUALIFICATION));
        if (access.register() == 4) {
            throw GuestException.generalProtection();
        }
        assert access.register() == 8 : "neither L0 nor L1 keeps bits of " + access;
        return FOR_L0;
    }

    // Events

    /// An exception of L2 that doesn't come from the processor becomes L1's exit.
    boolean exception(GuestException exception) {
        if (!Interest.isException(view(), exception.vector(), exception.errorCode())) {
            return false;
        }
        boolean protectedMode = (root.vmread(GUEST_CR0) & ControlBits.CR0_PE) != 0;
        OptionalLong code =
                Vector.hasErrorCode(exception.vector()) && protectedMode
                        ? OptionalLong.of(exception.errorCode() & LOW)
                        : OptionalLong.empty();
        exceptionExit(exception.vector(), code, exception.address());
        return true;
    }

    private Resume exceptionExit(int vector, OptionalLong errorCode, long qualification) {
        InterruptionInformation event =
                InterruptionInformation.of(InterruptionType.HARDWARE_EXCEPTION, vector);
        root.vmwrite(
                EXIT_INTERRUPTION_INFORMATION,
                (errorCode.isPresent() ? event.withErrorCode() : event).toLong());
        root.vmwrite(EXIT_INTERRUPTION_ERROR_CODE, errorCode.orElse(0));
        root.vmwrite(EXIT_REASON, ExitReason.EXCEPTION_OR_NMI.number());
        root.vmwrite(EXIT_QUALIFICATION, vector == Vector.PF ? qualification : 0);
        root.vmwrite(GUEST_RFLAGS, root.vmread(GUEST_RFLAGS) | RFlags.RF);
        return transitions.exit(ExitReason.EXCEPTION_OR_NMI);
    }

    /// An exit between two VM entries of the processor. An event that was to be delivered with the
    /// next one counts as interrupted.
    private void eventExit(ExitReason reason, long qualification, long interruption) {
        long pending = root.vmread(ENTRY_INTERRUPTION_INFORMATION);
        boolean interrupted = (int) pending < 0;
        root.vmwrite(IDT_VECTORING_INFORMATION, interrupted ? pending : 0);
        if (interrupted) {
            root.vmwrite(IDT_VECTORING_ERROR_CODE, root.vmread(ENTRY_EXCEPTION_ERROR_CODE));
            root.vmwrite(EXIT_INSTRUCTION_LENGTH, root.vmread(ENTRY_INSTRUCTION_LENGTH));
        }
        root.vmwrite(EXIT_REASON, reason.number());
        root.vmwrite(EXIT_QUALIFICATION, qualification);
        root.vmwrite(EXIT_INTERRUPTION_INFORMATION, interruption);
        transitions.exit(reason);
    }

    boolean asks(PrimaryControl control) {
        return view().isSet(control);
    }

    /// A virtual interrupt for L1.
    Nested.Event interrupt(IntSupplier acknowledge) {
        View12 view = view();
        boolean shutDown = Activity.SHUTDOWN.is(root.vmread(GUEST_ACTIVITY_STATE));
        if (!view.isSet(PinControl.EXTERNAL_INTERRUPT_EXITING) || shutDown) {
            return Nested.Event.FOR_L2;
        }
        if (isLater() || isWindowOpen(view)) {
            return Nested.Event.LATER;
        }
        long interruption =
                view.isSet(ExitControl.ACKNOWLEDGE_INTERRUPT)
                        ? InterruptionInformation.of(
                                        InterruptionType.EXTERNAL_INTERRUPT, acknowledge.getAsInt())
                                .toLong()
                        : 0;
        eventExit(ExitReason.EXTERNAL_INTERRUPT, 0, interruption);
        return Nested.Event.EXITED;
    }

    Nested.Event nonMaskableInterrupt() {
        View12 view = view();
        boolean blocked =
                !view.isSet(PinControl.VIRTUAL_NMIS)
                        && (root.vmread(GUEST_INTERRUPTIBILITY_STATE) & Interruptibility.NMI) != 0;
        if (!view.isSet(PinControl.NMI_EXITING) || blocked) {
            return Nested.Event.FOR_L2;
        }
        if (isLater()) {
            return Nested.Event.LATER;
        }
        eventExit(
                ExitReason.EXCEPTION_OR_NMI,
                0,
                InterruptionInformation.of(InterruptionType.NMI, Vector.NMI).toLong());
        return Nested.Event.EXITED;
    }

    /// The event that L1 injects goes first: the processor is made to exit right behind it.
    private boolean isLater() {
        boolean later = isWaiting() || transitions.isEntryPending();
        if (transitions.isEntryPending()) {
            root.signalInit();
        }
        return later;
    }

    /// The exit of an interrupt window goes before those of interrupts.
    private boolean isWindowOpen(View12 view) {
        return view.isSet(PrimaryControl.INTERRUPT_WINDOW_EXITING)
                && (root.vmread(GUEST_RFLAGS) & RFlags.IF) != 0
                && (root.vmread(GUEST_INTERRUPTIBILITY_STATE) & Interruptibility.FOR_AN_INSTRUCTION)
                        == 0;
    }

    private boolean isWaiting() {
        return Activity.WAIT_FOR_SIPI.is(root.vmread(GUEST_ACTIVITY_STATE));
    }

    boolean init() {
        if (isWaiting()) {
            return false;
        }
        eventExit(ExitReason.INIT_SIGNAL, 0, 0);
        return true;
    }

    boolean startup(int vector) {
        if (!isWaiting()) {
            return false;
        }
        eventExit(ExitReason.STARTUP_IPI, vector, 0);
        return true;
    }
}
