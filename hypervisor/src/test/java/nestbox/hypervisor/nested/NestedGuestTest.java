package nestbox.hypervisor.nested;

import static nestbox.x86.vmx.VmcsField.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.RFlags;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmInstructionError;

import org.junit.jupiter.api.Test;

class NestedGuestTest {
    @Test
    void l2RunsAndItsExitsReachL1() {
        try (L1Machine l1 = L1Machine.guest("0F A2")) {
            l1.launch();
            assertThat(l1.exitReason()).contains(ExitReason.CPUID);
            assertThat(l1.get(GUEST_RIP)).isEqualTo(L1Machine.L2_CODE);
            assertThat(l1.get(EXIT_INSTRUCTION_LENGTH)).isEqualTo(2);
            l1.set(GUEST_RIP, L1Machine.L2_CODE).resume();
            assertThat(l1.exitReason()).contains(ExitReason.CPUID);
            l1.launch();
            assertThat(l1.status()).isEqualTo(RFlags.ZF);
            assertThat(l1.error()).isEqualTo(VmInstructionError.VMLAUNCH_NON_CLEAR.number());
        }
    }

    @Test
    void anExitCostsTwoMoreExits() {
        try (L1Machine l1 = L1Machine.guest("0F A2")) {
            l1.launch();
            l1.exits = 0;
            l1.set(GUEST_RIP, L1Machine.L2_CODE)
                    .set(PRIMARY_CONTROLS, l1.get(PRIMARY_CONTROLS))
                    .resume();
            int stops = 4;
            assertThat(l1.exits - stops).isEqualTo(2);
        }
    }

    @Test
    void eptOfL1IsShadowed() {
        try (L1Machine l1 = L1Machine.guest("48 89 04 25 00 20 02 00 0F A2").ept()) {
            long entry = l1.eptPage(L1Machine.L2_DATA);
            l1.writeLong(entry, L1Machine.L2_DATA + 0x1000 | 0x37);
            l1.launch();
            assertThat(l1.exitReason()).contains(ExitReason.CPUID);
            l1.root.register(0, 0);
        }
    }

    @Test
    void ioIsL1sIfL1Asks() {
        try (L1Machine l1 = L1Machine.guest("E4 64 E4 70 0F A2")) {
            l1.launch();
            assertThat(l1.exitReason()).contains(ExitReason.CPUID);
            assertThat(l1.ofL0).containsExactly(ExitReason.IO_INSTRUCTION);
            l1.on(PrimaryControl.UNCONDITIONAL_IO_EXITING)
                    .set(GUEST_RIP, L1Machine.L2_CODE)
                    .resume();
            assertThat(l1.exitReason()).contains(ExitReason.IO_INSTRUCTION);
            assertThat(l1.get(SECONDARY_CONTROLS) & SecondaryControl.ENABLE_EPT.mask()).isZero();
        }
    }
}
