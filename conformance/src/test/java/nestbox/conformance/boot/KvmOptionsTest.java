package nestbox.conformance.boot;

import static nestbox.conformance.boot.NestedRun.L1_PROMPT;
import static nestbox.conformance.boot.NestedRun.L2_LOGIN;
import static nestbox.conformance.boot.NestedRun.L2_PROMPT;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.app.board.Outcome;
import nestbox.conformance.boot.Dialogue.Step;
import nestbox.cpu.model.CpuModel;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// Debian's KVM without one thing that the processor has, and then without another: each time, the
/// inner Debian boots to its login prompt.
///
/// A hypervisor that does without reaches parts of VMX operation that it otherwise leaves alone:
/// without EPT it intercepts page faults, INVLPG and CR3 to keep page tables of its own; without
/// unrestricted guests it runs real mode as virtual-8086 mode and emulates what differs. The outer
/// system boots once for all of them, since KVM can be loaded again.
class KvmOptionsTest {
    /// Without EPT, KVM does without unrestricted guests, too: the processor insists.
    private static final List<String> EVERYWHERE =
            List.of("ept", "unrestricted_guest", "vpid", "enable_shadow_vmcs", "preemption_timer");

    private static final String APIC_VIRTUALIZATION = "enable_apicv";

    @Test
    void theInnerGuestBootsWhateverKvmDoesWithoutOnKabyLake() throws IOException {
        // This one has no virtual-interrupt delivery, so there is nothing to switch off.
        check(CpuModel.kabylake(), EVERYWHERE);
    }

    @Test
    void theInnerGuestBootsWhateverKvmDoesWithoutOnAServer() throws IOException {
        List<String> options = new ArrayList<>(EVERYWHERE);
        // The last one, for it lies in the module kvm, which stays loaded and so stays without.
        options.add(APIC_VIRTUALIZATION);
        check(CpuModel.server(), options);
    }

    private static void check(CpuModel model, List<String> options) throws IOException {
        List<Step> steps = new ArrayList<>();
        steps.add(new Step(L1_PROMPT, "cd /sys/module/kvm_intel/parameters"));
        steps.add(
                new Step(
                        "parameters# ",
                        "for o in %s; do echo default $o=$(cat $o); done; cd /"
                                .formatted(String.join(" ", options))));
        steps.addAll(boot("start-l2 -smp 2", "$(grep -c ^processor /proc/cpuinfo) processors"));
        for (String option : options) {
            steps.add(new Step(L1_PROMPT, "rmmod kvm_intel; modprobe kvm_intel " + option + "=0"));
            steps.add(
                    new Step(
                            L1_PROMPT,
                            "echo now %s=$(cat /sys/module/kvm_intel/parameters/%1$s)"
                                    .formatted(option)));
            steps.addAll(boot("start-l2", "sum $((40 + 2)) without " + option));
        }
        steps.add(new Step(L1_PROMPT, "poweroff -f"));

        NestedRun run = NestedRun.of(model, "quiet nestbox.l2=no", steps);

        assertThat(run.dialogue().open()).as(run.console()).isEmpty();
        assertThat(run.outcome()).as(run.console()).isEqualTo(new Outcome.PoweredOff());
        assertThat(run.console()).contains("2 processors");
        for (String option : options) {
            assertThat(run.console())
                    .contains("default " + option + "=Y")
                    .contains("now " + option + "=N")
                    .contains("sum 42 without " + option);
        }
    }

    private static List<Step> boot(String start, String words) {
        return List.of(
                new Step(L1_PROMPT, start + " -append 'console=ttyS0 quiet'"),
                new Step(L2_LOGIN, "root"),
                new Step(L2_PROMPT, "echo " + words),
                new Step(L2_PROMPT, "poweroff -f"));
    }
}
