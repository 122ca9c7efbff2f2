package nestbox.cpu.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.model.CpuModel;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

import org.junit.jupiter.api.Test;

import java.util.EnumSet;
import java.util.Set;
import java.util.SplittableRandom;

/// Hosts and guests that do anything: whatever the VMCS and the guest's code, the processor goes
/// on, and nothing but architectural results comes of it.
class VmxFuzzTest {
    private static final long SEED = 0xF022;
    private static final int ROUNDS = 400;
    private static final int ENTRIES = 12;

    /// Instructions that are interesting here; the rest of the code is random bytes.
    private static final String[] INSTRUCTIONS =
            """
            0F A2, 0F 01 C1, F4, FA, FB, 0F 20 C0, 0F 22 C0, 0F 20 D8, 0F 22 D8, 0F 20 E0,
            0F 22 E0, 44 0F 22 C0, 44 0F 20 C0, 0F 21 F0, 0F 23 F8, 0F 30, 0F 32, 0F 31,
            E4 80, E6 80, 6D, F3 6D, F3 6F, 0F 06, 0F 01 F0, 0F 01 E0, CC, CD 20, CD 80, CF,
            48 CF, 0F 0B, 0F 01 38, 0F 09, F3 90, 0F 01 C8, 0F 01 C9, 0F 00 C8, 0F 00 D8,
            0F 01 10, 0F 01 18, 0F 78 C3, 0F 79 C3, 0F 01 D4, 8E D0, 8E D8, 9C, 9D, 0F 01 F9,
            48 89 04 25 80 80 01 00, 8B 04 25 20 80 01 00, 89 04 25 B0 80 01 00,
            89 04 25 00 83 01 00, A1 00 20 02 00, 48 8B 03, 48 89 03, 50, 58, 0F 05, 0F 07,
            0F 34, 0F 35, EB 02, 90
            """
                    .strip()
                    .split(",\\s+");

    private final SplittableRandom random = new SplittableRandom(SEED);

    private void code(VmxMachine machine, long address) {
        long at = address;
        while (at < address + 0x100) {
            if (random.nextInt(8) == 0) {
                machine.memory.writeByte(at++, random.nextInt());
            } else {
                String hex = INSTRUCTIONS[random.nextInt(INSTRUCTIONS.length)];
                machine.write(at, hex);
                at += hex.replace(" ", "").length() / 2;
            }
        }
    }

    private void controls(VmxMachine machine) {
        for (ControlWord word : ControlWord.values()) {
            for (VmxControl control : word.controls()) {
                boolean keeps = word == ControlWord.ENTRY || word == ControlWord.PRIMARY_EXIT;
                if (machine.cpu.vmx.capabilities().allows(control)
                        && random.nextInt(keeps ? 16 : 4) == 0) {
                    machine.on(control);
                }
            }
        }
        // So that most entries succeed.
        machine.off(EntryControl.ENTRY_TO_SMM);
        machine.off(EntryControl.DEACTIVATE_DUAL_MONITOR);
        machine.set(VmcsField.VIRTUAL_PROCESSOR_IDENTIFIER, 1);
        machine.set(VmcsField.VIRTUAL_APIC_ADDRESS, VmxMachine.APIC_PAGE);
        machine.set(VmcsField.APIC_ACCESS_ADDRESS, VmxMachine.ACCESS_PAGE);
        machine.set(VmcsField.MSR_BITMAPS, VmxMachine.MSR_BITMAP);
        machine.set(VmcsField.IO_BITMAP_A, VmxMachine.IO_BITMAPS);
        machine.set(VmcsField.IO_BITMAP_B, VmxMachine.IO_BITMAPS + 0x1000);
        machine.set(VmcsField.PML_ADDRESS, VmxMachine.LIST);
        machine.set(VmcsField.VIRTUALIZATION_EXCEPTION_ADDRESS, VmxMachine.LIST);
        machine.set(VmcsField.EPTP_LIST_ADDRESS, VmxMachine.LIST);
        machine.set(VmcsField.HOST_PAT, 0x0007_0406_0007_0406L);
        machine.set(VmcsField.GUEST_PAT, 0x0007_0406_0007_0406L);
        machine.set(VmcsField.HOST_EFER, 0x500).set(VmcsField.GUEST_EFER, 0x500);
        machine.set(VmcsField.EXCEPTION_BITMAP, random.nextInt() & random.nextInt());
        machine.set(VmcsField.PREEMPTION_TIMER_VALUE, random.nextInt(1 << 12));
    }

    private void registers(VmxMachine machine) {
        for (int i = 0; i < 16; i++) {
            long value =
                    switch (random.nextInt(4)) {
                        case 0 -> random.nextLong();
                        case 1 -> VmxMachine.GUEST_DATA + random.nextInt(0x1000);
                        case 2 -> random.nextInt(0x900);
                        default -> VmcsField.values()[random.nextInt(100)].encoding();
                    };
            if (i != 4) {
                machine.cpu.set64(8 * i, value);
            }
        }
    }

    private void mutate(VmxMachine machine) {
        VmcsField[] fields = VmcsField.values();
        for (int i = random.nextInt(3); i > 0; i--) {
            VmcsField field = fields[random.nextInt(fields.length)];
            long value =
                    random.nextBoolean()
                            ? machine.get(field) ^ 1L << random.nextInt(64)
                            : random.nextLong();
            if (field != VmcsField.HOST_RIP) {
                machine.set(field, value);
            }
        }
    }

    /// One host with a guest that is entered several times.
    private void round(CpuModel model, Set<ExitReason> seen) {
        try (VmxMachine machine = new VmxMachine(model).on().baseline().ept()) {
            for (int vector = 0; vector < 256; vector++) {
                machine.gate(vector);
            }
            if (random.nextBoolean()) {
                machine.set(VmcsField.EPT_POINTER, machine.get(VmcsField.EPT_POINTER) | 0x40);
            }
            if (random.nextInt(3) == 0) {
                machine.off(SecondaryControl.ENABLE_EPT);
            }
            controls(machine);
            code(machine, VmxMachine.GUEST_CODE);
            code(machine, VmxMachine.GUEST_HANDLER);
            for (int entry = 0; entry < ENTRIES; entry++) {
                if (machine.processors.bootstrap().isShutDown()) {
                    break;
                }
                registers(machine);
                mutate(machine);
                long before = machine.cpu.executed();
                machine.set(VmcsField.EXIT_REASON, 0xFFFF);
                if (machine.vmcs().isLaunched()) {
                    machine.resume();
                } else {
                    machine.launch();
                }
                for (int turn = 0; turn < 3 && machine.cpu.vmx.isNonRoot(); turn++) {
                    machine.cpu.nmiPending |= random.nextInt(4) == 0;
                    machine.cpu.limitSlice(2000);
                    machine.processors.turn();
                }
                machine.exitReason().ifPresent(seen::add);
                assertThat(machine.cpu.executed()).as("seed %X", SEED).isGreaterThan(before);
                if (machine.cpu.vmx.isNonRoot() || machine.cpu.activity != Activity.HLT) {
                    break;
                }
                machine.set(VmcsField.GUEST_RIP, VmxMachine.GUEST_CODE + random.nextInt(0x100));
            }
            assertThat(machine.cpu.get64(Cpu.ZERO)).as("seed %X", SEED).isZero();
        }
    }

    @Test
    void nothingThatAGuestDoesBreaksTheProcessor() {
        Set<ExitReason> seen = EnumSet.noneOf(ExitReason.class);
        for (int i = 0; i < ROUNDS; i++) {
            round(i % 2 == 0 ? CpuModel.server() : CpuModel.kabylake(), seen);
        }
        assertThat(seen).hasSizeGreaterThan(25);
    }
}
