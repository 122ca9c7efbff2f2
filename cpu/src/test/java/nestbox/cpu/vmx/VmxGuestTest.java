package nestbox.cpu.vmx;

import static nestbox.x86.vmx.VmcsField.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.core.Cpu;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.CrQualification;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.InstructionInformation;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.IoQualification;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

import org.junit.jupiter.api.Test;

import java.util.List;

/// Instructions and events of a guest in VMX non-root operation.
class VmxGuestTest {
    private static final String VMCALL = "0F 01 C1";

    private static void exits(VmxMachine machine, ExitReason reason, long rip, int length) {
        assertThat(machine.cpu.vmx.isNonRoot()).isFalse();
        assertThat(machine.exitReason())
                .as(machine.cpu.vmx.failures.standing().toString())
                .contains(reason);
        assertThat(machine.get(EXIT_REASON)).isEqualTo(reason.number());
        assertThat(machine.get(GUEST_RIP)).isEqualTo(rip);
        assertThat(machine.get(EXIT_INSTRUCTION_LENGTH)).isEqualTo(length);
        assertThat(machine.cpu.rip()).isEqualTo(VmxMachine.HOST_EXIT + 1);
    }

    /// A guest that runs up to an instruction which exits.
    private static VmxMachine exit(ExitReason reason, String code, VmxControl... controls) {
        VmxMachine machine = VmxMachine.guest(code).on(controls).launch();
        exits(machine, reason, VmxMachine.GUEST_CODE, code.replace(" ", "").length() / 2);
        return machine;
    }

    /// With some controls the guest exits at its first instruction, without them at the VMCALL
    /// behind it.
    private static void depends(ExitReason reason, String code, VmxControl... controls) {
        exit(reason, code, controls).close();
        try (VmxMachine machine = VmxMachine.guest(code + VMCALL)) {
            machine.set(GUEST_CR4, machine.get(GUEST_CR4) | ControlBits.CR4_OSXSAVE).launch();
            long next = VmxMachine.GUEST_CODE + code.replace(" ", "").length() / 2;
            exits(machine, ExitReason.VMCALL, next, 3);
        }
    }

    @Test
    void someInstructionsAlwaysExit() {
        exit(ExitReason.CPUID, "0F A2").close();
        exit(ExitReason.INVD, "0F 08").close();
        exit(ExitReason.VMCALL, VMCALL).close();
        exit(ExitReason.VMCLEAR, "66 0F C7 30").close();
        exit(ExitReason.VMLAUNCH, "0F 01 C2").close();
        exit(ExitReason.VMPTRLD, "0F C7 30").close();
        exit(ExitReason.VMPTRST, "0F C7 38").close();
        exit(ExitReason.VMREAD, "0F 78 C3").close();
        exit(ExitReason.VMRESUME, "0F 01 C3").close();
        exit(ExitReason.VMWRITE, "0F 79 C3").close();
        exit(ExitReason.VMXOFF, "0F 01 C4").close();
        exit(ExitReason.VMXON, "F3 0F C7 30").close();
        exit(ExitReason.INVEPT, "66 0F 38 80 08").close();
        exit(ExitReason.INVVPID, "66 0F 38 81 08").close();
    }

    @Test
    void othersExitWhenTheirControlIsSet() {
        depends(ExitReason.INVLPG, "0F 01 38", PrimaryControl.INVLPG_EXITING);
        depends(ExitReason.RDTSC, "0F 31", PrimaryControl.RDTSC_EXITING);
        depends(ExitReason.MONITOR, "0F 01 C8", PrimaryControl.MONITOR_EXITING);
        depends(ExitReason.PAUSE, "F3 90", PrimaryControl.PAUSE_EXITING);
        depends(ExitReason.WBINVD, "0F 09", SecondaryControl.WBINVD_EXITING);
        depends(ExitReason.RDRAND, "0F C7 F0", SecondaryControl.RDRAND_EXITING);
        depends(ExitReason.RDSEED, "0F C7 F8", SecondaryControl.RDSEED_EXITING);
        depends(
                ExitReason.GDTR_IDTR_ACCESS,
                "0F 01 04 25 00 20 02 00",
                SecondaryControl.DESCRIPTOR_TABLE_EXITING);
        depends(ExitReason.LDTR_TR_ACCESS, "0F 00 C8", SecondaryControl.DESCRIPTOR_TABLE_EXITING);
        depends(ExitReason.MOV_DR, "0F 21 F0", PrimaryControl.MOV_DR_EXITING);
        depends(ExitReason.IO_INSTRUCTION, "E6 80", PrimaryControl.UNCONDITIONAL_IO_EXITING);
        depends(ExitReason.CONTROL_REGISTER_ACCESS, "0F 20 D8", PrimaryControl.CR3_STORE_EXITING);
        exit(ExitReason.RDPMC, "0F 33", PrimaryControl.RDPMC_EXITING).close();
        exit(ExitReason.HLT, "F4", PrimaryControl.HLT_EXITING).close();
        exit(ExitReason.MWAIT, "0F 01 C9", PrimaryControl.MWAIT_EXITING).close();
        exit(
                        ExitReason.RDTSCP,
                        "0F 01 F9",
                        SecondaryControl.ENABLE_RDTSCP,
                        PrimaryControl.RDTSC_EXITING)
                .close();
    }

    @Test
    void userWaitsNeedTheirControl() {
        SecondaryControl enabled = SecondaryControl.ENABLE_USER_WAIT_AND_PAUSE;
        // umonitor rbx; umwait ecx; tpause ecx
        for (String code : List.of("F3 0F AE F3", "F2 0F AE F1", "66 0F AE F1")) {
            try (VmxMachine machine = VmxMachine.guest(code + VMCALL)) {
                machine.set(EXCEPTION_BITMAP, -1).launch();
                assertThat(machine.exitReason()).contains(ExitReason.EXCEPTION_OR_NMI);
                assertThat(machine.get(EXIT_INTERRUPTION_INFORMATION) & 0xFF).isEqualTo(6);
            }
            try (VmxMachine machine = VmxMachine.guest(code + VMCALL).on(enabled)) {
                machine.cpu.set64(Cpu.RBX, VmxMachine.GUEST_DATA);
                // The time to wait for is over.
                machine.cpu.set64(Cpu.RAX, 0);
                machine.cpu.set64(Cpu.RDX, 0);
                machine.launch();
                exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_CODE + 4, 3);
            }
        }
        exit(ExitReason.UMWAIT, "F2 0F AE F1", enabled, PrimaryControl.RDTSC_EXITING).close();
        exit(ExitReason.TPAUSE, "66 0F AE F1", enabled, PrimaryControl.RDTSC_EXITING).close();
    }

    @Test
    void aTimedPauseEndsAtItsTime() {
        try (VmxMachine machine =
                VmxMachine.guest("66 0F AE F1" + VMCALL)
                        .on(SecondaryControl.ENABLE_USER_WAIT_AND_PAUSE)) {
            long end = machine.cpu.tsc.now() + 1_000_000;
            machine.cpu.set64(Cpu.RAX, end);
            machine.cpu.set64(Cpu.RDX, 0);
            machine.launch();
            assertThat(machine.cpu.vmx.isNonRoot()).isTrue();
            assertThat(machine.cpu.activity).isEqualTo(Activity.HLT);
            machine.clock.advanceTo(machine.clock.nextDeadline());
            assertThat(machine.cpu.activity).isEqualTo(Activity.ACTIVE);
            assertThat(machine.cpu.tsc.now()).isBetween(end, end + 10);
            machine.processors.turn();
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_CODE + 4, 3);
        }
    }

    @Test
    void getsecExitsWhereItIsDefined() {
        try (VmxMachine machine = VmxMachine.guest("0F 37" + VMCALL)) {
            machine.set(EXCEPTION_BITMAP, -1).launch();
            assertThat(machine.exitReason()).contains(ExitReason.EXCEPTION_OR_NMI);
        }
        try (VmxMachine machine = VmxMachine.guest("0F 37" + VMCALL)) {
            machine.set(GUEST_CR4, machine.get(GUEST_CR4) | ControlBits.CR4_SMXE).launch();
            exits(machine, ExitReason.GETSEC, VmxMachine.GUEST_CODE, 2);
        }
    }

    @Test
    void aSplitLockExitsBehindTheInstruction() {
        // lock inc qword ptr [rbx]
        for (int offset : new int[] {56, 57, 63}) {
            try (VmxMachine machine =
                    VmxMachine.guest("F0 48 FF 03" + VMCALL)
                            .on(SecondaryControl.VMM_BUS_LOCK_DETECTION)) {
                machine.cpu.set64(Cpu.RBX, VmxMachine.GUEST_DATA + offset);
                machine.memory.writeLong(VmxMachine.GUEST_DATA + offset, 7);
                machine.launch();
                boolean split = offset > 56;
                assertThat(machine.get(EXIT_REASON))
                        .isEqualTo(split ? 1 << 26 | 74 : ExitReason.VMCALL.number());
                assertThat(machine.get(GUEST_RIP)).isEqualTo(VmxMachine.GUEST_CODE + 4);
                assertThat(machine.memory.readLong(VmxMachine.GUEST_DATA + offset)).isEqualTo(8);
            }
        }
    }

    @Test
    void theGuestGoesOnWhereTheHostSays() {
        try (VmxMachine machine = VmxMachine.guest(VMCALL + "48 FF C0" + VMCALL)) {
            machine.launch();
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_CODE, 3);
            long before = machine.cpu.get64(Cpu.RAX);
            machine.set(GUEST_RIP, VmxMachine.GUEST_CODE + 3).resume();
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_CODE + 6, 3);
            assertThat(machine.cpu.get64(Cpu.RAX)).isEqualTo(before + 1);
        }
    }

    @Test
    void hostStateIsLoaded() {
        try (VmxMachine machine = VmxMachine.guest("48 BC 88 77 66 55 44 33 22 11" + VMCALL)) {
            machine.set(HOST_FS_BASE, 0x1234).set(HOST_TR_BASE, 0x5678).launch();
            assertThat(machine.get(GUEST_RSP)).isEqualTo(0x1122_3344_5566_7788L);
            assertThat(machine.cpu.get64(Cpu.RSP)).isEqualTo(VmxMachine.HOST_STACK);
            assertThat(machine.cpu.segments[4].base).isEqualTo(0x1234);
            assertThat(machine.cpu.segments[4].isUsable()).isFalse();
            assertThat(machine.cpu.tr.base).isEqualTo(0x5678);
            assertThat(machine.cpu.ldtr.isUsable()).isFalse();
            assertThat(machine.cpu.isLongMode64()).isTrue();
            assertThat(machine.cpu.rflags()).isEqualTo(2);
            assertThat(machine.get(GUEST_CS_ACCESS_RIGHTS)).isEqualTo(0xA09B);
            assertThat(machine.get(GUEST_LDTR_ACCESS_RIGHTS)).isEqualTo(0x1_0000);
        }
    }

    @Test
    void masksAndShadowsSplitCr0() {
        // mov rbx, cr0; mov cr0, rcx
        try (VmxMachine machine = VmxMachine.guest("0F 20 C3 0F 22 C1" + VMCALL)) {
            machine.set(CR0_GUEST_HOST_MASK, ControlBits.CR0_TS | ControlBits.CR0_NE);
            machine.set(CR0_READ_SHADOW, ControlBits.CR0_TS);
            long cr0 = machine.get(GUEST_CR0);
            long seen = cr0 & ~ControlBits.CR0_NE | ControlBits.CR0_TS;
            machine.cpu.set64(Cpu.RCX, seen | ControlBits.CR0_AM);
            machine.launch();
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_CODE + 6, 3);
            assertThat(machine.cpu.get64(Cpu.RBX)).isEqualTo(seen);
            assertThat(machine.get(GUEST_CR0)).isEqualTo(cr0 | ControlBits.CR0_AM);
            machine.cpu.set64(Cpu.RCX, seen & ~ControlBits.CR0_TS);
            machine.set(GUEST_RIP, VmxMachine.GUEST_CODE + 3).resume();
            exits(machine, ExitReason.CONTROL_REGISTER_ACCESS, VmxMachine.GUEST_CODE + 3, 3);
            assertThat(CrQualification.of(machine.get(EXIT_QUALIFICATION)))
                    .isEqualTo(CrQualification.ofMove(0, CrQualification.Access.MOV_TO_CR, 1));
        }
    }

    @Test
    void clearingATaskSwitchedFlagOfTheHostExitsOnlyIfTheGuestSeesIt() {
        try (VmxMachine machine = VmxMachine.guest("0F 06" + VMCALL)) {
            machine.set(GUEST_CR0, machine.get(GUEST_CR0) | ControlBits.CR0_TS);
            machine.set(CR0_GUEST_HOST_MASK, ControlBits.CR0_TS).launch();
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_CODE + 2, 3);
            assertThat(machine.get(GUEST_CR0) & ControlBits.CR0_TS).isNotZero();
            machine.set(CR0_READ_SHADOW, ControlBits.CR0_TS);
            machine.set(GUEST_RIP, VmxMachine.GUEST_CODE).resume();
            exits(machine, ExitReason.CONTROL_REGISTER_ACCESS, VmxMachine.GUEST_CODE, 2);
        }
    }

    @Test
    void cr3TargetsDoNotExit() {
        // mov rax, cr3 ; mov cr3, rax
        try (VmxMachine machine = VmxMachine.guest("0F 20 D8 0F 22 D8" + VMCALL)) {
            machine.on(PrimaryControl.CR3_LOAD_EXITING);
            machine.set(CR3_TARGET_COUNT, 2).set(CR3_TARGET_VALUE_1, VmxMachine.PAGE_TABLES);
            machine.launch();
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_CODE + 6, 3);
            machine.set(CR3_TARGET_COUNT, 1).set(GUEST_RIP, VmxMachine.GUEST_CODE).resume();
            exits(machine, ExitReason.CONTROL_REGISTER_ACCESS, VmxMachine.GUEST_CODE + 3, 3);
        }
    }

    @Test
    void portsExitByBitmap() {
        try (VmxMachine machine = VmxMachine.guest("E6 80 66 E5 7F" + VMCALL)) {
            machine.on(PrimaryControl.USE_IO_BITMAPS);
            machine.set(IO_BITMAP_A, VmxMachine.IO_BITMAPS)
                    .set(IO_BITMAP_B, VmxMachine.IO_BITMAPS + 0x1000);
            machine.memory.writeByte(VmxMachine.IO_BITMAPS + 0x10, 1);
            machine.launch();
            exits(machine, ExitReason.IO_INSTRUCTION, VmxMachine.GUEST_CODE, 2);
            assertThat(IoQualification.of(machine.get(EXIT_QUALIFICATION)))
                    .isEqualTo(new IoQualification(1, false, false, false, true, 0x80));
            // A word at 7FH reaches 80H.
            machine.set(GUEST_RIP, VmxMachine.GUEST_CODE + 2).resume();
            exits(machine, ExitReason.IO_INSTRUCTION, VmxMachine.GUEST_CODE + 2, 3);
            machine.memory.writeByte(VmxMachine.IO_BITMAPS + 0x10, 0);
            machine.set(GUEST_RIP, VmxMachine.GUEST_CODE).resume();
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_CODE + 5, 3);
        }
    }

    @Test
    void stringIoTellsAddressAndForm() {
        // mov edx, 80h; mov edi, data; mov ecx, 2; rep insw
        try (VmxMachine machine =
                VmxMachine.guest("BA 80 00 00 00 BF 00 20 02 00 B9 02 00 00 00 F3 66 6D")) {
            machine.on(PrimaryControl.UNCONDITIONAL_IO_EXITING).launch();
            exits(machine, ExitReason.IO_INSTRUCTION, VmxMachine.GUEST_CODE + 15, 3);
            assertThat(IoQualification.of(machine.get(EXIT_QUALIFICATION)))
                    .isEqualTo(new IoQualification(2, true, true, true, false, 0x80));
            assertThat(machine.get(GUEST_LINEAR_ADDRESS)).isEqualTo(VmxMachine.GUEST_DATA);
            InstructionInformation form =
                    InstructionInformation.of(machine.get(EXIT_INSTRUCTION_INFORMATION));
            assertThat(form.addressSize()).isEqualTo(2);
        }
    }

    @Test
    void registersExitByBitmap() {
        // mov ecx, IA32_LSTAR; rdmsr; wrmsr
        try (VmxMachine machine = VmxMachine.guest("B9 82 00 00 C0 0F 32 0F 30" + VMCALL)) {
            machine.launch();
            exits(machine, ExitReason.RDMSR, VmxMachine.GUEST_CODE + 5, 2);
            machine.on(PrimaryControl.USE_MSR_BITMAPS).set(MSR_BITMAPS, VmxMachine.MSR_BITMAP);
            machine.memory.writeByte(VmxMachine.MSR_BITMAP + 0xC00 + 0x10, 4);
            machine.resume();
            exits(machine, ExitReason.WRMSR, VmxMachine.GUEST_CODE + 7, 2);
            machine.memory.writeByte(VmxMachine.MSR_BITMAP + 0xC00 + 0x10, 0);
            machine.resume();
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_CODE + 9, 3);
        }
    }

    @Test
    void theTimeStampCounterIsScaledAndOffset() {
        try (VmxMachine machine = VmxMachine.guest("0F 31" + VMCALL)) {
            machine.on(PrimaryControl.USE_TSC_OFFSETTING, SecondaryControl.USE_TSC_SCALING);
            machine.set(TSC_OFFSET, 0x10_0000_0000L).set(TSC_MULTIPLIER, 3L << 47).launch();
            long seen = machine.cpu.get64(Cpu.RDX) << 32 | machine.cpu.get64(Cpu.RAX);
            long real = machine.cpu.tsc.now();
            assertThat(seen - 0x10_0000_0000L)
                    .isLessThanOrEqualTo(real * 3 / 2 + 2)
                    .isNotNegative();
            assertThat(seen).isGreaterThanOrEqualTo(0x10_0000_0000L);
        }
    }

    @Test
    void exceptionsExitByBitmap() {
        // ud2
        try (VmxMachine machine = VmxMachine.guest("0F 0B")) {
            machine.set(EXCEPTION_BITMAP, 1 << 6).launch();
            assertThat(machine.exitReason()).contains(ExitReason.EXCEPTION_OR_NMI);
            assertThat(InterruptionInformation.of(machine.get(EXIT_INTERRUPTION_INFORMATION)))
                    .isEqualTo(InterruptionInformation.of(InterruptionType.HARDWARE_EXCEPTION, 6));
            assertThat(machine.get(GUEST_RIP)).isEqualTo(VmxMachine.GUEST_CODE);
            assertThat(machine.get(IDT_VECTORING_INFORMATION)).isZero();
            // RF is as a fault would have pushed it.
            assertThat(machine.get(GUEST_RFLAGS)).isEqualTo(0x1_0002);
        }
    }

    @Test
    void softwareExceptionsTellTheirLength() {
        try (VmxMachine machine = VmxMachine.guest("CC")) {
            machine.set(EXCEPTION_BITMAP, 1 << 3).launch();
            exits(machine, ExitReason.EXCEPTION_OR_NMI, VmxMachine.GUEST_CODE, 1);
            assertThat(InterruptionInformation.of(machine.get(EXIT_INTERRUPTION_INFORMATION)))
                    .isEqualTo(InterruptionInformation.of(InterruptionType.SOFTWARE_EXCEPTION, 3));
        }
    }

    /// mov [0x4000_0000_0000], al is a page fault: write, not present.
    private static final String PAGE_FAULT = "48 B9 00 00 00 00 00 40 00 00 88 01";

    @Test
    void pageFaultsExitByMaskAndMatch() {
        try (VmxMachine machine = VmxMachine.guest(PAGE_FAULT)) {
            machine.set(EXCEPTION_BITMAP, 1 << 14);
            machine.set(PAGE_FAULT_ERROR_CODE_MASK, 3).set(PAGE_FAULT_ERROR_CODE_MATCH, 2);
            machine.launch();
            assertThat(machine.exitReason()).contains(ExitReason.EXCEPTION_OR_NMI);
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(0x4000_0000_0000L);
            assertThat(machine.get(EXIT_INTERRUPTION_ERROR_CODE)).isEqualTo(2);
            assertThat(machine.get(EXIT_INTERRUPTION_INFORMATION)).isEqualTo(0x8000_0B0EL);
            assertThat(machine.cpu.cr2).isZero();
            // Without a match the bit means the opposite: the fault is delivered, and there is no
            // gate, so it becomes a double fault and a triple fault.
            machine.set(PAGE_FAULT_ERROR_CODE_MATCH, 3).resume();
            assertThat(machine.exitReason()).contains(ExitReason.TRIPLE_FAULT);
        }
    }

    @Test
    void anExceptionDuringDeliveryTellsWhatWasDelivered() {
        // int 0x40, whose gate isn't present
        try (VmxMachine machine = VmxMachine.guest("CD 40")) {
            machine.set(EXCEPTION_BITMAP, 1 << 13).set(GUEST_IDTR_LIMIT, 0x100).launch();
            exits(machine, ExitReason.EXCEPTION_OR_NMI, VmxMachine.GUEST_CODE, 2);
            assertThat(machine.get(EXIT_INTERRUPTION_INFORMATION)).isEqualTo(0x8000_0B0DL);
            assertThat(machine.get(EXIT_INTERRUPTION_ERROR_CODE)).isEqualTo(0x40 * 8 + 2);
            assertThat(InterruptionInformation.of(machine.get(IDT_VECTORING_INFORMATION)))
                    .isEqualTo(
                            InterruptionInformation.of(InterruptionType.SOFTWARE_INTERRUPT, 0x40));
        }
    }

    @Test
    void aDoubleFaultThatExitsInterruptsNothing() {
        try (VmxMachine machine = VmxMachine.guest(PAGE_FAULT)) {
            machine.set(EXCEPTION_BITMAP, 1 << 8).set(GUEST_IDTR_LIMIT, 0).launch();
            assertThat(machine.get(EXIT_INTERRUPTION_INFORMATION)).isEqualTo(0x8000_0B08L);
            assertThat(machine.get(IDT_VECTORING_INFORMATION)).isZero();
        }
    }

    @Test
    void aSecondFaultThatExitsMakesNoDoubleFault() {
        try (VmxMachine machine = VmxMachine.guest(PAGE_FAULT)) {
            machine.set(EXCEPTION_BITMAP, 1 << 8 | 1 << 13).set(GUEST_IDTR_LIMIT, 0).launch();
            assertThat(machine.get(EXIT_INTERRUPTION_INFORMATION)).isEqualTo(0x8000_0B0DL);
            assertThat(machine.get(IDT_VECTORING_INFORMATION)).isEqualTo(0x8000_0B0EL);
        }
    }

    @Test
    void aFaultBehindADoubleFaultThatExitsMakesNoTripleFault() {
        InterruptionInformation event =
                InterruptionInformation.of(InterruptionType.HARDWARE_EXCEPTION, 8).withErrorCode();
        try (VmxMachine machine = injecting(event)) {
            machine.set(EXCEPTION_BITMAP, 1 << 13).set(GUEST_IDTR_LIMIT, 0).launch();
            assertThat(machine.get(EXIT_INTERRUPTION_INFORMATION)).isEqualTo(0x8000_0B0DL);
            assertThat(machine.get(IDT_VECTORING_INFORMATION)).isEqualTo(0x8000_0B08L);
        }
    }

    private static VmxMachine injecting(InterruptionInformation event) {
        VmxMachine machine = VmxMachine.guest("90 90").gate(event.vector());
        machine.write(VmxMachine.GUEST_HANDLER, VMCALL);
        return machine.set(ENTRY_INTERRUPTION_INFORMATION, event.toLong());
    }

    @Test
    void eventsAreInjected() {
        InterruptionInformation event =
                InterruptionInformation.of(InterruptionType.EXTERNAL_INTERRUPT, 0x50);
        try (VmxMachine machine = injecting(event).set(GUEST_RFLAGS, 0x202).launch()) {
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_HANDLER, 3);
            long stack = machine.get(GUEST_RSP);
            assertThat(machine.memory.readLong(stack)).isEqualTo(VmxMachine.GUEST_CODE);
            assertThat(machine.memory.readLong(stack + 16)).isEqualTo(0x202);
            // The field is not valid any more.
            assertThat(machine.get(ENTRY_INTERRUPTION_INFORMATION)).isEqualTo(0x50);
        }
    }

    @Test
    void injectedExceptionsBringTheirErrorCodeAndIgnoreTheBitmap() {
        InterruptionInformation event =
                InterruptionInformation.of(InterruptionType.HARDWARE_EXCEPTION, 14).withErrorCode();
        try (VmxMachine machine = injecting(event)) {
            machine.set(ENTRY_EXCEPTION_ERROR_CODE, 6).set(EXCEPTION_BITMAP, -1);
            machine.cpu.cr2 = 0x1234;
            machine.launch();
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_HANDLER, 3);
            assertThat(machine.memory.readLong(machine.get(GUEST_RSP))).isEqualTo(6);
            assertThat(machine.cpu.cr2).isEqualTo(0x1234);
        }
    }

    @Test
    void injectedSoftwareInterruptsReturnBehindTheirInstruction() {
        InterruptionInformation event =
                InterruptionInformation.of(InterruptionType.SOFTWARE_INTERRUPT, 0x60);
        try (VmxMachine machine = injecting(event).set(ENTRY_INSTRUCTION_LENGTH, 2).launch()) {
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_HANDLER, 3);
            assertThat(machine.memory.readLong(machine.get(GUEST_RSP)))
                    .isEqualTo(VmxMachine.GUEST_CODE + 2);
        }
    }

    @Test
    void aFaultOfAnInjectionTellsTheInjectedEvent() {
        InterruptionInformation event =
                InterruptionInformation.of(InterruptionType.EXTERNAL_INTERRUPT, 0x50);
        try (VmxMachine machine = injecting(event).set(GUEST_RFLAGS, 0x202)) {
            machine.set(GUEST_IDTR_LIMIT, 0x80).set(EXCEPTION_BITMAP, 1 << 13).launch();
            assertThat(machine.get(EXIT_INTERRUPTION_INFORMATION)).isEqualTo(0x8000_0B0DL);
            assertThat(machine.get(EXIT_INTERRUPTION_ERROR_CODE)).isEqualTo(0x50 * 8 + 3);
            assertThat(machine.get(IDT_VECTORING_INFORMATION)).isEqualTo(0x8000_0050L);
            assertThat(machine.get(GUEST_RIP)).isEqualTo(VmxMachine.GUEST_CODE);
        }
    }

    @Test
    void anInterruptWindowOpensBehindSti() {
        // sti; nop; nop
        try (VmxMachine machine = VmxMachine.guest("FB 90 90")) {
            machine.on(PrimaryControl.INTERRUPT_WINDOW_EXITING).launch();
            exits(machine, ExitReason.INTERRUPT_WINDOW, VmxMachine.GUEST_CODE + 2, 0);
        }
    }

    @Test
    void anInstructionBehindStiExitsWithTheBlockingInForce() {
        try (VmxMachine machine = VmxMachine.guest("FB F4")) {
            machine.on(PrimaryControl.HLT_EXITING).launch();
            exits(machine, ExitReason.HLT, VmxMachine.GUEST_CODE + 1, 1);
            assertThat(machine.get(GUEST_INTERRUPTIBILITY_STATE)).isEqualTo(1);
        }
    }

    @Test
    void anNmiWindowOpensWithIret() {
        // iretq to the next instruction, from a stack made for it
        try (VmxMachine machine = VmxMachine.guest("48 CF 90")) {
            long stack = VmxMachine.GUEST_STACK - 40;
            long[] frame = {VmxMachine.GUEST_CODE + 2, 8, 2, VmxMachine.GUEST_STACK, 16};
            for (int i = 0; i < frame.length; i++) {
                machine.memory.writeLong(stack + 8 * i, frame[i]);
            }
            machine.set(GUEST_RSP, stack).set(GUEST_INTERRUPTIBILITY_STATE, 8);
            machine.on(
                    PinControl.NMI_EXITING,
                    PinControl.VIRTUAL_NMIS,
                    PrimaryControl.NMI_WINDOW_EXITING);
            machine.launch();
            exits(machine, ExitReason.NMI_WINDOW, VmxMachine.GUEST_CODE + 2, 0);
        }
    }

    @Test
    void aReturnToAnOuterLevelLeavesTheBasesOfSegmentsThatItMakesNull() {
        // iretq to level 1, from a stack made for it
        try (VmxMachine machine = VmxMachine.guest("48 CF" + VMCALL)) {
            machine.memory.writeLong(VmxMachine.GDT + 40, 0x00AF_BB00_0000_FFFFL);
            machine.memory.writeLong(VmxMachine.GDT + 48, 0x00CF_B300_0000_FFFFL);
            long stack = VmxMachine.GUEST_STACK - 40;
            long[] frame = {VmxMachine.GUEST_CODE + 2, 40 | 1, 2, VmxMachine.GUEST_STACK, 48 | 1};
            for (int i = 0; i < frame.length; i++) {
                machine.memory.writeLong(stack + 8 * i, frame[i]);
            }
            machine.set(GUEST_RSP, stack).set(GUEST_GDTR_LIMIT, 55);
            machine.set(GUEST_FS_SELECTOR, 0).set(GUEST_FS_BASE, 0x7F12_3456_7000L);
            machine.set(GUEST_FS_LIMIT, 0xFFFF_FFFFL).set(GUEST_FS_ACCESS_RIGHTS, 0xC093);
            machine.set(GUEST_GS_SELECTOR, 16).set(GUEST_GS_BASE, 0x7F12_3456_8000L);
            machine.set(GUEST_GS_LIMIT, 0xFFFF_FFFFL).set(GUEST_GS_ACCESS_RIGHTS, 0xC093);
            machine.launch();
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_CODE + 2, 3);
            assertThat(machine.get(GUEST_FS_BASE)).isEqualTo(0x7F12_3456_7000L);
            assertThat(machine.get(GUEST_GS_BASE)).isEqualTo(0x7F12_3456_8000L);
            assertThat(machine.get(GUEST_GS_SELECTOR)).isZero();
            for (VmcsField rights : List.of(GUEST_FS_ACCESS_RIGHTS, GUEST_GS_ACCESS_RIGHTS)) {
                assertThat(AccessRights.isUsable((int) machine.get(rights))).isFalse();
            }
        }
    }

    @Test
    void nmisExit() {
        try (VmxMachine machine = VmxMachine.guest("EB FE")) {
            machine.on(PinControl.NMI_EXITING);
            machine.cpu.nmiPending = true;
            // The host takes no NMI before VMLAUNCH.
            machine.cpu.nmiBlocked = true;
            machine.launch();
            assertThat(machine.exitReason()).contains(ExitReason.EXCEPTION_OR_NMI);
            assertThat(machine.get(EXIT_INTERRUPTION_INFORMATION)).isEqualTo(0x8000_0202L);
            assertThat(machine.cpu.nmiBlocked).isTrue();
        }
    }

    @Test
    void thePreemptionTimerEndsALoop() {
        try (VmxMachine machine = VmxMachine.guest("EB FE")) {
            machine.on(PinControl.ACTIVATE_PREEMPTION_TIMER, ExitControl.SAVE_PREEMPTION_TIMER);
            machine.set(PREEMPTION_TIMER_VALUE, 100).launch();
            for (int i = 0; i < 10 && machine.cpu.vmx.isNonRoot(); i++) {
                machine.processors.turn();
            }
            assertThat(machine.exitReason()).contains(ExitReason.PREEMPTION_TIMER_EXPIRED);
            assertThat(machine.get(PREEMPTION_TIMER_VALUE)).isZero();
            machine.set(PREEMPTION_TIMER_VALUE, 0).resume();
            assertThat(machine.exitReason()).contains(ExitReason.PREEMPTION_TIMER_EXPIRED);
            assertThat(machine.get(GUEST_RIP)).isEqualTo(VmxMachine.GUEST_CODE);
        }
    }

    @Test
    void theMonitorTrapFlagStepsThroughAGuest() {
        try (VmxMachine machine = VmxMachine.guest("90 48 FF C0 90")) {
            machine.on(PrimaryControl.MONITOR_TRAP_FLAG).launch();
            exits(machine, ExitReason.MONITOR_TRAP, VmxMachine.GUEST_CODE + 1, 0);
            machine.resume();
            exits(machine, ExitReason.MONITOR_TRAP, VmxMachine.GUEST_CODE + 4, 0);
        }
    }

    @Test
    void aGuestThatHaltsWaits() {
        try (VmxMachine machine = VmxMachine.guest("F4")) {
            machine.launch();
            assertThat(machine.cpu.vmx.isNonRoot()).isTrue();
            machine.cpu.nmiPending = true;
            machine.gate(2).write(VmxMachine.GUEST_HANDLER, VMCALL);
            machine.processors.turn();
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_HANDLER, 3);
            assertThat(machine.get(GUEST_INTERRUPTIBILITY_STATE)).isEqualTo(8);
        }
    }

    @Test
    void invalidGuestStateIsAnExitThatSavesNothing() {
        try (VmxMachine machine = VmxMachine.guest("90")) {
            machine.set(GUEST_RFLAGS, 0).set(GUEST_RIP, 0x1234).launch();
            assertThat(machine.get(EXIT_REASON)).isEqualTo(0x8000_0021L);
            assertThat(machine.get(GUEST_RIP)).isEqualTo(0x1234);
            assertThat(machine.cpu.rip()).isEqualTo(VmxMachine.HOST_EXIT + 1);
            assertThat(machine.vmcs().isLaunched()).isFalse();
            assertThat(machine.cpu.vmx.failures.standing().orElseThrow().toString())
                    .contains("(rule guest.rflags.reserved;");
        }
    }

    @Test
    void registersAreLoadedAndStoredByLists() {
        try (VmxMachine machine = VmxMachine.guest(VMCALL)) {
            long lstar = Msr.IA32_LSTAR.number() & 0xFFFF_FFFFL;
            long list = VmxMachine.LIST;
            machine.memory.writeLong(list, lstar);
            machine.memory.writeLong(list + 8, 0x1111);
            machine.memory.writeLong(list + 16, lstar);
            machine.memory.writeLong(list + 32, lstar);
            machine.memory.writeLong(list + 40, 0x3333);
            machine.set(ENTRY_MSR_LOAD_ADDRESS, list).set(ENTRY_MSR_LOAD_COUNT, 1);
            machine.set(EXIT_MSR_STORE_ADDRESS, list + 16).set(EXIT_MSR_STORE_COUNT, 1);
            machine.set(EXIT_MSR_LOAD_ADDRESS, list + 32).set(EXIT_MSR_LOAD_COUNT, 1);
            machine.launch();
            assertThat(machine.memory.readLong(list + 24)).isEqualTo(0x1111);
            assertThat(machine.cpu.msrs.lstar()).isEqualTo(0x3333);
            machine.memory.writeLong(list + 8, 1L << 60);
            machine.resume();
            assertThat(machine.get(EXIT_REASON)).isEqualTo(0x8000_0022L);
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(1);
        }
    }

    @Test
    void aFailureToLoadHostRegistersAborts() {
        try (VmxMachine machine = VmxMachine.guest(VMCALL)) {
            machine.memory.writeLong(VmxMachine.LIST, Msr.IA32_FS_BASE.number() & 0xFFFF_FFFFL);
            machine.set(EXIT_MSR_LOAD_ADDRESS, VmxMachine.LIST).set(EXIT_MSR_LOAD_COUNT, 1);
            machine.launch();
            assertThat(machine.processors.bootstrap().isShutDown()).isTrue();
            assertThat(machine.memory.readInt(VmxMachine.VMCS_REGION + 4)).isEqualTo(4);
        }
    }

    @Test
    void aGuestInShutdownWaitsAndHasNotCrashed() {
        try (VmxMachine machine = VmxMachine.guest(VMCALL)) {
            machine.on(PinControl.ACTIVATE_PREEMPTION_TIMER).set(PREEMPTION_TIMER_VALUE, 1 << 20);
            machine.set(GUEST_ACTIVITY_STATE, 2).launch();
            assertThat(machine.cpu.vmx.isNonRoot()).isTrue();
            assertThat(machine.processors.bootstrap().isShutDown()).isFalse();
        }
    }

    @Test
    void anInterruptThatExitsEndsAHaltWhateverIf() {
        try (VmxMachine machine = VmxMachine.guest("F4").launch()) {
            assertThat(machine.processors.bootstrap().canBeInterrupted()).isFalse();
        }
        try (VmxMachine machine = VmxMachine.guest("F4")) {
            machine.on(PinControl.EXTERNAL_INTERRUPT_EXITING).launch();
            assertThat(machine.processors.bootstrap().canBeInterrupted()).isTrue();
        }
    }

    @Test
    void aShadowVmcsIsReadByTheGuest() {
        // vmread rbx, rax; vmwrite rcx, rdx
        try (VmxMachine machine = VmxMachine.guest("0F 78 C3 0F 79 CA" + VMCALL)) {
            machine.memory.writeInt(
                    VmxMachine.SHADOW_REGION, machine.cpu.vmx.capabilities().revision() | 1 << 31);
            Vmcs shadow =
                    Vmcs.at(machine.memory, machine.cpu.vmx.layout, VmxMachine.SHADOW_REGION)
                            .orElseThrow();
            shadow.write(GUEST_RIP, 0x4242);
            machine.on(SecondaryControl.VMCS_SHADOWING);
            machine.set(VMCS_LINK_POINTER, VmxMachine.SHADOW_REGION);
            machine.set(VMREAD_BITMAP_ADDRESS, VmxMachine.MSR_BITMAP);
            machine.set(VMWRITE_BITMAP_ADDRESS, VmxMachine.MSR_BITMAP);
            machine.cpu.set64(Cpu.RAX, GUEST_RIP.encoding());
            machine.cpu.set64(Cpu.RCX, GUEST_RSP.encoding());
            machine.cpu.set64(Cpu.RDX, 0x2424);
            machine.launch();
            exits(machine, ExitReason.VMCALL, VmxMachine.GUEST_CODE + 6, 3);
            assertThat(machine.cpu.get64(Cpu.RBX)).isEqualTo(0x4242);
            assertThat(shadow.read(GUEST_RSP)).isEqualTo(0x2424);
            machine.memory.writeByte(
                    VmxMachine.MSR_BITMAP + GUEST_RIP.encoding() / 8,
                    1 << (GUEST_RIP.encoding() & 7));
            machine.cpu.set64(Cpu.RAX, GUEST_RIP.encoding());
            machine.set(GUEST_RIP, VmxMachine.GUEST_CODE).resume();
            exits(machine, ExitReason.VMREAD, VmxMachine.GUEST_CODE, 3);
        }
    }

    @Test
    void anUnrestrictedGuestRunsInRealMode() {
        // mov ax, [0x2000]; vmcall
        try (VmxMachine machine = VmxMachine.guest("A1 00 20" + VMCALL)) {
            machine.ept().on(SecondaryControl.UNRESTRICTED_GUEST);
            machine.off(EntryControl.IA_32E_MODE_GUEST);
            machine.set(GUEST_CR0, 0x20);
            for (int i = 0; i < 6; i++) {
                machine.segment(i, 0x2000, 0x2_0000, 0xFFFF, i == 1 ? 0x9B : 0x93);
            }
            machine.memory.writeShort(VmxMachine.GUEST_DATA, 0x1357);
            machine.set(GUEST_RIP, 0).set(GUEST_RSP, 0x1000).launch();
            exits(machine, ExitReason.VMCALL, 3, 3);
            assertThat(machine.cpu.get64(Cpu.RAX) & 0xFFFF).isEqualTo(0x1357);
            assertThat(machine.cpu.isLongMode64()).isTrue();
        }
    }

    @Test
    void taskSwitchesExit() {
        // A 32-bit guest jumps to a TSS.
        try (VmxMachine machine = VmxMachine.guest("EA 00 00 00 00 20 00")) {
            machine.off(EntryControl.IA_32E_MODE_GUEST);
            machine.set(GUEST_CS_ACCESS_RIGHTS, 0xC09B);
            machine.memory.writeLong(VmxMachine.GDT + 0x20, 0x0000_8902_3000_0067L);
            long directory = VmxMachine.EPT_TABLES;
            machine.memory.writeInt(directory, 0x83);
            machine.set(GUEST_CR4, ControlBits.CR4_VMXE | ControlBits.CR4_PSE);
            machine.set(GUEST_CR3, directory).launch();
            exits(machine, ExitReason.TASK_SWITCH, VmxMachine.GUEST_CODE, 7);
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(0x20 | 2L << 30);
        }
    }

    @Test
    void anExitBetweenIterationsSavesTheResumeFlag() {
        // again: mov ecx, a great number; mov edi, data; cld; rep stosb; jmp again
        try (VmxMachine machine =
                VmxMachine.guest("B9 00 00 20 00 BF 00 00 40 00 FC F3 AA EB F1")) {
            machine.on(PinControl.ACTIVATE_PREEMPTION_TIMER);
            machine.set(PREEMPTION_TIMER_VALUE, 200).launch();
            for (int i = 0; i < 20 && machine.cpu.vmx.isNonRoot(); i++) {
                machine.processors.turn();
            }
            assertThat(machine.exitReason()).contains(ExitReason.PREEMPTION_TIMER_EXPIRED);
            assertThat(machine.get(GUEST_RIP)).isEqualTo(VmxMachine.GUEST_CODE + 11);
            assertThat(machine.get(GUEST_RFLAGS) & 1 << 16).isNotZero();
        }
    }
}
