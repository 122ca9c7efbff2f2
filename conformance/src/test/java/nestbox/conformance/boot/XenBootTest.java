package nestbox.conformance.boot;

import static nestbox.conformance.boot.NestedRun.L2_LOGIN;
import static nestbox.conformance.boot.NestedRun.L2_PROMPT;
import static nestbox.conformance.boot.NestedRun.XEN_PROMPT;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.app.board.Outcome;
import nestbox.conformance.boot.Dialogue.Step;
import nestbox.cpu.model.CpuModel;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.List;

/// Debian's Xen with Debian as its first domain: it starts a guest that uses VMX and EPT, and one
/// can log in at its console. When that one is off, the first domain has a shell.
class XenBootTest {
    @Test
    void theGuestOfXenReachesItsLoginPromptAndRunsCommands() throws IOException {
        NestedRun run =
                NestedRun.onXen(
                        CpuModel.kabylake(),
                        "quiet",
                        List.of(
                                new Step(L2_LOGIN, "root"),
                                new Step(L2_PROMPT, "cat /sys/hypervisor/guest_type"),
                                new Step(L2_PROMPT, "poweroff -f"),
                                new Step(XEN_PROMPT, "cat /sys/hypervisor/guest_type"),
                                new Step(XEN_PROMPT, "xl list"),
                                new Step(XEN_PROMPT, "poweroff -f")));

        assertThat(run.outcome()).as(run.console()).isEqualTo(new Outcome.PoweredOff());
        assertThat(run.console())
                .contains(L2_LOGIN)
                .containsPattern("guest_type\\s+PVH\\s")
                .containsPattern("guest_type\\s+PV\\s")
                .containsPattern("Domain-0\\s+0 ");
    }
}
