package nestbox.cpu.vmx;

import static nestbox.x86.vmx.VmcsField.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.core.Cpu;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.TertiaryControl;
import nestbox.x86.vmx.VmxControl;

import org.junit.jupiter.api.Test;

import java.util.SplittableRandom;

/// What EPT entries say of writes beyond one bit: sub-page permissions, paging writes, verification
/// of guest paging; and translations that the hypervisor manages.
class EptWriteControlTest {
    private static final long SEED = 66;
    private static final String VMCALL = "0F 01 C1";

    /// mov [rbx], rax
    private static final String STORE = "48 89 03";

    /// mov rax, [rbx]
    private static final String LOAD = "48 8B 03";

    private static final long DATA = 0x40_0000;
    private static final long OTHER = 0x60_0000;
    private static final long SPP_TABLES = 0x12_0000;
    private static final long MANAGED = 0x13_0000;

    private static VmxMachine guest(String code, VmxControl... controls) {
        VmxMachine machine = VmxMachine.guest(code + VMCALL).ept().on(controls);
        machine.cpu.set64(Cpu.RBX, DATA);
        return machine;
    }

    private static void exits(VmxMachine machine, ExitReason reason) {
        assertThat(machine.cpu.vmx.isNonRoot()).isFalse();
        assertThat(machine.exitReason()).contains(reason);
    }

    /// A guest that writes 8 bytes to a page that its vector describes.
    private static VmxMachine partly(long vector) {
        VmxMachine machine = guest(STORE, SecondaryControl.SUB_PAGE_WRITE_PERMISSIONS);
        machine.set(SUB_PAGE_PERMISSION_TABLE_POINTER, SPP_TABLES);
        for (int i = 0; i < 3; i++) {
            long table = SPP_TABLES + 0x1000 * i;
            int shift = 39 - 9 * i;
            machine.memory.writeLong(table + 8 * (DATA >> shift & 0x1FF), table + 0x1000 | 1);
        }
        machine.memory.writeLong(SPP_TABLES + 0x3000 + 8 * (DATA >> 12 & 0x1FF), vector);
        long entry = machine.eptPage(DATA);
        machine.memory.writeLong(entry, DATA | 0x35 | 1L << 61);
        return machine;
    }

    @Test
    void aWriteNeedsThePermissionOfEachPartThatItTouches() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int round = 0; round < 60; round++) {
            long vector = random.nextLong() & 0x5555_5555_5555_5555L;
            int offset = 128 * random.nextInt(32) + (round % 3 == 0 ? 124 : random.nextInt(120));
            int last = Math.min(offset + 7, 4095);
            boolean allowed =
                    (vector >>> offset / 128 * 2 & 1) != 0 && (vector >>> last / 128 * 2 & 1) != 0;
            try (VmxMachine machine = partly(vector)) {
                machine.cpu.set64(Cpu.RBX, DATA + offset);
                machine.cpu.set64(Cpu.RAX, -1);
                machine.launch();
                exits(machine, allowed ? ExitReason.VMCALL : ExitReason.EPT_VIOLATION);
                assertThat(machine.memory.readLong(DATA + offset))
                        .as("seed %d round %d", SEED, round)
                        .isEqualTo(allowed ? -1 : 0);
            }
        }
    }

    @Test
    void senselessPermissionsAreAnExitOfTheirOwn() {
        try (VmxMachine machine = partly(2)) {
            machine.launch();
            exits(machine, ExitReason.SPP_EVENT);
            assertThat(machine.get(EXIT_QUALIFICATION)).isZero();
            assertThat(machine.get(GUEST_PHYSICAL_ADDRESS)).isEqualTo(DATA);
            assertThat(machine.get(GUEST_LINEAR_ADDRESS)).isEqualTo(DATA);
        }
        try (VmxMachine machine = partly(1)) {
            machine.memory.writeLong(SPP_TABLES + 0x1000, 0);
            machine.launch();
            exits(machine, ExitReason.SPP_EVENT);
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(1 << 11);
        }
    }

    @Test
    void tablesOutsideMemoryAreMisconfigured() {
        try (VmxMachine machine = partly(1)) {
            machine.set(SUB_PAGE_PERMISSION_TABLE_POINTER, 1L << 40).launch();
            exits(machine, ExitReason.SPP_EVENT);
            assertThat(machine.get(EXIT_QUALIFICATION)).isZero();
        }
    }

    @Test
    void pagingMayWriteWhereSoftwareMayNot() {
        long[] flags = {0, 1L << 58};
        for (long flag : flags) {
            try (VmxMachine machine = guest(LOAD, TertiaryControl.EPT_PAGING_WRITE_CONTROL)) {
                long entry = machine.eptPage(VmxMachine.PAGE_TABLES);
                for (int i = 0; i < 3; i++) {
                    long page = VmxMachine.PAGE_TABLES + 0x1000 * i;
                    machine.memory.writeLong(entry + 8 * i, page | 0x35 | flag);
                }
                machine.launch();
                exits(machine, flag != 0 ? ExitReason.VMCALL : ExitReason.EPT_VIOLATION);
            }
        }
    }

    @Test
    void aPageMayWantTablesThatOnlyPagingWrites() {
        long[] flags = {0, 1L << 58};
        for (long flag : flags) {
            try (VmxMachine machine =
                    guest(
                            LOAD,
                            TertiaryControl.EPT_PAGING_WRITE_CONTROL,
                            TertiaryControl.GUEST_PAGING_VERIFICATION)) {
                long tables = machine.eptEntry(VmxMachine.PAGE_TABLES);
                machine.memory.writeLong(tables, machine.memory.readLong(tables) | flag);
                machine.memory.writeLong(machine.eptEntry(DATA), DATA | 0xB7 | 1L << 57);
                machine.launch();
                exits(machine, flag != 0 ? ExitReason.VMCALL : ExitReason.EPT_VIOLATION);
                if (flag == 0) {
                    assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(0x85B9);
                }
            }
        }
    }

    /// A guest whose data lies elsewhere in the hypervisor's tables, or where an entry says.
    private static VmxMachine managed(long entry) {
        VmxMachine machine = guest(LOAD, TertiaryControl.ENABLE_HLAT);
        for (int i = 0; i < 0x3000; i += 8) {
            long copied = machine.memory.readLong(VmxMachine.PAGE_TABLES + i);
            boolean table = i < 0x2000 && copied != 0;
            machine.memory.writeLong(
                    MANAGED + i, table ? copied - VmxMachine.PAGE_TABLES + MANAGED : copied);
        }
        machine.memory.writeLong(MANAGED + 0x2000 + 8 * (DATA >> 21), entry);
        machine.memory.writeLong(DATA, 1);
        machine.memory.writeLong(OTHER, 2);
        return machine.set(HLAT_POINTER, MANAGED);
    }

    @Test
    void theHypervisorsTablesComeBeforeTheGuests() {
        try (VmxMachine machine = managed(OTHER | 0x83)) {
            machine.launch();
            exits(machine, ExitReason.VMCALL);
            assertThat(machine.cpu.get64(Cpu.RAX)).isEqualTo(2);
        }
        try (VmxMachine machine = managed(OTHER | 0x83)) {
            // Addresses of the lower half are the guest's own.
            machine.set(HLAT_PREFIX_SIZE, 1).launch();
            exits(machine, ExitReason.VMCALL);
            assertThat(machine.cpu.get64(Cpu.RAX)).isEqualTo(1);
        }
        try (VmxMachine machine = managed(OTHER | 0x883)) {
            machine.launch();
            exits(machine, ExitReason.VMCALL);
            assertThat(machine.cpu.get64(Cpu.RAX)).as("a restart").isEqualTo(1);
        }
    }

    @Test
    void aFaultOfTheHypervisorsTablesSaysSo() {
        try (VmxMachine machine = managed(0)) {
            machine.set(EXCEPTION_BITMAP, -1).launch();
            exits(machine, ExitReason.EXCEPTION_OR_NMI);
            assertThat(machine.get(EXIT_INTERRUPTION_ERROR_CODE)).isEqualTo(0x80);
            assertThat(machine.get(EXIT_QUALIFICATION)).isEqualTo(DATA);
        }
    }
}
