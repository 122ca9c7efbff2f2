package nestbox.conformance.guests;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.conformance.guests.HypervisorPrograms.Program;
import nestbox.cpu.model.CpuModel;

import org.junit.jupiter.api.Test;

/// Comparing a hypervisor's output with that of the same one on a board finds what differs.
class HypervisorProgramsTest {
    private final Program program =
            HypervisorPrograms.all().stream()
                    .filter(each -> each.name().equals("vmx-exits"))
                    .findAny()
                    .orElseThrow();
    private final String console = String.join("\n", program.expected(CpuModel.kabylake())) + "\n";

    private void assertDifferent(String changed, String... lines) {
        assertThat(program.differences(CpuModel.kabylake(), changed)).containsExactly(lines);
    }

    @Test
    void twoRunsPrintTheSame() {
        assertDifferent(console);
    }

    @Test
    void aProcessorMayLackFeatures() {
        assertDifferent(console.replaceAll("ok INVPCID.*\n", "skip INVPCID: none\n"));
        assertThat(program.skipped(console)).anyMatch(skip -> skip.startsWith("TSC scaling"));
    }

    @Test
    void anotherResultIsDifferent() {
        assertDifferent(
                console.replace("ok CPUID\n", "FAIL CPUID: expected exit\n"),
                "FAIL CPUID: expected exit");
    }

    @Test
    void aRunThatEndsEarlyIsDifferent() {
        assertDifferent(console.replace("end 0\n", ""), "no \"end 0\" at the end");
    }
}
