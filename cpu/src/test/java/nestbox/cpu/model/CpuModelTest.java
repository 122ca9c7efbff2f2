package nestbox.cpu.model;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Msr;

import org.junit.jupiter.api.Test;

class CpuModelTest {
    @Test
    void modelsAreFoundByName() {
        assertThat(CpuModel.named("kabylake")).contains(CpuModel.kabylake());
        assertThat(CpuModel.named("server")).contains(CpuModel.server());
        assertThat(CpuModel.named("z80")).isEmpty();
    }

    @Test
    void brandFitsIntoThreeLeaves() {
        for (CpuModel model : CpuModel.all()) {
            assertThat(model.identity().brand().length()).isLessThan(48);
            assertThat(model.identity().vendor()).hasSize(12);
        }
    }

    @Test
    void ratioInPlatformInfoIsTheBaseFrequency() {
        for (CpuModel model : CpuModel.all()) {
            long ratio = model.msr(Msr.MSR_PLATFORM_INFO) >>> 8 & 0xFF;
            assertThat(ratio * model.clocks().busMegahertz())
                    .isEqualTo(model.clocks().baseMegahertz());
        }
    }

    @Test
    void noSideChannelOfSpeculationIsReported() {
        long capabilities = CpuModel.kabylake().msr(Msr.IA32_ARCH_CAPABILITIES);
        assertThat(capabilities).isEqualTo(1L << 62 | 0x0D10_E17B);
    }

    @Test
    void msrsThatAreNotListedStartAsZero() {
        assertThat(CpuModel.kabylake().msr(Msr.IA32_TSC_AUX)).isZero();
    }
}
