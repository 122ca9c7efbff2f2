package nestbox.hypervisor.nested;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.BitSet;

class Vmcs12LayoutTest {
    @Test
    void fieldsDontOverlapAndFitIntoTheRegion() {
        BitSet taken = new BitSet();
        taken.set(0, Vmcs12Layout.LAUNCH_STATE + 4);
        for (VmcsField field : VmcsField.values()) {
            int offset = Vmcs12Layout.offset(field);
            int end = offset + field.width().bytes();
            assertThat(taken.get(offset, end).isEmpty()).as("%s at %d", field, offset).isTrue();
            assertThat(end).isLessThanOrEqualTo(Vmcs12Layout.SIZE);
            taken.set(offset, end);
        }
        assertThat(Vmcs12Layout.SIZE).isLessThanOrEqualTo(VmcsRegion.SIZE);
    }

    @ParameterizedTest
    @CsvSource({
        "VIRTUAL_PROCESSOR_IDENTIFIER, 12",
        "GUEST_ES_SELECTOR, 20",
        "PML_INDEX, 38",
        "HOST_TR_SELECTOR, 52",
        "EPT_POINTER, 160",
        "TSC_MULTIPLIER, 256",
        "GUEST_PHYSICAL_ADDRESS, 264",
        "VMCS_LINK_POINTER, 272",
        "HOST_PERF_GLOBAL_CTRL, 376",
        "EXIT_CONTROLS, 408",
        "ENTRY_CONTROLS, 420",
        "INSTRUCTION_ERROR, 456",
        "GUEST_SYSENTER_CS, 572",
        "PREEMPTION_TIMER_VALUE, 576",
        "HOST_SYSENTER_CS, 580",
        "CR0_GUEST_HOST_MASK, 584",
        "GUEST_LINEAR_ADDRESS, 688",
        "GUEST_SYSENTER_EIP, 848",
        "HOST_RIP, 944"
    })
    void fieldsAreWhereDumpsHaveThem(VmcsField field, int offset) {
        assertThat(Vmcs12Layout.offset(field)).isEqualTo(offset);
    }
}
