package nestbox.hypervisor;

import nestbox.cpu.VmxRoot;
import nestbox.hypervisor.emulate.Emulated;
import nestbox.hypervisor.emulate.GuestException;
import nestbox.hypervisor.emulate.GuestState;
import nestbox.hypervisor.emulate.InstructionEmulator;
import nestbox.hypervisor.emulate.TaskSwitch;
import nestbox.hypervisor.nested.Nested;
import nestbox.hypervisor.vlapic.VirtualApic;
import nestbox.x86.vmx.CrQualification;
import nestbox.x86.vmx.EptViolationQualification;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.IoQualification;
import nestbox.x86.vmx.VmcsField;

import java.util.Optional;
import java.util.OptionalLong;

/// What L0 does at each VM exit of a vCPU. SDM Vol. 3D, "VMX Basic Exit Reasons".
final class ExitHandlers {
    private static final int RAX = 0;
    private static final int RCX = 1;
    private static final int RDX = 2;
    private static final int RBX = 3;
    private static final long LOW = 0xFFFF_FFFFL;

    private final Vcpu vcpu;
    private final VmxRoot root;
    private final CpuidPolicy cpuid;
    private final Hypercalls hypercalls;
    private final InstructionEmulator emulator;
    private final TaskSwitch taskSwitch;
    private final Optional<InstructionEmulator> nestedEmulator;

    /// @param emulator of instructions of the vCPU
    /// @param taskSwitch of the vCPU; those of its guest are its own affair
    /// @param nestedEmulator of instructions of its guest, if it may have one
    ExitHandlers(
            Vcpu vcpu,
            InstructionEmulator emulator,
            TaskSwitch taskSwitch,
            Optional<InstructionEmulator> nestedEmulator) {
        this.vcpu = vcpu;
        this.emulator = emulator;
        this.taskSwitch = taskSwitch;
        this.nestedEmulator = nestedEmulator;
        root = vcpu.root();
        cpuid = CpuidPolicy.of(vcpu);
        hypercalls = new Hypercalls(vcpu);
    }

    /// @param entryFailed the VM entry before has failed, because of guest state
    Resume handle(ExitReason reason, boolean entryFailed) {
        Optional<Resume> reflected =
                vcpu.nested().filter(Nested::isInL2).flatMap(nested -> nested.exit(reason));
        try {
            return reflected.orElseGet(() -> entryFailed ? stop(reason) : handle(reason));
        } catch (RefusedAccess refused) {
            return vcpu.nested().orElseThrow().refused(refused.address(), refused.isWrite());
        }
    }

    private Resume handle(ExitReason reason) {
        return switch (reason) {
            case CPUID -> cpuid();
            case RDMSR -> readMsr();
            case WRMSR -> writeMsr();
            case CONTROL_REGISTER_ACCESS -> controlRegister();
            case IO_INSTRUCTION -> portIo();
            case EPT_VIOLATION -> eptViolation();
            case XSETBV -> xsetbv();
            case VMCALL -> hypercalls.call();
            case EXTERNAL_INTERRUPT -> externalInterrupt();
            case EXCEPTION_OR_NMI -> nmi(reason);
            // What came is injected with the next VM entry.
            case INIT_SIGNAL, INTERRUPT_WINDOW, NMI_WINDOW -> Resume.SAME_INSTRUCTION;
            case INVD, WBINVD -> Resume.NEXT_INSTRUCTION;
            case HLT -> Resume.BLOCK;
            case TASK_SWITCH -> taskSwitch();
            case TRIPLE_FAULT -> tripleFault();
            case VMCLEAR,
                    VMLAUNCH,
                    VMPTRLD,
                    VMPTRST,
                    VMREAD,
                    VMRESUME,
                    VMWRITE,
                    VMXOFF,
                    VMXON,
                    INVEPT,
                    INVVPID ->
                    vmxInstruction(reason);
            case GETSEC, VMFUNC, ENCLS, ENCLV, PCONFIG, SEAMCALL, TDCALL ->
                    throw GuestException.undefined();
            case STARTUP_IPI,
                    IO_SMI,
                    OTHER_SMI,
                    INVLPG,
                    RDPMC,
                    RDTSC,
                    RSM,
                    MOV_DR,
                    INVALID_GUEST_STATE,
                    MSR_LOADING,
                    MWAIT,
                    MONITOR_TRAP,
                    MONITOR,
                    PAUSE,
                    MACHINE_CHECK_ON_ENTRY,
                    TPR_BELOW_THRESHOLD,
                    APIC_ACCESS,
                    VIRTUALIZED_EOI,
                    GDTR_IDTR_ACCESS,
                    LDTR_TR_ACCESS,
                    EPT_MISCONFIGURATION,
                    RDTSCP,
                    PREEMPTION_TIMER_EXPIRED,
                    APIC_WRITE,
                    RDRAND,
                    INVPCID,
                    RDSEED,
                    PAGE_MODIFICATION_LOG_FULL,
                    XSAVES,
                    XRSTORS,
                    SPP_EVENT,
                    UMWAIT,
                    TPAUSE,
                    LOADIWKEY,
                    ENQCMD_TRANSLATION_FAILURE,
                    ENQCMDS_TRANSLATION_FAILURE,
                    BUS_LOCK,
                    INSTRUCTION_TIMEOUT_EXPIRED,
                    RDMSRLIST,
                    WRMSRLIST ->
                    stop(reason);
        };
    }

    /// An exit that L0 didn't ask for, or can't do anything about.
    private Resume stop(ExitReason reason) {
        vcpu.vm()
                .fail(
                        "vCPU %d stopped at RIP 0x%X: %s (exit qualification 0x%X)%s"
                                .formatted(
                                        vcpu.id(),
                                        root.vmread(VmcsField.GUEST_RIP),
                                        reason.title(),
                                        root.vmread(VmcsField.EXIT_QUALIFICATION),
                                        root.entryFailure().map(why -> ": " + why).orElse("")));
        return Resume.STOP;
    }

    private Resume tripleFault() {
        vcpu.vm()
                .fail(
                        "Triple fault of vCPU %d at RIP 0x%X"
                                .formatted(vcpu.id(), root.vmread(VmcsField.GUEST_RIP)));
        return Resume.STOP;
    }

    /// The processor has taken it already.
    private Resume externalInterrupt() {
        vcpu.virtualApic().ifPresent(EmulatedApic::dropPhysical);
        return Resume.SAME_INSTRUCTION;
    }

    /// NMIs exit for vCPUs with a virtual local APIC; exceptions don't.
    private Resume nmi(ExitReason reason) {
        if (vcpu.virtualApic().isEmpty()) {
            return stop(reason);
        }
        vcpu.signalNmi();
        return Resume.SAME_INSTRUCTION;
    }

    private Resume vmxInstruction(ExitReason reason) {
        return vcpu.nested().orElseThrow(GuestException::undefined).instruction(reason);
    }

    // Registers

    private long pair() {
        return root.register(RDX) << 32 | root.register(RAX) & LOW;
    }

    private Resume cpuid() {
        int[] answer = cpuid.answer(root, (int) root.register(RAX), (int) root.register(RCX));
        root.register(RAX, answer[0] & LOW);
        root.register(RBX, answer[1] & LOW);
        root.register(RCX, answer[2] & LOW);
        root.register(RDX, answer[3] & LOW);
        return Resume.NEXT_INSTRUCTION;
    }

    private Resume readMsr() {
        OptionalLong value = vcpu.msrs().read((int) root.register(RCX));
        if (value.isEmpty()) {
            throw GuestException.generalProtection();
        }
        root.register(RAX, value.getAsLong() & LOW);
        root.register(RDX, value.getAsLong() >>> 32);
        return Resume.NEXT_INSTRUCTION;
    }

    private Resume writeMsr() {
        if (!vcpu.msrs().write((int) root.register(RCX), pair())) {
            throw GuestException.generalProtection();
        }
        return Resume.NEXT_INSTRUCTION;
    }

    private Resume xsetbv() {
        if ((root.register(RCX) & LOW) != 0 || !root.xcr0(pair())) {
            throw GuestException.generalProtection();
        }
        return Resume.NEXT_INSTRUCTION;
    }

    private Resume controlRegister() {
        CrQualification exit = CrQualification.of(root.vmread(VmcsField.EXIT_QUALIFICATION));
        if (exit.register() == 8) {
            taskPriority(exit);
            return Resume.NEXT_INSTRUCTION;
        }
        boolean mayLeaveVmx = vcpu.nested().filter(Nested::isOperating).isEmpty();
        vcpu.controlRegisters().access(exit, mayLeaveVmx);
        return Resume.NEXT_INSTRUCTION;
    }

    private void taskPriority(CrQualification exit) {
        VirtualApic apic = vcpu.virtualApic().orElseThrow().device();
        GuestState guest = new GuestState(root);
        if (exit.access() == CrQualification.Access.MOV_FROM_CR) {
            guest.register(exit.generalRegister(), apic.taskPriority());
            return;
        }
        long value = guest.register(exit.generalRegister());
        if (value >>> 4 != 0) {
            throw GuestException.generalProtection();
        }
        apic.taskPriority((int) value);
    }

    private Resume taskSwitch() {
        long debug = taskSwitch.run();
        if (debug != 0) {
            vcpu.events().debugTrap(debug);
        }
        return Resume.NEW_TASK;
    }

    // Devices

    private Resume portIo() {
        IoQualification exit = IoQualification.of(root.vmread(VmcsField.EXIT_QUALIFICATION));
        if (exit.string()) {
            return finish(ExitReason.IO_INSTRUCTION, emulator().emulatePortString(vcpu.ports()));
        }
        long rax = root.register(RAX);
        long mask = exit.bytes() == Integer.BYTES ? LOW : (1L << 8 * exit.bytes()) - 1;
        if (exit.input()) {
            long value = vcpu.ports().read(exit.port(), exit.bytes()) & mask;
            long kept = exit.bytes() == Integer.BYTES ? 0 : rax & ~mask;
            root.register(RAX, kept | value);
        } else {
            vcpu.ports().write(exit.port(), exit.bytes(), (int) (rax & mask));
        }
        return Resume.NEXT_INSTRUCTION;
    }

    /// An access to what L0 emulates, or to nothing at all.
    private Resume eptViolation() {
        if ((int) root.vmread(VmcsField.IDT_VECTORING_INFORMATION) < 0) {
            // An event's stack or descriptor table lies in a device: there is no instruction to
            // carry out, and the delivery would exit for ever.
            return stop(ExitReason.EPT_VIOLATION);
        }
        EptViolationQualification exit =
                EptViolationQualification.of(root.vmread(VmcsField.EXIT_QUALIFICATION));
        if (exit.isFetch() && vcpu.forwarding().isPresent()) {
            // A device model has no instructions to execute.
            return stop(ExitReason.EPT_VIOLATION);
        }
        return finish(ExitReason.EPT_VIOLATION, emulator().emulate());
    }

    /// For the guest whose VMCS is current: an instruction's other operands may be anywhere.
    private InstructionEmulator emulator() {
        return vcpu.isInL2() ? nestedEmulator.orElseThrow() : emulator;
    }

    private Resume finish(ExitReason reason, Emulated result) {
        return switch (result) {
            case Emulated.Completed(int length) -> {
                root.vmwrite(VmcsField.EXIT_INSTRUCTION_LENGTH, length);
                yield Resume.NEXT_INSTRUCTION;
            }
            case Emulated.Interrupted() -> Resume.SAME_INSTRUCTION;
            case Emulated.Unsupported(String instruction) -> {
                vcpu.vm()
                        .fail(
                                "vCPU %d stopped at RIP 0x%X: %s, and L0 doesn't emulate %s"
                                        .formatted(
                                                vcpu.id(),
                                                root.vmread(VmcsField.GUEST_RIP),
                                                reason.title(),
                                                instruction));
                yield Resume.STOP;
            }
        };
    }
}
