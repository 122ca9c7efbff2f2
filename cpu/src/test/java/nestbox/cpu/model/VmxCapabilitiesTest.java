package nestbox.cpu.model;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpuid;
import nestbox.x86.Msr;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.EptVpidCapability;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.SecondaryExitControl;
import nestbox.x86.vmx.TertiaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;

class VmxCapabilitiesTest {
    private final VmxCapabilities kabylake = VmxCapabilities.ofSilicon(CpuModel.kabylake().vmx());
    private final VmxCapabilities server = VmxCapabilities.ofSilicon(CpuModel.server().vmx());

    private static void reports(VmxCapabilities capabilities, Msr msr, long value) {
        assertThat(capabilities.msr(msr).map(Long::toHexString))
                .as("%s", msr)
                .contains(Long.toHexString(value));
    }

    /// What an i5-7300U says, but for the monitor of system-management mode.
    @Test
    void kabylakeReportsWhatItsSiliconReports() {
        reports(kabylake, Msr.IA32_VMX_BASIC, 0x00D8_0400_0000_0004L);
        reports(kabylake, Msr.IA32_VMX_PINBASED_CTLS, 0x0000_007F_0000_0016L);
        reports(kabylake, Msr.IA32_VMX_PROCBASED_CTLS, 0xFFF9_FFFE_0401_E172L);
        reports(kabylake, Msr.IA32_VMX_EXIT_CTLS, 0x01FF_FFFF_0003_6DFFL);
        reports(kabylake, Msr.IA32_VMX_ENTRY_CTLS, 0x0003_FFFF_0000_11FFL);
        reports(kabylake, Msr.IA32_VMX_MISC, 0x6004_41E7L);
        reports(kabylake, Msr.IA32_VMX_CR0_FIXED0, 0x8000_0021L);
        reports(kabylake, Msr.IA32_VMX_CR0_FIXED1, 0xFFFF_FFFFL);
        reports(kabylake, Msr.IA32_VMX_CR4_FIXED0, 0x2000);
        reports(kabylake, Msr.IA32_VMX_CR4_FIXED1, 0x37_67FF);
        reports(kabylake, Msr.IA32_VMX_VMCS_ENUM, 0x2E);
        reports(kabylake, Msr.IA32_VMX_PROCBASED_CTLS2, 0x005F_FCFF_0000_0000L);
        reports(kabylake, Msr.IA32_VMX_EPT_VPID_CAP, 0x0000_0F01_0673_4141L);
        reports(kabylake, Msr.IA32_VMX_TRUE_PINBASED_CTLS, 0x0000_007F_0000_0016L);
        reports(kabylake, Msr.IA32_VMX_TRUE_PROCBASED_CTLS, 0xFFF9_FFFE_0400_6172L);
        reports(kabylake, Msr.IA32_VMX_TRUE_EXIT_CTLS, 0x01FF_FFFF_0003_6DFBL);
        reports(kabylake, Msr.IA32_VMX_TRUE_ENTRY_CTLS, 0x0003_FFFF_0000_11FBL);
        reports(kabylake, Msr.IA32_VMX_VMFUNC, 1);
        assertThat(kabylake.msr(Msr.IA32_VMX_PROCBASED_CTLS3)).isEmpty();
    }

    @Test
    void theServerVirtualizesInterruptsAndScalesTime() {
        assertThat(server.allows(PinControl.PROCESS_POSTED_INTERRUPTS)).isTrue();
        assertThat(server.allows(SecondaryControl.APIC_REGISTER_VIRTUALIZATION)).isTrue();
        assertThat(server.allows(SecondaryControl.VIRTUAL_INTERRUPT_DELIVERY)).isTrue();
        assertThat(server.allows(SecondaryControl.USE_TSC_SCALING)).isTrue();
        assertThat(kabylake.allows(SecondaryControl.USE_TSC_SCALING)).isFalse();
        assertThat(server.has(VmcsField.TSC_MULTIPLIER)).isTrue();
        assertThat(kabylake.has(VmcsField.TSC_MULTIPLIER)).isFalse();
        reports(server, Msr.IA32_VMX_VMCS_ENUM, 0x4C);
    }

    @Test
    void theServerHasTertiaryControls() {
        reports(server, Msr.IA32_VMX_PROCBASED_CTLS3, 0x9E);
        assertThat(server.allows(TertiaryControl.IPI_VIRTUALIZATION)).isTrue();
        assertThat(server.has(VmcsField.PID_POINTER_TABLE_ADDRESS)).isTrue();
        assertThat(kabylake.allows(TertiaryControl.IPI_VIRTUALIZATION)).isFalse();
        assertThat(kabylake.has(VmcsField.TERTIARY_CONTROLS)).isFalse();
    }

    /// The guide says why of each, in "What the models offer".
    @Test
    void theServerOffersAllButWhatNeedsFeaturesThatArentThere() {
        CpuModel model = CpuModel.server();
        VmxCapabilities offered =
                VmxCapabilities.of(
                        model.vmx(),
                        feature ->
                                Implemented.FEATURES.contains(feature)
                                        && model.features().contains(feature),
                        -1);
        Set<VmxControl> lacking =
                Arrays.stream(ControlWord.values())
                        .flatMap(word -> word.controls().stream())
                        .filter(control -> !offered.allows(control))
                        .collect(Collectors.toSet());
        assertThat(lacking)
                .containsExactlyInAnyOrder(
                        SecondaryControl.ENABLE_ENCLS_EXITING,
                        SecondaryControl.CONCEAL_VMX_FROM_PT,
                        SecondaryControl.PASID_TRANSLATION,
                        SecondaryControl.PT_USES_GUEST_PHYSICAL_ADDRESSES,
                        SecondaryControl.ENABLE_PCONFIG,
                        SecondaryControl.ENABLE_ENCLV_EXITING,
                        TertiaryControl.LOADIWKEY_EXITING,
                        TertiaryControl.SEAM_GUEST_PHYSICAL_ADDRESS_WIDTH,
                        TertiaryControl.ENABLE_MSR_LIST_INSTRUCTIONS,
                        TertiaryControl.ENABLE_PBNDKB,
                        TertiaryControl.PEBS_USES_GUEST_PHYSICAL_ADDRESSES,
                        ExitControl.LOAD_PERF_GLOBAL_CTRL,
                        ExitControl.CLEAR_BNDCFGS,
                        ExitControl.CONCEAL_VMX_FROM_PT,
                        ExitControl.CLEAR_RTIT_CTL,
                        ExitControl.CLEAR_LBR_CTL,
                        ExitControl.CLEAR_UINV,
                        ExitControl.LOAD_CET_STATE,
                        ExitControl.LOAD_PKRS,
                        ExitControl.SAVE_PERF_GLOBAL_CTRL,
                        ExitControl.ACTIVATE_SECONDARY_CONTROLS,
                        SecondaryExitControl.SAVE_FRED,
                        SecondaryExitControl.LOAD_FRED,
                        SecondaryExitControl.LOAD_SPEC_CTRL,
                        SecondaryExitControl.PREMATURELY_BUSY_SHADOW_STACK,
                        EntryControl.LOAD_PERF_GLOBAL_CTRL,
                        EntryControl.LOAD_BNDCFGS,
                        EntryControl.CONCEAL_VMX_FROM_PT,
                        EntryControl.LOAD_RTIT_CTL,
                        EntryControl.LOAD_UINV,
                        EntryControl.LOAD_CET_STATE,
                        EntryControl.LOAD_LBR_CTL,
                        EntryControl.LOAD_PKRS,
                        EntryControl.LOAD_FRED);
    }

    @Test
    void whatMustBe1MayBe1() {
        for (CpuModel model : CpuModel.all()) {
            VmxCapabilities capabilities = VmxCapabilities.ofSilicon(model.vmx());
            for (ControlWord word : ControlWord.values()) {
                assertThat(capabilities.allowed0(word) & ~capabilities.allowed1(word))
                        .as("%s %s", model, word)
                        .isZero();
            }
        }
    }

    @Test
    void controlsOfWhatIsNotImplementedAreGone() {
        VmxCapabilities bare =
                VmxCapabilities.of(CpuModel.kabylake().vmx(), feature -> false, 0x6FF);
        assertThat(bare.allows(SecondaryControl.ENABLE_XSAVES)).isFalse();
        assertThat(bare.has(VmcsField.XSS_EXITING_BITMAP)).isFalse();
        assertThat(bare.allows(SecondaryControl.ENABLE_EPT)).isTrue();
        reports(bare, Msr.IA32_VMX_CR4_FIXED1, 0x6FF);
        VmxCapabilities with =
                VmxCapabilities.of(
                        CpuModel.kabylake().vmx(), Set.of(Cpuid.XSAVES)::contains, 0x6FF);
        assertThat(with.allows(SecondaryControl.ENABLE_XSAVES)).isTrue();
    }

    @Test
    void withoutSecondaryControlsTheirFieldsAreGone() {
        VmxSilicon silicon = CpuModel.kabylake().vmx();
        VmxSilicon old =
                new VmxSilicon(
                        silicon.revision(),
                        silicon.regionSize(),
                        false,
                        Set.of(SecondaryControl.ENABLE_EPT),
                        5,
                        4,
                        0,
                        Set.of(),
                        Set.of(EptVpidCapability.WRITE_BACK),
                        silicon.cr4Fixed1());
        VmxCapabilities capabilities = VmxCapabilities.ofSilicon(old);
        assertThat(capabilities.allows(SecondaryControl.ENABLE_EPT)).isFalse();
        assertThat(capabilities.has(VmcsField.EPT_POINTER)).isFalse();
        assertThat(capabilities.msr(Msr.IA32_VMX_PROCBASED_CTLS2)).isEmpty();
        assertThat(capabilities.msr(Msr.IA32_VMX_EPT_VPID_CAP)).isEmpty();
    }
}
