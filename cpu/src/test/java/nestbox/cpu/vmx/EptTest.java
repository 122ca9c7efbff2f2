package nestbox.cpu.vmx;

import static nestbox.x86.vmx.VmcsField.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.model.CpuModel;
import nestbox.x86.ControlBits;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmFunctionControl;
import nestbox.x86.vmx.VmcsField;

import org.junit.jupiter.api.Test;

/// Guests whose physical addresses are translated, and what is cached of that.
class EptTest {
    private static final String VMCALL = "0F 01 C1";

    /// mov rax, [0x400000]
    private static final String LOAD = "48 8B 04 25 00 00 40 00";

    /// mov [0x400000], rax
    private static final String STORE = "48 89 04 25 00 00 40 00";

    private static final long DATA = 0x40_0000;
    private static final long OTHER = 0x60_0000;

    private static VmxMachine guest(String code) {
        return VmxMachine.guest(code).ept();
    }

    private static void exits(VmxMachine machine, ExitReason reason) {
        assertThat(machine.cpu.vmx.isNonRoot()).isFalse();
        assertThat(machine.exitReason()).contains(reason);
        assertThat(machine.get(EXIT_REASON)).isEqualTo(reason.number());
    }

    @Test
    void guestMemoryIsElsewhere() {
        try (VmxMachine machine = guest(LOAD + VMCALL)) {
            machine.memory.writeLong(machine.eptEntry(DATA), OTHER | 0xB7);
            machine.memory.writeLong(OTHER, 0x1234_5678_9ABCL);
            machine.launch();
            exits(machine, ExitReason.VMCALL);
            assertThat(machine.cpu.get64(Cpu.RAX)).isEqualTo(0x1234_5678_9ABCL);
        }
    }

    @Test
    void missingPagesAreViolations() {
        try (VmxMachine machine = guest(LOAD + VMCALL)) {
            machine.memory.writeLong(machine.eptEntry(DATA), 0);
            machine.launch();
            exits(machine, ExitReason.EPT_VIOLATION);
            assertThat(machine.get(GUEST_PHYSICAL_ADDRESS)).isEqualTo(DATA);
            assertThat(machine.get(GUEST_LINEAR_ADDRESS)).isEqualTo(DATA);
            // A read of a supervisor-mode, writable page's translation; no permissions.
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(0x581);
            machine.memory.writeLong(machine.eptEntry(DATA), DATA | 0xB7);
            machine.resume();
            exits(machine, ExitReason.VMCALL);
        }
    }

    @Test
    void permissionsAreThoseOfAllEntriesTogether() {
        try (VmxMachine machine = guest(STORE + VMCALL)) {
            machine.memory.writeLong(machine.eptEntry(DATA), DATA | 0xB5);
            machine.launch();
            exits(machine, ExitReason.EPT_VIOLATION);
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(0x5AA);
        }
        try (VmxMachine machine = guest("FF E0" + VMCALL)) {
            machine.memory.writeLong(machine.eptEntry(DATA), DATA | 0xB3);
            machine.cpu.set64(Cpu.RAX, DATA);
            machine.launch();
            exits(machine, ExitReason.EPT_VIOLATION);
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(0x59C);
            assertThat(machine.get(GUEST_RIP)).isEqualTo(DATA);
        }
    }

    @Test
    void guestPagingStructuresAreTranslatedToo() {
        try (VmxMachine machine = guest(LOAD + VMCALL)) {
            machine.set(GUEST_CR3, DATA);
            machine.memory.writeLong(machine.eptEntry(DATA), 0);
            machine.launch();
            exits(machine, ExitReason.EPT_VIOLATION);
            // Not the translation itself, but an entry that it needs.
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(0x81);
            assertThat(machine.get(GUEST_PHYSICAL_ADDRESS)).isEqualTo(DATA);
            assertThat(machine.get(GUEST_LINEAR_ADDRESS)).isEqualTo(VmxMachine.GUEST_CODE);
        }
    }

    @Test
    void senselessEntriesAreMisconfigurations() {
        long[] entries = {DATA | 0xB2, DATA | 0xB6, DATA | 0x97, DATA | 0x1_00B7, 1L << 50 | 0xB7};
        for (long entry : entries) {
            try (VmxMachine machine = guest(LOAD + VMCALL)) {
                machine.memory.writeLong(machine.eptEntry(DATA), entry);
                machine.launch();
                exits(machine, ExitReason.EPT_MISCONFIGURATION);
                assertThat(machine.get(GUEST_PHYSICAL_ADDRESS)).as("%X", entry).isEqualTo(DATA);
            }
        }
    }

    @Test
    void flagsOfEntriesAreSetIfEnabled() {
        try (VmxMachine machine = guest(LOAD + VMCALL + STORE + VMCALL)) {
            machine.set(EPT_POINTER, machine.get(EPT_POINTER) | 0x40);
            machine.launch();
            exits(machine, ExitReason.VMCALL);
            assertThat(machine.memory.readLong(machine.eptEntry(DATA)) & 0x300).isEqualTo(0x100);
            machine.set(GUEST_RIP, machine.get(GUEST_RIP) + 3).resume();
            exits(machine, ExitReason.VMCALL);
            assertThat(machine.memory.readLong(machine.eptEntry(DATA)) & 0x300).isEqualTo(0x300);
            assertThat(machine.memory.readLong(VmxMachine.EPT_TABLES) & 0x100).isEqualTo(0x100);
        }
    }

    @Test
    void dirtyPagesAreLogged() {
        try (VmxMachine machine = guest(STORE + VMCALL)) {
            machine.set(EPT_POINTER, machine.get(EPT_POINTER) | 0x40);
            machine.on(SecondaryControl.ENABLE_PML);
            machine.set(PML_ADDRESS, VmxMachine.LIST).set(PML_INDEX, 511);
            machine.eptPage(DATA);
            machine.launch();
            exits(machine, ExitReason.VMCALL);
            // The guest's own paging structures come first: walks count as writes.
            long entries = 511 - machine.get(PML_INDEX);
            assertThat(machine.memory.readLong(VmxMachine.LIST + 8 * (512 - entries)))
                    .isEqualTo(DATA);
        }
    }

    @Test
    void aFullLogIsAnExitBeforeTheWrite() {
        try (VmxMachine machine = guest(STORE + VMCALL)) {
            machine.set(EPT_POINTER, machine.get(EPT_POINTER) | 0x40);
            machine.on(SecondaryControl.ENABLE_PML);
            machine.set(PML_ADDRESS, VmxMachine.LIST).set(PML_INDEX, 0xFFFF);
            machine.launch();
            exits(machine, ExitReason.PAGE_MODIFICATION_LOG_FULL);
        }
    }

    @Test
    void whatIsCachedStaysUntilItIsInvalidated() {
        try (VmxMachine machine = guest(LOAD + VMCALL)) {
            machine.on(SecondaryControl.ENABLE_VPID).set(VIRTUAL_PROCESSOR_IDENTIFIER, 1);
            machine.memory.writeLong(DATA, 1);
            machine.memory.writeLong(OTHER, 2);
            machine.launch();
            assertThat(machine.cpu.get64(Cpu.RAX)).isEqualTo(1);
            machine.memory.writeLong(machine.eptEntry(DATA), OTHER | 0xB7);
            machine.cpu.set64(Cpu.RCX, 1);
            machine.memory.writeLong(VmxMachine.GUEST_DATA + 8, 0);
            machine.host("66 0F 38 80 08", machine.get(EPT_POINTER));
            assertThat(machine.cpu.statusFlags()).isZero();
            machine.set(GUEST_RIP, VmxMachine.GUEST_CODE).resume();
            assertThat(machine.cpu.get64(Cpu.RAX)).isEqualTo(2);
        }
    }

    @Test
    void withoutVpidNothingIsCachedAcrossExits() {
        try (VmxMachine machine = guest(LOAD + VMCALL)) {
            machine.memory.writeLong(DATA, 1);
            machine.memory.writeLong(OTHER, 2);
            machine.launch();
            assertThat(machine.cpu.get64(Cpu.RAX)).isEqualTo(1);
            machine.memory.writeLong(machine.eptEntry(DATA), OTHER | 0xB7);
            machine.set(GUEST_RIP, VmxMachine.GUEST_CODE).resume();
            assertThat(machine.cpu.get64(Cpu.RAX)).isEqualTo(2);
        }
    }

    @Test
    void violationsBecomeExceptionsIfTheGuestWantsThem() {
        try (VmxMachine machine = guest(LOAD).gate(20)) {
            machine.write(VmxMachine.GUEST_HANDLER, VMCALL);
            machine.on(SecondaryControl.EPT_VIOLATION_VE);
            machine.set(VIRTUALIZATION_EXCEPTION_ADDRESS, VmxMachine.LIST);
            machine.memory.writeLong(machine.eptEntry(DATA), 0);
            machine.launch();
            exits(machine, ExitReason.VMCALL);
            assertThat(machine.get(GUEST_RIP)).isEqualTo(VmxMachine.GUEST_HANDLER);
            assertThat(machine.memory.readLong(VmxMachine.LIST)).isEqualTo(48 | 0xFFFF_FFFFL << 32);
            assertThat(machine.memory.readLong(VmxMachine.LIST + 24)).isEqualTo(DATA);
            // The area is in use now, so the next violation is an exit.
            machine.set(GUEST_RIP, VmxMachine.GUEST_CODE).resume();
            exits(machine, ExitReason.EPT_VIOLATION);
        }
    }

    @Test
    void entriesCanSuppressTheException() {
        try (VmxMachine machine = guest(LOAD)) {
            machine.on(SecondaryControl.EPT_VIOLATION_VE);
            machine.set(VIRTUALIZATION_EXCEPTION_ADDRESS, VmxMachine.LIST);
            machine.memory.writeLong(machine.eptEntry(DATA), 1L << 63);
            machine.launch();
            exits(machine, ExitReason.EPT_VIOLATION);
        }
    }

    @Test
    void aGuestSwitchesItsEptPointer() {
        // mov rdx, [0x400000]; vmfunc; mov rax, [0x400000]
        try (VmxMachine machine = guest("48 8B 14 25 00 00 40 00 0F 01 D4" + LOAD + VMCALL)) {
            long other = VmxMachine.EPT_TABLES + 0x8000;
            for (int i = 0; i < 0x3000; i += 8) {
                long entry = machine.memory.readLong(VmxMachine.EPT_TABLES + i);
                machine.memory.writeLong(
                        other + i, i < 0x2000 && entry != 0 ? entry + 0x8000 : entry);
            }
            machine.memory.writeLong(other + 0x2000 + 8 * (DATA >> 21), OTHER | 0xB7);
            machine.memory.writeLong(DATA, 1);
            machine.memory.writeLong(OTHER, 2);
            machine.on(VmFunctionControl.EPTP_SWITCHING).set(EPTP_LIST_ADDRESS, VmxMachine.LIST);
            machine.memory.writeLong(VmxMachine.LIST + 8, other | 6 | 3 << 3);
            machine.cpu.set64(Cpu.RAX, 0);
            machine.cpu.set64(Cpu.RCX, 1);
            machine.launch();
            exits(machine, ExitReason.VMCALL);
            assertThat(machine.cpu.get64(Cpu.RDX)).isEqualTo(1);
            assertThat(machine.cpu.get64(Cpu.RAX)).isEqualTo(2);
            assertThat(machine.get(EPT_POINTER)).isEqualTo(other | 6 | 3 << 3);
            machine.cpu.set64(Cpu.RAX, 0);
            machine.cpu.set64(Cpu.RCX, 2);
            machine.set(GUEST_RIP, VmxMachine.GUEST_CODE + 8).resume();
            exits(machine, ExitReason.VMFUNC);
        }
    }

    @Test
    void executionCanDependOnTheKindOfAddress() {
        try (VmxMachine machine = new VmxMachine(CpuModel.kabylake()).on().baseline().ept()) {
            machine.code("FF E0");
            machine.on(SecondaryControl.MODE_BASED_EXECUTE_CONTROL);
            for (long table = 0; table < 0x2000; table += 0x1000) {
                long entry = machine.memory.readLong(VmxMachine.EPT_TABLES + table);
                machine.memory.writeLong(VmxMachine.EPT_TABLES + table, entry | 0x400);
            }
            machine.memory.writeLong(machine.eptEntry(DATA), DATA | 0x4B3);
            machine.cpu.set64(Cpu.RAX, DATA);
            machine.launch();
            exits(machine, ExitReason.EPT_VIOLATION);
            assertThat(machine.get(EXIT_QUALIFICATION) & 0x7F).isEqualTo(0x5C);
        }
    }

    @Test
    void pointersOfPaePagingAreReadThroughEpt() {
        // mov cr3, eax, in a guest with PAE paging
        try (VmxMachine machine = guest("0F 22 D8" + VMCALL)) {
            machine.off(EntryControl.IA_32E_MODE_GUEST).set(GUEST_CS_ACCESS_RIGHTS, 0xC09B);
            machine.set(GUEST_CR4, ControlBits.CR4_VMXE | ControlBits.CR4_PAE);
            long directory = VmxMachine.PAGE_TABLES + 0x2000;
            for (VmcsField field = GUEST_PDPTE0; ; field = field.plus(1)) {
                machine.set(field, directory | 1);
                if (field == GUEST_PDPTE3) {
                    break;
                }
            }
            machine.memory.writeLong(DATA, directory | 1);
            machine.set(GUEST_CR3, VmxMachine.LIST);
            machine.memory.writeLong(machine.eptEntry(DATA), 0);
            machine.cpu.set64(Cpu.RAX, DATA);
            machine.launch();
            exits(machine, ExitReason.EPT_VIOLATION);
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(1);
            machine.memory.writeLong(machine.eptEntry(DATA), DATA | 0xB7);
            machine.resume();
            exits(machine, ExitReason.VMCALL);
            assertThat(machine.get(GUEST_PDPTE0)).isEqualTo(directory | 1);
            assertThat(machine.get(GUEST_PDPTE3)).isZero();
        }
    }
}
