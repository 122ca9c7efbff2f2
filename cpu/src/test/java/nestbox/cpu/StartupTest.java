package nestbox.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.model.CpuModel;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// INIT and startup IPIs that reach a processor before it looks.
class StartupTest {
    private static final int PAGE = 0x8F;

    private final GuestMemory memory = new GuestMemory(2 << 20);
    private final Processors processors =
            new Processors(
                    2,
                    CpuModel.kabylake(),
                    memory,
                    new MmioSpace(),
                    new PortSpace(),
                    new VirtualClock());
    private final Cpu second = processors.all().get(1).cpu();

    @AfterEach
    void close() {
        processors.close();
        memory.close();
    }

    @Test
    void aStartupIpiRightAfterAnInitStartsTheProcessor() {
        second.delivery.requestInit();
        second.delivery.requestStartup(PAGE);

        assertThat(second.delivery.wakes()).isTrue();
        assertThat(second.segments[Insn.CS].base).isEqualTo(PAGE << 12);
    }

    @Test
    void aRunningProcessorStartsAnew() {
        second.delivery.requestStartup(1);
        assertThat(second.delivery.wakes()).isTrue();
        second.delivery.requestInit();
        second.delivery.requestStartup(PAGE);

        assertThat(second.delivery.deliverPending()).isTrue();
        assertThat(second.delivery.wakes()).isTrue();
        assertThat(second.segments[Insn.CS].base).isEqualTo(PAGE << 12);
    }

    @Test
    void anInitOverridesTheStartupIpiBeforeIt() {
        second.delivery.requestStartup(PAGE);
        second.delivery.requestInit();

        assertThat(second.delivery.wakes()).isFalse();
        assertThat(second.delivery.wakes()).isFalse();
    }
}
