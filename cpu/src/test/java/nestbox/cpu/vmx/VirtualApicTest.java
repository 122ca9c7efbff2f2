package nestbox.cpu.vmx;

import static nestbox.x86.vmx.VmcsField.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.core.Cpu;
import nestbox.x86.vmx.ApicAccessQualification;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.TertiaryControl;
import nestbox.x86.vmx.VmxControl;

import org.junit.jupiter.api.Test;

/// The local APIC that a guest sees.
class VirtualApicTest {
    private static final String VMCALL = "0F 01 C1";
    private static final int TPR = 0x80;
    private static final int ISR = 0x100;
    private static final int IRR = 0x200;

    private static VmxMachine guest(String code, VmxControl... controls) {
        VmxMachine machine = VmxMachine.guest(code).on(controls);
        machine.on(PrimaryControl.USE_TPR_SHADOW);
        machine.set(VIRTUAL_APIC_ADDRESS, VmxMachine.APIC_PAGE);
        return machine.set(APIC_ACCESS_ADDRESS, VmxMachine.ACCESS_PAGE);
    }

    /// With virtual-interrupt delivery.
    private static VmxMachine delivering(String code, VmxControl... controls) {
        return guest(code, controls)
                .on(
                        SecondaryControl.VIRTUAL_INTERRUPT_DELIVERY,
                        SecondaryControl.APIC_REGISTER_VIRTUALIZATION,
                        PinControl.EXTERNAL_INTERRUPT_EXITING);
    }

    private static int apic(VmxMachine machine, int offset) {
        return machine.memory.readInt(VmxMachine.APIC_PAGE + offset);
    }

    private static void exits(VmxMachine machine, ExitReason reason, long rip) {
        assertThat(machine.cpu.vmx.isNonRoot()).isFalse();
        assertThat(machine.exitReason()).contains(reason);
        assertThat(machine.get(GUEST_RIP)).isEqualTo(VmxMachine.GUEST_CODE + rip);
    }

    /// mov eax, [0x18000 + register]
    private static String load(int register) {
        return "8B 04 25 %02X %02X 01 00".formatted(register & 0xFF, 0x80 | register >> 8);
    }

    /// mov [0x18000 + register], eax
    private static String store(int register) {
        return "89 04 25 %02X %02X 01 00".formatted(register & 0xFF, 0x80 | register >> 8);
    }

    @Test
    void cr8IsTheShadow() {
        // mov cr8, rax; mov rbx, cr8
        try (VmxMachine machine = guest("44 0F 22 C0 44 0F 20 C3" + VMCALL)) {
            machine.cpu.set64(Cpu.RAX, 5);
            machine.launch();
            exits(machine, ExitReason.VMCALL, 8);
            assertThat(machine.cpu.get64(Cpu.RBX)).isEqualTo(5);
            assertThat(apic(machine, TPR)).isEqualTo(0x50);
            assertThat(machine.cpu.apic.taskPriorityClass()).isZero();
        }
    }

    @Test
    void aLowTaskPriorityExits() {
        try (VmxMachine machine = guest("44 0F 22 C0" + VMCALL)) {
            machine.memory.writeInt(VmxMachine.APIC_PAGE + TPR, 0x40);
            machine.set(TPR_THRESHOLD, 3);
            machine.cpu.set64(Cpu.RAX, 2);
            machine.launch();
            exits(machine, ExitReason.TPR_BELOW_THRESHOLD, 4);
        }
    }

    @Test
    void theTaskPriorityRegisterIsVirtualWithoutMore() {
        try (VmxMachine machine =
                guest(store(TPR) + load(TPR) + VMCALL, SecondaryControl.VIRTUALIZE_APIC_ACCESSES)) {
            machine.cpu.set64(Cpu.RAX, 0xFFFF_FF77L);
            machine.launch();
            exits(machine, ExitReason.VMCALL, 14);
            assertThat(machine.cpu.get64(Cpu.RAX)).isEqualTo(0x77);
        }
    }

    @Test
    void otherAccessesToThePageExit() {
        try (VmxMachine machine =
                guest(load(0x20), SecondaryControl.VIRTUALIZE_APIC_ACCESSES).launch()) {
            exits(machine, ExitReason.APIC_ACCESS, 0);
            assertThat(ApicAccessQualification.of(machine.get(EXIT_QUALIFICATION)))
                    .isEqualTo(
                            new ApicAccessQualification(
                                    0x20, ApicAccessQualification.Access.LINEAR_READ, false));
        }
        try (VmxMachine machine =
                guest(store(0xB0), SecondaryControl.VIRTUALIZE_APIC_ACCESSES).launch()) {
            exits(machine, ExitReason.APIC_ACCESS, 0);
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(0x10B0);
        }
    }

    @Test
    void virtualRegistersAreReadAndWritten() {
        try (VmxMachine machine =
                delivering(
                        load(0x20) + store(0xE0) + VMCALL,
                        SecondaryControl.VIRTUALIZE_APIC_ACCESSES)) {
            machine.memory.writeInt(VmxMachine.APIC_PAGE + 0x20, 0x700_0000);
            machine.launch();
            // The write is done, and then the host is told.
            exits(machine, ExitReason.APIC_WRITE, 14);
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(0xE0);
            assertThat(apic(machine, 0xE0)).isEqualTo(0x700_0000);
        }
    }

    @Test
    void virtualInterruptsAreDeliveredWhenTheirPriorityAllows() {
        // sti; nop; nop
        try (VmxMachine machine = delivering("FB 90 90 90").gate(0x61)) {
            machine.write(VmxMachine.GUEST_HANDLER, VMCALL);
            machine.memory.writeInt(VmxMachine.APIC_PAGE + IRR + 0x30, 2);
            machine.set(GUEST_INTERRUPT_STATUS, 0x61).launch();
            assertThat(machine.exitReason()).contains(ExitReason.VMCALL);
            assertThat(machine.get(GUEST_RIP)).isEqualTo(VmxMachine.GUEST_HANDLER);
            assertThat(machine.get(GUEST_INTERRUPT_STATUS)).isEqualTo(0x6100);
            assertThat(apic(machine, ISR + 0x30)).isEqualTo(2);
            assertThat(apic(machine, IRR + 0x30)).isZero();
            assertThat(apic(machine, 0xA0)).isEqualTo(0x60);
        }
    }

    @Test
    void theEndOfAVirtualInterruptMayExit() {
        try (VmxMachine machine =
                delivering(
                        store(0xB0) + store(0xB0) + VMCALL,
                        SecondaryControl.VIRTUALIZE_APIC_ACCESSES)) {
            machine.memory.writeInt(VmxMachine.APIC_PAGE + ISR + 0x30, 2);
            machine.memory.writeInt(VmxMachine.APIC_PAGE + ISR + 0x20, 4);
            machine.set(GUEST_INTERRUPT_STATUS, 0x6100).set(EOI_EXIT_BITMAP_1, 1L << 0x21).launch();
            exits(machine, ExitReason.VIRTUALIZED_EOI, 7);
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(0x61);
            assertThat(machine.get(GUEST_INTERRUPT_STATUS)).isEqualTo(0x4200);
            machine.resume();
            exits(machine, ExitReason.VMCALL, 14);
            assertThat(machine.get(GUEST_INTERRUPT_STATUS)).isZero();
        }
    }

    @Test
    void aSelfIpiStaysInTheGuest() {
        try (VmxMachine machine =
                delivering("FB" + store(0x300) + "90 90", SecondaryControl.VIRTUALIZE_APIC_ACCESSES)
                        .gate(0x45)) {
            machine.write(VmxMachine.GUEST_HANDLER, VMCALL);
            machine.cpu.set64(Cpu.RAX, 0x4_0045);
            machine.launch();
            assertThat(machine.exitReason()).contains(ExitReason.VMCALL);
            assertThat(machine.get(GUEST_RIP)).isEqualTo(VmxMachine.GUEST_HANDLER);
        }
    }

    @Test
    void x2apicRegistersAreVirtual() {
        // mov ecx, 0x808; wrmsr; rdmsr
        try (VmxMachine machine =
                guest(
                        "B9 08 08 00 00 0F 30 31 C0 0F 32" + VMCALL,
                        SecondaryControl.VIRTUALIZE_X2APIC_MODE)) {
            machine.on(PrimaryControl.USE_MSR_BITMAPS).set(MSR_BITMAPS, VmxMachine.MSR_BITMAP);
            machine.cpu.set64(Cpu.RAX, 0x35);
            machine.cpu.set64(Cpu.RDX, 0);
            machine.launch();
            exits(machine, ExitReason.VMCALL, 11);
            assertThat(machine.cpu.get64(Cpu.RAX)).isEqualTo(0x35);
            assertThat(apic(machine, TPR)).isEqualTo(0x35);
        }
    }

    @Test
    void postedInterruptsArriveWithoutAnExit() {
        try (VmxMachine machine =
                delivering("FB 90 EB FE", SecondaryControl.VIRTUALIZE_X2APIC_MODE).gate(0x72)) {
            machine.write(VmxMachine.GUEST_HANDLER, VMCALL);
            machine.on(PinControl.PROCESS_POSTED_INTERRUPTS, ExitControl.ACKNOWLEDGE_INTERRUPT);
            machine.set(POSTED_INTERRUPT_NOTIFICATION_VECTOR, 0xF2);
            machine.set(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, VmxMachine.LIST);
            machine.memory.writeInt(VmxMachine.LIST + 12, 1 << 0x12);
            machine.memory.writeInt(VmxMachine.LIST + 32, 1);
            machine.launch();
            assertThat(machine.cpu.vmx.isNonRoot()).isTrue();
            // A self-IPI with the notification vector, as another processor would send it.
            machine.cpu.apic.writeRegister(0xF0, 4, 0x1FF);
            machine.cpu.apic.writeRegister(0x300, 4, 0x4_00F2);
            machine.processors.turn();
            assertThat(machine.exitReason()).contains(ExitReason.VMCALL);
            assertThat(machine.get(GUEST_RIP)).isEqualTo(VmxMachine.GUEST_HANDLER);
            assertThat(machine.get(GUEST_INTERRUPT_STATUS)).isEqualTo(0x7200);
            assertThat(machine.memory.readInt(VmxMachine.LIST + 32)).isZero();
            assertThat(machine.memory.readInt(VmxMachine.LIST + 12)).isZero();
            assertThat(machine.cpu.apic.isPending()).isFalse();
        }
    }

    @Test
    void otherInterruptsExitWithTheirVector() {
        try (VmxMachine machine = VmxMachine.guest("EB FE")) {
            machine.on(PinControl.EXTERNAL_INTERRUPT_EXITING, ExitControl.ACKNOWLEDGE_INTERRUPT);
            machine.cpu.apic.writeRegister(0xF0, 4, 0x1FF);
            machine.cpu.apic.writeRegister(0x300, 4, 0x4_00F2);
            machine.launch();
            assertThat(machine.exitReason()).contains(ExitReason.EXTERNAL_INTERRUPT);
            assertThat(machine.get(EXIT_INTERRUPTION_INFORMATION)).isEqualTo(0x8000_00F2L);
            machine.off(ExitControl.ACKNOWLEDGE_INTERRUPT);
            machine.cpu.apic.writeRegister(0xB0, 4, 0);
            machine.cpu.apic.writeRegister(0x300, 4, 0x4_00F3);
            machine.resume();
            assertThat(machine.exitReason()).contains(ExitReason.EXTERNAL_INTERRUPT);
            assertThat(machine.get(EXIT_INTERRUPTION_INFORMATION)).isZero();
            assertThat(machine.cpu.apic.isPending()).isTrue();
        }
    }

    // Interprocessor interrupts

    private static final long DESCRIPTOR = VmxMachine.LIST + 0x800;

    /// A guest that may send IPIs to virtual processor 1, whose descriptor notifies with a vector.
    private static VmxMachine sending(long notification) {
        VmxMachine machine =
                guest(
                        store(0x300) + VMCALL,
                        TertiaryControl.IPI_VIRTUALIZATION,
                        SecondaryControl.VIRTUALIZE_APIC_ACCESSES);
        machine.memory.writeLong(VmxMachine.LIST + 8, DESCRIPTOR | 1);
        machine.memory.writeLong(DESCRIPTOR + 32, notification);
        machine.memory.writeInt(VmxMachine.APIC_PAGE + 0x310, 1 << 24);
        machine.cpu.set64(Cpu.RAX, 0x71);
        return machine.set(PID_POINTER_TABLE_ADDRESS, VmxMachine.LIST)
                .set(LAST_PID_POINTER_INDEX, 1);
    }

    @Test
    void anInterprocessorInterruptIsPostedAndNotified() {
        try (VmxMachine machine = sending(0x55 << 16)) {
            machine.cpu.apic.writeRegister(0xF0, 4, 0x1FF);
            machine.launch();
            exits(machine, ExitReason.VMCALL, 7);
            assertThat(machine.memory.readLong(DESCRIPTOR + 8)).isEqualTo(1L << 0x71 - 64);
            assertThat(machine.memory.readLong(DESCRIPTOR + 32)).isEqualTo(0x55 << 16 | 1);
            assertThat(machine.cpu.apic.acknowledge()).isEqualTo(0x55);
            assertThat(machine.cpu.apic.readRegister(0x300, 4)).as("ICR").isZero();
        }
    }

    @Test
    void nobodyIsNotifiedTwice() {
        for (int flags : new int[] {1, 2, 3}) {
            try (VmxMachine machine = sending(0x55 << 16 | flags)) {
                machine.cpu.apic.writeRegister(0xF0, 4, 0x1FF);
                machine.launch();
                exits(machine, ExitReason.VMCALL, 7);
                assertThat(machine.memory.readLong(DESCRIPTOR + 8)).isEqualTo(1L << 0x71 - 64);
                assertThat(machine.memory.readLong(DESCRIPTOR + 32)).isEqualTo(0x55 << 16 | flags);
                assertThat(machine.cpu.apic.isPending()).isFalse();
            }
        }
    }

    @Test
    void whatIsNoPlainInterruptIsLeftToTheHypervisor() {
        int[] commands = {0xF, 0x471, 0x871, 0x4_0071, 0x8_0071, 0xC_0071, 0x8071, 0x10_0071};
        for (int command : commands) {
            try (VmxMachine machine = sending(0)) {
                machine.cpu.set64(Cpu.RAX, command);
                machine.launch();
                exits(machine, ExitReason.APIC_WRITE, 7);
                assertThat(machine.get(EXIT_QUALIFICATION)).as("%X", command).isEqualTo(0x300);
                assertThat(machine.memory.readLong(DESCRIPTOR + 8)).isZero();
            }
        }
    }

    @Test
    void anEntryThatIsNotValidIsLeftToTheHypervisor() {
        for (long entry : new long[] {DESCRIPTOR, DESCRIPTOR | 3, DESCRIPTOR | 1L << 46 | 1}) {
            try (VmxMachine machine = sending(0)) {
                machine.memory.writeLong(VmxMachine.LIST + 8, entry);
                machine.launch();
                exits(machine, ExitReason.APIC_WRITE, 7);
            }
        }
        try (VmxMachine machine = sending(0)) {
            machine.set(LAST_PID_POINTER_INDEX, 0).launch();
            exits(machine, ExitReason.APIC_WRITE, 7);
        }
    }

    @Test
    void readingAndWritingTheTaskPriorityIsVirtualized() {
        // or [0x18080], eax
        try (VmxMachine machine =
                guest("09 04 25 80 80 01 00" + VMCALL, SecondaryControl.VIRTUALIZE_APIC_ACCESSES)) {
            machine.memory.writeInt(VmxMachine.APIC_PAGE + TPR, 0x12);
            machine.cpu.set64(Cpu.RAX, 0x40);
            machine.launch();
            exits(machine, ExitReason.VMCALL, 7);
            assertThat(apic(machine, TPR)).isEqualTo(0x52);
        }
    }
}
