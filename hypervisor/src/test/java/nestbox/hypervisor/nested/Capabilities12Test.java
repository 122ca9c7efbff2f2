package nestbox.hypervisor.nested;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.Processors;
import nestbox.cpu.model.CpuModel;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;
import nestbox.x86.Msr;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EptVpidCapability;
import nestbox.x86.vmx.MiscCapability;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmxControl;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;

class Capabilities12Test {
    static List<CpuModel> models() {
        return CpuModel.all();
    }

    private static VmxCapabilities processor(CpuModel model) {
        try (GuestMemory memory = new GuestMemory(1 << 20);
                Processors processors =
                        new Processors(
                                1,
                                model,
                                memory,
                                new MmioSpace(),
                                new PortSpace(),
                                new VirtualClock())) {
            return processors.bootstrap().vmxRoot().capabilities();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void whatIsOfferedTheProcessorHas(CpuModel model) {
        VmxCapabilities processor = processor(model);
        VmxCapabilities offered = Capabilities12.of(processor, false);
        for (ControlWord word : ControlWord.values()) {
            for (VmxControl control : word.controls()) {
                if (offered.allows(control) && control != SecondaryControl.VMCS_SHADOWING) {
                    assertThat(processor.allows(control)).as("%s", control).isTrue();
                }
            }
        }
        for (EptVpidCapability capability : EptVpidCapability.values()) {
            assertThat(processor.has(capability) || !offered.has(capability))
                    .as("%s", capability)
                    .isTrue();
        }
        for (MiscCapability capability : MiscCapability.values()) {
            assertThat(processor.has(capability) || !offered.has(capability))
                    .as("%s", capability)
                    .isTrue();
        }
        assertThat(offered.cr4Fixed1() & ~processor.cr4Fixed1()).isZero();
        assertThat(offered.maxMsrList()).isEqualTo(processor.maxMsrList());
        assertThat(offered.preemptionTimerShift()).isEqualTo(processor.preemptionTimerShift());
    }

    @ParameterizedTest
    @MethodSource("models")
    void aHypervisorFindsWhatItNeeds(CpuModel model) {
        VmxCapabilities offered = Capabilities12.of(processor(model), false);

        assertThat(offered.revision()).isEqualTo(0x1540_7E12);
        assertThat(offered.msr(Msr.IA32_VMX_BASIC))
                .hasValueSatisfying(
                        value -> assertThat(value & 0xFFFF_FFFFL).isEqualTo(0x1540_7E12));
        for (VmxControl control :
                List.of(
                        SecondaryControl.ENABLE_EPT,
                        SecondaryControl.UNRESTRICTED_GUEST,
                        SecondaryControl.ENABLE_VPID,
                        SecondaryControl.ENABLE_PML,
                        SecondaryControl.VMCS_SHADOWING,
                        SecondaryControl.ENABLE_VM_FUNCTIONS,
                        SecondaryControl.EPT_VIOLATION_VE,
                        PrimaryControl.USE_TPR_SHADOW,
                        PrimaryControl.USE_IO_BITMAPS,
                        PrimaryControl.MONITOR_TRAP_FLAG,
                        PinControl.VIRTUAL_NMIS,
                        PinControl.ACTIVATE_PREEMPTION_TIMER)) {
            assertThat(offered.allows(control)).as("%s", control).isTrue();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void postedInterruptsNeedTheProcessorsLocalApic(CpuModel model) {
        VmxCapabilities processor = processor(model);

        assertThat(Capabilities12.of(processor, true).allows(PinControl.PROCESS_POSTED_INTERRUPTS))
                .isFalse();
        assertThat(Capabilities12.of(processor, false).allows(PinControl.PROCESS_POSTED_INTERRUPTS))
                .isEqualTo(processor.allows(PinControl.PROCESS_POSTED_INTERRUPTS));
    }
}
