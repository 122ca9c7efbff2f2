package nestbox.hypervisor.nested;

import static nestbox.x86.vmx.VmcsField.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.model.CpuModel;
import nestbox.hypervisor.NestedState.Which;
import nestbox.hypervisor.memory.EptTables;
import nestbox.x86.Msr;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.EptEntry;
import nestbox.x86.vmx.EptViolationQualification;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmFunctionControl;
import nestbox.x86.vmx.VmxAbort;

import org.junit.jupiter.api.Test;

/// Guests of L1: whose exits are whose, and what is translated, merged and kept apart.
class NestedGuestTest {
    /// CPUID, which ends L2's programs.
    private static final String END = "0F A2";

    /// mov [L2_DATA], rax
    private static final String STORE = "48 89 04 25 00 20 02 00";

    /// mov rax, [L2_DATA]
    private static final String LOAD = "48 8B 04 25 00 20 02 00";

    private static void assertEnded(L1Machine l1) {
        assertThat(l1.exitReason()).contains(ExitReason.CPUID);
    }

    @Test
    void l2RunsAndItsExitsReachL1() {
        try (L1Machine l1 = L1Machine.guest(END).launch()) {
            assertEnded(l1);
            assertThat(l1.get(GUEST_RIP)).isEqualTo(L1Machine.L2_CODE);
            assertThat(l1.get(EXIT_INSTRUCTION_LENGTH)).isEqualTo(2);
            assertThat(l1.root.vmread(GUEST_RSP)).isEqualTo(L1Machine.L1_STACK);
            l1.set(GUEST_RIP, L1Machine.L2_CODE).resume();
            assertEnded(l1);
            assertThat(l1.nested.state().entries()).isEqualTo(2);
        }
    }

    @Test
    void anExitOfL2CostsTwoMoreExits() {
        try (L1Machine l1 = L1Machine.guest(END).launch()) {
            l1.exits = 0;
            // What a hypervisor usually writes between an exit and the next entry.
            l1.set(GUEST_RIP, L1Machine.L2_CODE)
                    .set(PRIMARY_CONTROLS, l1.get(PRIMARY_CONTROLS))
                    .set(ENTRY_INTERRUPTION_INFORMATION, 0)
                    .resume();
            int stops = 5;
            assertThat(l1.exits - stops).isEqualTo(2);
        }
    }

    // Memory

    @Test
    void withoutEptL2HasL1sMemoryAndNoOther() {
        try (L1Machine l1 = L1Machine.guest(STORE + END)) {
            // mov rax, 0x1234; vmlaunch
            l1.run("48 C7 C0 34 12 00 00 0F 01 C2");
            assertEnded(l1);
            assertThat(l1.readLong(L1Machine.L2_DATA)).isEqualTo(0x1234);
            assertThat(l1.memory.readLong(L1Machine.L2_DATA)).as("the host's page").isZero();
        }
    }

    @Test
    void theTablesOfL1DecideWhereL2Writes() {
        try (L1Machine l1 = L1Machine.guest(STORE + END).ept()) {
            long entry = l1.eptPage(L1Machine.L2_DATA);
            l1.writeLong(entry, L1Machine.L2_DATA + 0x1000 | 0x37);
            l1.run("48 C7 C0 34 12 00 00 0F 01 C2");
            assertEnded(l1);
            assertThat(l1.readLong(L1Machine.L2_DATA)).isZero();
            assertThat(l1.readLong(L1Machine.L2_DATA + 0x1000)).isEqualTo(0x1234);
        }
    }

    @Test
    void aViolationOfL1sTablesIsL1sWithL1sPermissions() {
        try (L1Machine l1 = L1Machine.guest(STORE + END).ept()) {
            long entry = l1.eptPage(L1Machine.L2_DATA);
            l1.writeLong(entry, L1Machine.L2_DATA | 0x31);
            l1.launch();
            assertThat(l1.exitReason()).contains(ExitReason.EPT_VIOLATION);
            assertThat(l1.get(GUEST_PHYSICAL_ADDRESS)).isEqualTo(L1Machine.L2_DATA);
            var qualification = EptViolationQualification.of(l1.get(EXIT_QUALIFICATION));
            assertThat(qualification.isWrite()).isTrue();
            assertThat(qualification.permissions()).isEqualTo(1);
            l1.writeLong(entry, L1Machine.L2_DATA | 0x37);
            l1.resume();
            assertEnded(l1);
        }
    }

    @Test
    void anInvalidationMakesL1sChangesCount() {
        try (L1Machine l1 = L1Machine.guest(LOAD + END).ept()) {
            long entry = l1.eptPage(L1Machine.L2_DATA);
            l1.writeLong(L1Machine.L2_DATA, 1);
            l1.writeLong(L1Machine.L2_DATA + 0x1000, 2);
            l1.launch();
            assertThat(l1.root.register(0)).isEqualTo(1);
            l1.writeLong(entry, L1Machine.L2_DATA + 0x1000 | 0x37);
            // invept rax, [rcx]
            l1.writeLong(L1Machine.L1_DATA, L1Machine.EPT12 | 6 | 3 << 3);
            l1.writeLong(L1Machine.L1_DATA + 8, 0);
            l1.root.register(0, 1);
            l1.root.register(1, L1Machine.L1_DATA);
            l1.run("66 0F 38 80 01");
            assertThat(l1.status()).isZero();
            l1.set(GUEST_RIP, L1Machine.L2_CODE).resume();
            assertThat(l1.root.register(0)).isEqualTo(2);
        }
    }

    @Test
    void accessedAndDirtyFlagsAreSetInL1sTablesAndLogged() {
        try (L1Machine l1 = L1Machine.guest(LOAD + STORE + END).ept()) {
            long entry = l1.eptPage(L1Machine.L2_DATA);
            long clean = l1.eptPage(L1Machine.L1_DATA);
            l1.set(EPT_POINTER, L1Machine.EPT12 | 6 | 3 << 3 | 1 << 6);
            l1.on(SecondaryControl.ENABLE_PML).set(PML_ADDRESS, L1Machine.LOG).set(PML_INDEX, 511);
            l1.launch();
            assertEnded(l1);
            long flags = EptEntry.ACCESSED | EptEntry.DIRTY;
            assertThat(l1.readLong(entry) & flags).isEqualTo(flags);
            assertThat(l1.readLong(clean) & flags).isZero();
            long index = l1.get(PML_INDEX);
            long[] logged = new long[(int) (511 - index)];
            for (int i = 0; i < logged.length; i++) {
                logged[i] = l1.readLong(L1Machine.LOG + 8 * (511 - i));
            }
            assertThat(logged).contains(L1Machine.L2_DATA).doesNotContain(L1Machine.L1_DATA);
            l1.writeLong(entry, l1.readLong(entry) & ~flags);
            l1.set(PML_INDEX, 0xFFFF).set(GUEST_RIP, L1Machine.L2_CODE);
            l1.nested.memoryChanged();
            l1.resume();
            assertThat(l1.exitReason()).contains(ExitReason.PAGE_MODIFICATION_LOG_FULL);
        }
    }

    @Test
    void anAccessToWhatL0EmulatesIsL0sAtL1sAddress() {
        try (L1Machine l1 = L1Machine.guest(LOAD + END).ept()) {
            long entry = l1.eptPage(L1Machine.L2_DATA);
            l1.writeLong(entry, 0xFEC0_0000L | 0x37);
            l1.launch();
            assertEnded(l1);
            assertThat(l1.ofL0).containsExactly(ExitReason.EPT_VIOLATION);
            assertThat(l1.addressOfL0).isEqualTo(0xFEC0_0000L);
        }
    }

    @Test
    void memoryThatL0TakesAwayIsGoneForL2() {
        try (L1Machine l1 = L1Machine.guest(LOAD + END).ept()) {
            l1.eptPage(0);
            l1.launch();
            assertEnded(l1);
            l1.ept01.unmap(L1Machine.L2_DATA, 0x1000);
            l1.root.inveptSingle(l1.ept01.pointer());
            l1.nested.memoryChanged();
            l1.set(GUEST_RIP, L1Machine.L2_CODE).resume();
            assertEnded(l1);
            assertThat(l1.addressOfL0).isEqualTo(L1Machine.L2_DATA);
        }
    }

    @Test
    void anApicAccessPageNeedsNoMemory() {
        // mov eax, [L2_DATA + 0x20]
        try (L1Machine l1 = L1Machine.guest("8B 04 25 20 20 02 00" + END).ept()) {
            long entry = l1.eptPage(L1Machine.L2_DATA);
            l1.writeLong(entry, 0xFEE0_0000L | 0x37);
            l1.on(SecondaryControl.VIRTUALIZE_APIC_ACCESSES);
            l1.set(APIC_ACCESS_ADDRESS, 0xFEE0_0000L).launch();
            assertThat(l1.exitReason()).contains(ExitReason.APIC_ACCESS);
            assertThat(l1.get(EXIT_QUALIFICATION) & 0xFFF).isEqualTo(0x20);
        }
    }

    @Test
    void eptPointersAreSwitchedForL2() {
        // xor eax, eax; mov ecx, 1; vmfunc
        try (L1Machine l1 = L1Machine.guest("31 C0 B9 01 00 00 00 0F 01 D4" + LOAD + END).ept()) {
            long other = L1Machine.EPT12 + 0x8000;
            l1.pageTables(other, 0xB7, 7);
            l1.writeLong(other + 0x2000, other + 0x4000 | 7);
            for (int i = 0; i < 512; i++) {
                l1.writeLong(other + 0x4000 + 8 * i, (long) i << 12 | 0x37);
            }
            l1.writeLong(
                    other + 0x4000 + 8 * (L1Machine.L2_DATA >> 12),
                    L1Machine.L2_DATA + 0x1000 | 0x37);
            l1.writeLong(L1Machine.L2_DATA + 0x1000, 0x5678);
            l1.writeLong(L1Machine.LIST + 8, other | 6 | 3 << 3);
            l1.on(VmFunctionControl.EPTP_SWITCHING).set(EPTP_LIST_ADDRESS, L1Machine.LIST);
            l1.launch();
            assertEnded(l1);
            assertThat(l1.root.register(0)).isEqualTo(0x5678);
            assertThat(l1.get(EPT_POINTER)).isEqualTo(other | 6 | 3 << 3);
        }
    }

    @Test
    void aViolationCanBeAnExceptionOfL2() {
        try (L1Machine l1 = L1Machine.guest(LOAD + END).ept()) {
            l1.writeLong(l1.eptPage(L1Machine.L2_DATA), 0);
            l1.on(SecondaryControl.EPT_VIOLATION_VE)
                    .set(VIRTUALIZATION_EXCEPTION_ADDRESS, L1Machine.LIST)
                    .set(EXCEPTION_BITMAP, 1 << Vector.VE)
                    .launch();
            assertThat(l1.exitReason()).contains(ExitReason.EXCEPTION_OR_NMI);
            assertThat(l1.get(EXIT_INTERRUPTION_INFORMATION) & 0xFF).isEqualTo(Vector.VE);
            assertThat(l1.readInt(L1Machine.LIST)).isEqualTo(48);
            assertThat(l1.readInt(L1Machine.LIST + 4)).isEqualTo(-1);
            assertThat(l1.readLong(L1Machine.LIST + 24)).isEqualTo(L1Machine.L2_DATA);
            // A second one before the first is handled is a VM exit.
            l1.resume();
            assertThat(l1.exitReason()).contains(ExitReason.EPT_VIOLATION);
        }
    }

    // Whose exits

    @Test
    void portsThatL0OwnsStayL0sWhenL1LetsL2UseThem() {
        try (L1Machine l1 = L1Machine.guest("E4 64 E4 70" + END)) {
            l1.on(PrimaryControl.USE_IO_BITMAPS)
                    .set(IO_BITMAP_A, L1Machine.IO_BITMAPS)
                    .set(IO_BITMAP_B, L1Machine.IO_BITMAPS + 0x1000)
                    .launch();
            assertEnded(l1);
            assertThat(l1.ofL0).containsExactly(ExitReason.IO_INSTRUCTION);
            l1.writeLong(L1Machine.IO_BITMAPS + 0x70 / 8, 1);
            l1.set(GUEST_RIP, L1Machine.L2_CODE).resume();
            assertThat(l1.exitReason()).contains(ExitReason.IO_INSTRUCTION);
            assertThat(l1.get(EXIT_QUALIFICATION) >>> 16).isEqualTo(0x70);
        }
    }

    @Test
    void registersThatL0OwnsStayL0sWhenL1LetsL2UseThem() {
        // mov ecx, IA32_APIC_BASE; rdmsr; mov ecx, IA32_PAT; rdmsr
        try (L1Machine l1 = L1Machine.guest("B9 1B 00 00 00 0F 32 B9 77 02 00 00 0F 32" + END)) {
            l1.on(PrimaryControl.USE_MSR_BITMAPS).set(MSR_BITMAPS, L1Machine.MSR_BITMAP).launch();
            assertEnded(l1);
            assertThat(l1.ofL0).containsExactly(ExitReason.RDMSR);
            l1.writeLong(L1Machine.MSR_BITMAP + 0x270 / 8, -1);
            l1.set(GUEST_RIP, L1Machine.L2_CODE).resume();
            assertThat(l1.exitReason()).contains(ExitReason.RDMSR);
            assertThat(l1.root.register(1)).isEqualTo(Msr.IA32_PAT.number());
        }
    }

    @Test
    void aBitmapThatIsNowhereMakesEverythingExit() {
        try (L1Machine l1 = L1Machine.guest("B9 77 02 00 00 0F 32" + END)) {
            l1.on(PrimaryControl.USE_MSR_BITMAPS).set(MSR_BITMAPS, 0x7000_0000L).launch();
            assertThat(l1.exitReason()).contains(ExitReason.RDMSR);
        }
    }

    @Test
    void aKickOfL0IsNothingToL1() {
        try (L1Machine l1 = L1Machine.guest(END)) {
            l1.kicks = true;
            l1.launch();
            assertEnded(l1);
            assertThat(l1.ofL0).containsExactly(ExitReason.INIT_SIGNAL);
        }
    }

    @Test
    void l2ReachesTheVmcsThatL1HasLinked() {
        // vmread rax, rcx; vmwrite rdx, rax
        try (L1Machine l1 = L1Machine.guest("0F 78 C8 0F 79 D0" + END)) {
            l1.run("0F C7 30", L1Machine.SHADOW_REGION).set(GUEST_RIP, 0x4242);
            l1.run("0F C7 30", L1Machine.REGION);
            l1.on(SecondaryControl.VMCS_SHADOWING)
                    .set(VMREAD_BITMAP_ADDRESS, L1Machine.MSR_BITMAP)
                    .set(VMWRITE_BITMAP_ADDRESS, L1Machine.MSR_BITMAP)
                    .set(VMCS_LINK_POINTER, L1Machine.SHADOW_REGION);
            l1.root.register(1, GUEST_RIP.encoding());
            l1.root.register(2, GUEST_RSP.encoding());
            l1.launch();
            assertEnded(l1);
            assertThat(l1.root.register(0)).isEqualTo(0x4242);
            l1.run("0F C7 30", L1Machine.SHADOW_REGION);
            assertThat(l1.get(GUEST_RSP)).isEqualTo(0x4242);
            l1.launch();
            assertThat(l1.status()).as("a shadow VMCS can't be launched").isEqualTo(RFlags.CF);
            l1.writeLong(L1Machine.MSR_BITMAP + GUEST_RIP.encoding() / 8, -1);
            l1.run("0F C7 30", L1Machine.REGION).set(GUEST_RIP, L1Machine.L2_CODE).resume();
            assertThat(l1.exitReason()).contains(ExitReason.VMREAD);
        }
    }

    // State

    @Test
    void stateThatL1DoesntAskForIsItsOwn() {
        // mov rax, dr7
        try (L1Machine l1 = L1Machine.guest("0F 21 F8" + END)) {
            l1.set(GUEST_DR7, 0x401).launch();
            assertEnded(l1);
            assertThat(l1.root.register(0)).isEqualTo(0x400);
            assertThat(l1.get(GUEST_DR7)).as("not saved").isEqualTo(0x401);
            l1.on(EntryControl.LOAD_DEBUG_CONTROLS).on(ExitControl.SAVE_DEBUG_CONTROLS);
            l1.set(GUEST_RIP, L1Machine.L2_CODE).resume();
            assertThat(l1.root.register(0)).isEqualTo(0x401);
            assertThat(l1.get(GUEST_DR7)).isEqualTo(0x401);
            assertThat(l1.root.vmread(GUEST_DR7)).as("L1's").isEqualTo(0x400);
        }
    }

    @Test
    void l1sHostStateIsLoadedWhole() {
        try (L1Machine l1 = L1Machine.guest(END)) {
            l1.on(ExitControl.LOAD_PAT)
                    .set(HOST_PAT, 0x0606_0606_0606_0606L)
                    .set(HOST_FS_BASE, 0x1111)
                    .set(HOST_GS_BASE, 0x2222)
                    .set(HOST_TR_BASE, 0x3333)
                    .set(HOST_GDTR_BASE, 0x4444)
                    .set(HOST_SYSENTER_CS, 0x55)
                    .set(HOST_SYSENTER_ESP, 0x6666)
                    .set(HOST_SYSENTER_EIP, 0x7777)
                    .set(HOST_DS_SELECTOR, 0)
                    .launch();
            assertThat(l1.root.vmread(GUEST_PAT)).isEqualTo(0x0606_0606_0606_0606L);
            assertThat(l1.root.vmread(GUEST_FS_BASE)).isEqualTo(0x1111);
            assertThat(l1.root.vmread(GUEST_GS_BASE)).isEqualTo(0x2222);
            assertThat(l1.root.vmread(GUEST_TR_BASE)).isEqualTo(0x3333);
            assertThat(l1.root.vmread(GUEST_GDTR_BASE)).isEqualTo(0x4444);
            assertThat(l1.root.vmread(GUEST_GDTR_LIMIT)).isEqualTo(0xFFFF);
            assertThat(l1.root.vmread(GUEST_SYSENTER_CS)).isEqualTo(0x55);
            assertThat(l1.root.vmread(GUEST_SYSENTER_ESP)).isEqualTo(0x6666);
            assertThat(l1.root.vmread(GUEST_SYSENTER_EIP)).isEqualTo(0x7777);
            assertThat(l1.root.vmread(GUEST_DS_ACCESS_RIGHTS) & 1 << 16).isNotZero();
        }
    }

    @Test
    void listsOfRegistersAreLoadedAndStored() {
        long register = Msr.IA32_KERNEL_GS_BASE.number() & 0xFFFF_FFFFL;
        try (L1Machine l1 = L1Machine.guest(END)) {
            l1.writeLong(L1Machine.LIST, register);
            l1.writeLong(L1Machine.LIST + 8, 0x1234_5000);
            l1.writeLong(L1Machine.LIST + 0x100, register);
            l1.writeLong(L1Machine.LIST + 0x200, register);
            l1.writeLong(L1Machine.LIST + 0x208, 0x6789_0000);
            l1.set(ENTRY_MSR_LOAD_ADDRESS, L1Machine.LIST).set(ENTRY_MSR_LOAD_COUNT, 1);
            l1.set(EXIT_MSR_STORE_ADDRESS, L1Machine.LIST + 0x100).set(EXIT_MSR_STORE_COUNT, 1);
            l1.set(EXIT_MSR_LOAD_ADDRESS, L1Machine.LIST + 0x200).set(EXIT_MSR_LOAD_COUNT, 1);
            l1.launch();
            assertEnded(l1);
            assertThat(l1.readLong(L1Machine.LIST + 0x108)).isEqualTo(0x1234_5000);
            assertThat(l1.root.readMsr((int) register)).hasValue(0x6789_0000);
        }
    }

    @Test
    void aListThatCantBeLoadedIsAnExitOrAnAbort() {
        try (L1Machine l1 = L1Machine.guest(END)) {
            l1.writeLong(L1Machine.LIST, Msr.IA32_FS_BASE.number() & 0xFFFF_FFFFL);
            l1.set(ENTRY_MSR_LOAD_ADDRESS, L1Machine.LIST).set(ENTRY_MSR_LOAD_COUNT, 1).launch();
            assertThat(l1.exitReason()).contains(ExitReason.MSR_LOADING);
            assertThat(l1.get(EXIT_QUALIFICATION)).isEqualTo(1);
            l1.set(ENTRY_MSR_LOAD_COUNT, 0);
            l1.set(EXIT_MSR_LOAD_ADDRESS, L1Machine.LIST).set(EXIT_MSR_LOAD_COUNT, 1).launch();
            assertThat(l1.shutDown)
                    .hasValueSatisfying(why -> assertThat(why).contains("VMX abort"));
            assertThat(l1.readInt(L1Machine.REGION + 4))
                    .isEqualTo(VmxAbort.LOADING_HOST_MSRS.indicator());
        }
    }

    @Test
    void timeIsOffsetOnceMore() {
        // rdtsc
        try (L1Machine l1 = L1Machine.guest("0F 31" + END)) {
            l1.root.vmwrite(TSC_OFFSET, 1L << 40);
            l1.set01(PrimaryControl.USE_TSC_OFFSETTING);
            l1.on(PrimaryControl.USE_TSC_OFFSETTING).set(TSC_OFFSET, 1L << 41).launch();
            assertEnded(l1);
            long time = l1.root.register(2) << 32 | l1.root.register(0);
            assertThat(time >>> 40).isEqualTo(3);
            assertThat(l1.get(TSC_OFFSET)).isEqualTo(1L << 41);
        }
    }

    @Test
    void theTimerOfL1StopsL2() {
        // jmp to itself
        try (L1Machine l1 = L1Machine.guest("EB FE")) {
            l1.on(PinControl.ACTIVATE_PREEMPTION_TIMER).set(PREEMPTION_TIMER_VALUE, 100).launch();
            assertThat(l1.exitReason()).contains(ExitReason.PREEMPTION_TIMER_EXPIRED);
            assertThat(l1.get(PREEMPTION_TIMER_VALUE)).as("not saved").isEqualTo(100);
            l1.on(ExitControl.SAVE_PREEMPTION_TIMER).resume();
            assertThat(l1.get(PREEMPTION_TIMER_VALUE)).isZero();
        }
    }

    @Test
    void wrongGuestStateIsAnExitThatSaysSo() {
        try (L1Machine l1 = L1Machine.guest(END)) {
            l1.set(VMCS_LINK_POINTER, 1).launch();
            assertThat(l1.get(EXIT_REASON)).isEqualTo(0x8000_0021L);
            assertThat(l1.get(EXIT_QUALIFICATION)).isEqualTo(4);
            l1.set(VMCS_LINK_POINTER, -1).launch();
            assertEnded(l1);
        }
    }

    @Test
    void anL1Of32BitsRunsAGuestLikeItself() {
        try (L1Machine l1 = new L1Machine(CpuModel.server(), false).on().baseline().l2(END)) {
            l1.launch();
            assertEnded(l1);
            assertThat(l1.root.vmread(GUEST_PDPTE0)).isEqualTo(l1.readLong(L1Machine.PDPT));
            assertThat(l1.root.vmread(GUEST_CS_ACCESS_RIGHTS)).isEqualTo(0xC09B);
            l1.writeLong(L1Machine.PDPT + 0x20, 0x1E7);
            l1.set(GUEST_CR3, L1Machine.PDPT + 0x20).resume();
            assertThat(l1.get(EXIT_REASON)).isEqualTo(0x8000_0021L);
            assertThat(l1.get(EXIT_QUALIFICATION)).as("PDPTE").isEqualTo(2);
            assertThat(l1.shutDown).isEmpty();
        }
    }

    @Test
    void hostPdptesThatAreWrongAreAnAbort() {
        // mov [PDPT + 8], 0x1E7; cpuid
        String breaks = "C7 05 08 00 12 00 E7 01 00 00";
        try (L1Machine l1 =
                new L1Machine(CpuModel.server(), false).on().baseline().l2(breaks + END)) {
            l1.launch();
            assertThat(l1.shutDown)
                    .hasValueSatisfying(why -> assertThat(why).contains("VMX abort"));
            assertThat(l1.readInt(L1Machine.REGION + 4))
                    .isEqualTo(VmxAbort.HOST_PDPTES.indicator());
        }
    }

    // Events that aren't the processor's

    @Test
    void anInterruptForL1IsAnExitIfL1AsksForIt() {
        try (L1Machine l1 = L1Machine.guest(END)) {
            l1.on(PinControl.EXTERNAL_INTERRUPT_EXITING).on(ExitControl.ACKNOWLEDGE_INTERRUPT);
            l1.beforeL2 = nested -> nested.interrupt(() -> 0x41);
            l1.launch();
            assertThat(l1.exitReason()).contains(ExitReason.EXTERNAL_INTERRUPT);
            assertThat(l1.get(EXIT_INTERRUPTION_INFORMATION)).isEqualTo(0x8000_0041L);
            assertThat(l1.get(GUEST_RIP)).isEqualTo(L1Machine.L2_CODE);
        }
    }

    @Test
    void anInterruptForL1WaitsForTheEventThatL1Injects() {
        try (L1Machine l1 = L1Machine.guest(END)) {
            l1.on(PinControl.EXTERNAL_INTERRUPT_EXITING)
                    .set(ENTRY_INTERRUPTION_INFORMATION, 0x8000_0300L | Vector.UD);
            l1.writeLong(L1Machine.IDT + 16 * Vector.UD, gate(L1Machine.L2_HANDLER));
            l1.beforeL2 = nested -> nested.interrupt(() -> 0x41);
            l1.launch();
            assertThat(l1.exitReason()).contains(ExitReason.EXTERNAL_INTERRUPT);
            assertThat(l1.get(GUEST_RIP)).isEqualTo(L1Machine.L2_HANDLER);
            assertThat(l1.get(IDT_VECTORING_INFORMATION) >>> 31).isZero();
        }
    }

    private static long gate(long handler) {
        return 0x8E00_0008_0000L | handler & 0xFFFF | handler >> 16 << 48;
    }

    @Test
    void anInitIsAnExitAndAStartupIpiIfL2WaitsForIt() {
        try (L1Machine l1 = L1Machine.guest(END)) {
            l1.beforeL2 =
                    nested -> {
                        assertThat(nested.startup(0x12)).isFalse();
                        assertThat(nested.init()).isTrue();
                        return Nested.Event.EXITED;
                    };
            l1.launch();
            assertThat(l1.exitReason()).contains(ExitReason.INIT_SIGNAL);
            l1.beforeL2 =
                    nested -> {
                        assertThat(nested.init()).isFalse();
                        assertThat(nested.startup(0x12)).isTrue();
                        return Nested.Event.EXITED;
                    };
            l1.set(GUEST_ACTIVITY_STATE, 3).resume();
            assertThat(l1.exitReason()).contains(ExitReason.STARTUP_IPI);
            assertThat(l1.get(EXIT_QUALIFICATION)).isEqualTo(0x12);
        }
    }

    @Test
    void anExceptionThatL0RaisesInL2IsL1sIfL1AsksForIt() {
        try (L1Machine l1 = L1Machine.guest("B9 1B 00 00 00 0F 32" + END)) {
            l1.on(PrimaryControl.USE_MSR_BITMAPS).set(MSR_BITMAPS, L1Machine.MSR_BITMAP);
            l1.set(EXCEPTION_BITMAP, 1 << Vector.GP);
            l1.refuses = true;
            l1.launch();
            assertThat(l1.exitReason()).contains(ExitReason.EXCEPTION_OR_NMI);
            var event = InterruptionInformation.of(l1.get(EXIT_INTERRUPTION_INFORMATION));
            assertThat(event.vector()).isEqualTo(Vector.GP);
            assertThat(event.type()).isEqualTo(InterruptionType.HARDWARE_EXCEPTION);
            assertThat(event.errorCodeValid()).isTrue();
        }
    }

    // The end

    @Test
    void vmxoffGivesTheRegionsBack() {
        try (L1Machine l1 = L1Machine.guest(END).ept().launch()) {
            l1.set(TSC_OFFSET, 0x1234_5678);
            l1.run("0F 01 C4");
            assertThat(l1.status()).isZero();
            assertThat(l1.readLong(L1Machine.REGION + Vmcs12Layout.offset(TSC_OFFSET)))
                    .isEqualTo(0x1234_5678);
            assertThat(l1.nested.state().vmcss()).isEmpty();
            assertThat(l1.nested.state().shadowPages()).isZero();
        }
    }

    @Test
    void whatL0DoesForL2KeepsToL1sTables() {
        try (L1Machine l1 = L1Machine.guest("E4 64" + END).ept()) {
            long read = l1.eptPage(L1Machine.L2_DATA);
            l1.writeLong(read, L1Machine.L2_DATA + 0x1000 | 0x31);
            l1.beforeL2 =
                    nested -> {
                        assertThat(nested.toL1(L1Machine.L2_DATA + 8, false))
                                .hasValue(L1Machine.L2_DATA + 0x1008);
                        assertThat(nested.toL1(L1Machine.L2_DATA + 8, true)).isEmpty();
                        nested.refused(L1Machine.L2_DATA + 8, true);
                        return Nested.Event.EXITED;
                    };
            l1.launch();
            assertThat(l1.exitReason()).contains(ExitReason.EPT_VIOLATION);
            assertThat(l1.get(GUEST_PHYSICAL_ADDRESS)).isEqualTo(L1Machine.L2_DATA + 8);
        }
    }

    @Test
    void aResetLeavesNothingBehind() {
        try (L1Machine l1 = L1Machine.guest(LOAD + END).ept().launch()) {
            int available = l1.pages.available();
            assertThat(l1.nested.state().shadowPages()).isPositive();
            l1.nested.reset();
            assertThat(l1.nested.isOperating()).isFalse();
            assertThat(l1.nested.state().shadowPages()).isZero();
            assertThat(l1.nested.state().vmcss()).isEmpty();
            assertThat(l1.pages.available()).isGreaterThan(available);
            assertThat(l1.root.vmread(VMCS_LINK_POINTER)).isEqualTo(-1);
            assertThat(l1.root.vmread(SECONDARY_CONTROLS))
                    .matches(word -> (word & SecondaryControl.VMCS_SHADOWING.mask()) == 0);
            l1.on();
            assertThat(l1.status()).isZero();
        }
    }

    @Test
    void theThreeVmcssCanBeSeen() {
        try (L1Machine l1 = L1Machine.guest(END).ept().launch()) {
            l1.set(TSC_OFFSET, 77);
            assertThat(l1.nested.fields(Which.VMCS12))
                    .containsEntry(TSC_OFFSET, 77L)
                    .containsEntry(EPT_POINTER, L1Machine.EPT12 | 6 | 3 << 3);
            assertThat(l1.nested.fields(Which.VMCS02).get(EPT_POINTER))
                    .isNotEqualTo(L1Machine.EPT12 | 6 | 3 << 3);
            assertThat(l1.nested.fields(Which.VMCS01))
                    .containsEntry(EPT_POINTER, l1.ept01.pointer());
            assertThat(l1.nested.walk(L1Machine.L2_CODE)).hasSize(3);
            assertThat(l1.root.vmptrst()).isEqualTo(l1.vmcs01());
            assertThat(l1.nested.state().vmcss())
                    .singleElement()
                    .matches(vmcs -> vmcs.current() && vmcs.launched());
        }
    }

    @Test
    void pagesOfL0AreNeverMappedIntoL2() {
        try (L1Machine l1 = L1Machine.guest(STORE + END).ept()) {
            long host = l1.vmcs01();
            l1.writeLong(l1.eptPage(L1Machine.L2_DATA), host | EptTables.RAM);
            l1.launch();
            assertEnded(l1);
            assertThat(l1.ofL0).containsExactly(ExitReason.EPT_VIOLATION);
            assertThat(l1.addressOfL0).isEqualTo(host);
        }
    }
}
