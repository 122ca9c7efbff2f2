package nestbox.cpu.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.model.CpuModel;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.VmInstructionError;
import nestbox.x86.vmx.VmcsField;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// VMX instructions in VMX root operation.
class VmxInstructionsTest {
    private static final String VMXON = "F3 0F C7 30";
    private static final String VMXOFF = "0F 01 C4";
    private static final String VMCLEAR = "66 0F C7 30";
    private static final String VMPTRLD = "0F C7 30";
    private static final String VMPTRST = "0F C7 38";
    private static final String VMREAD_RBX_RAX = "0F 78 C3";
    private static final String VMWRITE_RAX_RBX = "0F 79 C3";
    private static final String INVEPT = "66 0F 38 80 08";
    private static final String INVVPID = "66 0F 38 81 08";

    private final VmxMachine machine = new VmxMachine();

    @AfterEach
    void close() {
        machine.close();
    }

    private void succeeds() {
        assertThat(machine.cpu.statusFlags()).isZero();
    }

    private void failsInvalid() {
        assertThat(machine.cpu.statusFlags()).isEqualTo(RFlags.CF);
    }

    private void fails(VmInstructionError error) {
        assertThat(machine.cpu.statusFlags()).isEqualTo(RFlags.ZF);
        assertThat(VmInstructionError.of(machine.get(VmcsField.INSTRUCTION_ERROR))).contains(error);
    }

    /// The host has no IDT, so an exception ends in shutdown.
    private void shutsDown(String why) {
        assertThat(machine.processors.bootstrap().isShutDown()).isTrue();
        assertThat(machine.processors.bootstrap().shutdownReason()).isNotEmpty().as(why);
    }

    private void runs() {
        assertThat(machine.processors.bootstrap().isShutDown()).isFalse();
    }

    @Test
    void vmxonEntersOperationOnce() {
        machine.host(VMXON, VmxMachine.VMXON_REGION);
        succeeds();
        assertThat(machine.cpu.vmx.isOperating()).isTrue();
        // There is no current VMCS to hold an error number.
        machine.host(VMXON, VmxMachine.VMXON_REGION);
        failsInvalid();
        machine.host(VMPTRLD, VmxMachine.VMCS_REGION);
        machine.host(VMXON, VmxMachine.VMXON_REGION);
        fails(VmInstructionError.VMXON_IN_ROOT);
        machine.host(VMXOFF);
        succeeds();
        assertThat(machine.cpu.vmx.isOperating()).isFalse();
    }

    @Test
    void vmxonWantsARegionWithTheRevision() {
        machine.host(VMXON, VmxMachine.VMXON_REGION + 8);
        failsInvalid();
        machine.host(VMXON, 1L << 46);
        failsInvalid();
        machine.memory.writeInt(VmxMachine.VMXON_REGION, 5);
        machine.host(VMXON, VmxMachine.VMXON_REGION);
        failsInvalid();
        machine.memory.writeInt(
                VmxMachine.VMXON_REGION, machine.cpu.vmx.capabilities().revision() | 1 << 31);
        machine.host(VMXON, VmxMachine.VMXON_REGION);
        failsInvalid();
        assertThat(machine.cpu.vmx.isOperating()).isFalse();
    }

    @Test
    void vmxonIsUndefinedWithoutItsControlBit() {
        machine.cpu.cr4 &= ~ControlBits.CR4_VMXE;
        machine.host(VMXON, VmxMachine.VMXON_REGION);
        shutsDown("#UD");
    }

    @Test
    void otherInstructionsAreUndefinedOutsideOperation() {
        machine.host(VMXOFF);
        shutsDown("#UD");
    }

    @Test
    void fixedBitsCannotBeCleared() {
        machine.on();
        // mov rax, cr4; btr eax, 13; mov cr4, rax
        machine.host("0F 20 E0 0F BA F0 0D 0F 22 E0");
        shutsDown("#GP");
    }

    @Test
    void vmclearAndVmptrldCheckTheirPointers() {
        machine.on();
        machine.host(VMCLEAR, 0x8);
        fails(VmInstructionError.VMCLEAR_INVALID_ADDRESS);
        machine.host(VMCLEAR, VmxMachine.VMXON_REGION);
        fails(VmInstructionError.VMCLEAR_VMXON_POINTER);
        machine.host(VMPTRLD, 1L << 50);
        fails(VmInstructionError.VMPTRLD_INVALID_ADDRESS);
        machine.host(VMPTRLD, VmxMachine.VMXON_REGION);
        fails(VmInstructionError.VMPTRLD_VMXON_POINTER);
        machine.memory.writeInt(VmxMachine.OTHER_REGION, 0x77);
        machine.host(VMPTRLD, VmxMachine.OTHER_REGION);
        fails(VmInstructionError.VMPTRLD_INCORRECT_REVISION);
        machine.host(VMPTRLD, 0xF000_0000L);
        fails(VmInstructionError.VMPTRLD_INCORRECT_REVISION);
        machine.host(VMCLEAR, VmxMachine.VMCS_REGION);
        succeeds();
        machine.host(VMREAD_RBX_RAX);
        failsInvalid();
    }

    @Test
    void vmptrstStoresThePointer() {
        machine.on();
        machine.host(VMPTRST, 0);
        succeeds();
        assertThat(machine.memory.readLong(VmxMachine.GUEST_DATA))
                .isEqualTo(VmxMachine.VMCS_REGION);
        machine.host(VMCLEAR, VmxMachine.VMCS_REGION);
        machine.host(VMPTRST, 0);
        assertThat(machine.memory.readLong(VmxMachine.GUEST_DATA)).isEqualTo(-1);
    }

    private void vmwrite(long encoding, long value) {
        machine.cpu.set64(Cpu.RAX, encoding);
        machine.cpu.set64(Cpu.RBX, value);
        machine.host(VMWRITE_RAX_RBX);
    }

    private long vmread(long encoding) {
        machine.cpu.set64(Cpu.RAX, encoding);
        machine.host(VMREAD_RBX_RAX);
        return machine.cpu.get64(Cpu.RBX);
    }

    @Test
    void fieldsAreWrittenAndRead() {
        machine.on();
        vmwrite(VmcsField.GUEST_RIP.encoding(), -2);
        succeeds();
        assertThat(vmread(VmcsField.GUEST_RIP.encoding())).isEqualTo(-2);
        vmwrite(VmcsField.GUEST_ES_LIMIT.encoding(), -2);
        assertThat(vmread(VmcsField.GUEST_ES_LIMIT.encoding())).isEqualTo(0xFFFF_FFFEL);
    }

    @Test
    void halvesOfWideFieldsHaveEncodingsOfTheirOwn() {
        machine.on();
        vmwrite(VmcsField.TSC_OFFSET.encoding(), 0x1122_3344_5566_7788L);
        assertThat(vmread(VmcsField.TSC_OFFSET.encoding() + 1)).isEqualTo(0x1122_3344L);
        vmwrite(VmcsField.TSC_OFFSET.encoding() + 1, 0xAABB_CCDDL);
        assertThat(vmread(VmcsField.TSC_OFFSET.encoding())).isEqualTo(0xAABB_CCDD_5566_7788L);
    }

    @Test
    void unknownFieldsAreErrors() {
        machine.on();
        vmread(0x2036 + 0x200);
        fails(VmInstructionError.UNSUPPORTED_COMPONENT);
        vmwrite(VmcsField.LOW_PASID_DIRECTORY_ADDRESS.encoding(), 0);
        fails(VmInstructionError.UNSUPPORTED_COMPONENT);
        vmwrite(-1, 0);
        fails(VmInstructionError.UNSUPPORTED_COMPONENT);
    }

    @Test
    void thisModelWritesExitInformationToo() {
        machine.on();
        vmwrite(VmcsField.EXIT_REASON.encoding(), 10);
        succeeds();
        assertThat(vmread(VmcsField.EXIT_REASON.encoding())).isEqualTo(10);
    }

    @Test
    void capabilityRegistersAreRead() {
        // mov ecx, 0x480; rdmsr
        machine.host("B9 80 04 00 00 0F 32");
        runs();
        long basic = machine.cpu.get64(Cpu.RDX) << 32 | machine.cpu.get64(Cpu.RAX);
        assertThat(basic)
                .isEqualTo(
                        machine.cpu.vmx.capability(nestbox.x86.Msr.IA32_VMX_BASIC).orElseThrow());
    }

    @Test
    void capabilityRegistersAreNotWritten() {
        machine.host("B9 80 04 00 00 0F 30");
        shutsDown("#GP");
    }

    @Test
    void entriesNeedAVmcsInTheRightState() {
        machine.host(VMXON, VmxMachine.VMXON_REGION).launch();
        failsInvalid();
        machine.host(VMCLEAR, VmxMachine.VMCS_REGION);
        machine.host(VMPTRLD, VmxMachine.VMCS_REGION);
        machine.resume();
        fails(VmInstructionError.VMRESUME_NON_LAUNCHED);
        machine.launch();
        fails(VmInstructionError.ENTRY_INVALID_CONTROL);
        machine.baseline().set(VmcsField.HOST_CR3, -1).launch();
        fails(VmInstructionError.ENTRY_INVALID_HOST_STATE);
        assertThat(machine.cpu.vmx.failures.standing().orElseThrow().toString())
                .contains("(rule host.cr3.width;");
        machine.set(VmcsField.HOST_CR3, machine.cpu.cr3);
        machine.vmcs().launched(1);
        machine.launch();
        fails(VmInstructionError.VMLAUNCH_NON_CLEAR);
    }

    @Test
    void aVmcsIsNotResumedInAnotherVmxOperation() {
        machine.on().baseline().code("0F 01 C1").launch();
        machine.resume();
        assertThat(machine.exitReason()).contains(ExitReason.VMCALL);
        machine.host("0F 01 C4");
        machine.host(VMXON, VmxMachine.VMXON_REGION);
        machine.host(VMPTRLD, VmxMachine.VMCS_REGION);
        machine.resume();
        fails(VmInstructionError.VMRESUME_AFTER_VMXOFF);
        machine.launch();
        fails(VmInstructionError.VMLAUNCH_NON_CLEAR);
        machine.host(VMCLEAR, VmxMachine.VMCS_REGION);
        machine.host(VMPTRLD, VmxMachine.VMCS_REGION);
        machine.launch();
        machine.resume();
        assertThat(machine.exitReason()).contains(ExitReason.VMCALL);
    }

    @Test
    void entriesAreBlockedByMovSs() {
        machine.on().baseline();
        // mov ss, ecx; vmlaunch
        machine.cpu.set64(Cpu.RCX, 16);
        machine.host("8E D1 0F 01 C2");
        fails(VmInstructionError.ENTRY_BLOCKED_BY_MOV_SS);
    }

    @Test
    void invalidationsCheckTheirOperands() {
        machine.on();
        machine.memory.writeLong(VmxMachine.GUEST_DATA + 8, 0);
        machine.cpu.set64(Cpu.RCX, 2);
        machine.host(INVEPT, 0);
        succeeds();
        machine.cpu.set64(Cpu.RCX, 1);
        machine.host(INVEPT, VmxMachine.EPT_TABLES | 6 | 3 << 3);
        succeeds();
        machine.host(INVEPT, VmxMachine.EPT_TABLES | 5);
        fails(VmInstructionError.INVALID_INVALIDATION_OPERAND);
        machine.cpu.set64(Cpu.RCX, 3);
        machine.host(INVEPT, 0);
        fails(VmInstructionError.INVALID_INVALIDATION_OPERAND);
        machine.cpu.set64(Cpu.RCX, 1);
        machine.host(INVVPID, 7);
        succeeds();
        machine.host(INVVPID, 0);
        fails(VmInstructionError.INVALID_INVALIDATION_OPERAND);
        machine.host(INVVPID, 0x1_0001);
        fails(VmInstructionError.INVALID_INVALIDATION_OPERAND);
        machine.cpu.set64(Cpu.RCX, 4);
        machine.host(INVVPID, 1);
        fails(VmInstructionError.INVALID_INVALIDATION_OPERAND);
    }

    @Test
    void vmcallInRootOperationIsAnError() {
        machine.on().host("0F 01 C1");
        fails(VmInstructionError.VMCALL_IN_ROOT);
    }

    @Test
    void vmfuncInRootOperationIsUndefined() {
        machine.on().host("0F 01 D4");
        shutsDown("#UD");
    }

    @Test
    void everyModelHasVmx() {
        for (CpuModel model : CpuModel.all()) {
            try (VmxMachine each = new VmxMachine(model)) {
                each.on();
                assertThat(each.cpu.vmx.isOperating()).as(model.name()).isTrue();
            }
        }
    }
}
