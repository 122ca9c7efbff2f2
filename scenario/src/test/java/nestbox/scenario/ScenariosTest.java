package nestbox.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.scenario.Hypervisor.Scheduler;
import nestbox.scenario.Vuart.Transport;
import nestbox.scenario.board.Boards;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

class ScenariosTest {
    static final Path NESTED = Path.of("../scenarios/nested.xml");
    static final Path NESTED_V3 = Path.of("../scenarios/nested-v3.xml");

    @Test
    void theTutorialsScenarioIsClean() throws IOException {
        ParseResult result = Scenarios.parse(NESTED);
        assertThat(Checker.check(result, Boards.standard())).isEmpty();

        Scenario scenario = result.scenario().orElseThrow();
        assertThat(scenario.edition()).isEqualTo(Edition.V2_5);
        assertThat(scenario.hypervisor().features().scheduler()).isEqualTo(Scheduler.SCHED_NOOP);
        assertThat(scenario.hypervisor().features().nestedVmx()).isTrue();
        Vm vm = scenario.vms().getFirst();
        assertThat(vm.index()).isZero();
        assertThat(vm.id()).isEqualTo(1);
        assertThat(vm.name()).isEqualTo("ACRN SOS VM");
        assertThat(vm.cpus().affinity()).containsExactly(1, 2, 3);
        assertThat(vm.flags())
                .isEqualTo(Set.of(GuestFlag.NVMX_ENABLED, GuestFlag.LAPIC_PASSTHROUGH));
        assertThat(vm.vuart(0)).map(Vuart::transport).contains(Transport.PCI);
        assertThat(vm.vuart(1)).isEmpty();
    }

    @Test
    void itsNewFormIsCleanToo() throws IOException {
        ParseResult result = Scenarios.parse(NESTED_V3);
        assertThat(Checker.check(result, Boards.standard())).isEmpty();

        Scenario scenario = result.scenario().orElseThrow();
        assertThat(scenario.edition()).isEqualTo(Edition.V3);
        assertThat(scenario.hypervisor().features().nestedVmx()).isTrue();
        assertThat(scenario.vms().getFirst().nested()).isTrue();
    }

    @Test
    void theProsesNameForNoPortMeansTheSame() throws IOException {
        String text = Files.readString(NESTED);
        Scenario alias =
                Scenarios.parse(text.replace("INVALID_COM_BASE", "INVALID_LEGACY_PIO"), "f")
                        .scenario()
                        .orElseThrow();
        assertThat(alias.withoutLocations())
                .isEqualTo(Scenarios.parse(text, "f").scenario().orElseThrow().withoutLocations());
    }

    @Test
    void everythingLeftOutHasItsDefault() {
        Scenario scenario = only("<hv/>", "<vm_type>SOS_VM</vm_type>");
        Hypervisor hv = scenario.hypervisor();
        assertThat(hv.debug().serialConsole()).isEqualTo("/dev/ttyS0");
        assertThat(hv.debug().consoleLogLevel()).isEqualTo(3);
        assertThat(hv.features().scheduler()).isEqualTo(Scheduler.SCHED_BVT);
        assertThat(hv.features().nestedVmx()).isFalse();
        assertThat(hv.features().splitLockDetection()).isFalse();
        assertThat(hv.memory().platformRamSize()).isEqualTo(0x4_0000_0000L);
        assertThat(hv.capacities().interruptRemappingEntries()).isEqualTo(256);
        assertThat(scenario.vms().getFirst().name()).isEqualTo("ACRN VM_0");
        assertThat(scenario.vms().getFirst().memory().size()).isEqualTo(0x2000_0000L);
    }

    @Test
    void theFormatIsKnownByTheVms() {
        assertThat(only("<hv/>", "<load_order>SERVICE_VM</load_order>").edition())
                .isEqualTo(Edition.V3);
        assertThat(only("<hv/>", "<vm_type>SERVICE_VM</vm_type>").edition())
                .isEqualTo(Edition.V2_7);
        assertThat(only("<hv/>", "<vm_type>SOS_VM</vm_type>").edition()).isEqualTo(Edition.V2_5);
        assertThat(only("<hv><BUILD_TYPE>debug</BUILD_TYPE></hv>", "<name>A</name>").edition())
                .isEqualTo(Edition.V3);
    }

    @Test
    void elementsOfTheOtherFormatHaveAdvice() {
        assertThat(
                        messages(
                                "<hv/>",
                                "<vm_type>SOS_VM</vm_type><lapic_passthrough>y</lapic_passthrough>"))
                .anyMatch(m -> m.contains("Write GUEST_FLAG_LAPIC_PASSTHROUGH"));
        assertThat(messages("<hv/>", "<load_order>SERVICE_VM</load_order><guest_flags/>"))
                .anyMatch(m -> m.contains("Write lapic_passthrough"));
    }

    @Test
    void elementsInTheWrongGroupAreSentToTheirOwn() {
        assertThat(
                        messages(
                                "<hv><MEMORY><SCHEDULER>SCHED_NOOP</SCHEDULER></MEMORY></hv>",
                                "<vm_type>SOS_VM</vm_type>"))
                .contains("<SCHEDULER> stands in <MEMORY>. Move it to hv/FEATURES.");
    }

    @Test
    void misspeltElementsAreRecognized() {
        assertThat(
                        messages(
                                "<hv><FEATURES><NVMX_ENABLE>y</NVMX_ENABLE></FEATURES></hv>",
                                "<vm_type>SOS_VM</vm_type><cpu_afinity/>"))
                .anyMatch(m -> m.contains("Did you mean <NVMX_ENABLED>?"))
                .anyMatch(m -> m.contains("Did you mean <cpu_affinity>?"));
    }

    @Test
    void boardFilesAreNoScenarios() {
        assertThat(
                        Scenarios.parse("<acrn-config board='b'><processors/></acrn-config>", "f")
                                .findings())
                .extracting(Finding::toString)
                .containsExactly(
                        "f:1:1: error [xml.root] This is a board file. Name the scenario file here.");
    }

    @Test
    void findingsStopAtTheirLimit() {
        List<Finding> findings =
                Scenarios.parse(
                                "<acrn-config><hv>"
                                        + "<x/>".repeat(5000)
                                        + "</hv><vm/></acrn-config>",
                                "f")
                        .findings();
        assertThat(findings).hasSize(Findings.LIMIT);
        assertThat(findings.getLast().message()).contains("more findings");
    }

    /// Files at the reader's bounds, which would take hours if each thing were compared with each.
    @Test
    void hugeFilesEnd() {
        String vm = "<vm id='1'><vm_type>SOS_VM</vm_type>%s</vm>";
        for (String content :
                List.of(
                        "<hv/>" + vm.formatted("").repeat(60_000),
                        "<hv/>" + vm.formatted("<pcpu_ids/>".repeat(150_000)),
                        "<hv/>"
                                + vm.formatted(
                                        "<cpu_affinity>"
                                                + "<pcpu_id>3</pcpu_id>".repeat(150_000)
                                                + "</cpu_affinity>"),
                        "<hv>"
                                + "<unknown-to-everyone/>".repeat(150_000)
                                + "</hv>"
                                + vm.formatted(""))) {
            ParseResult result =
                    Scenarios.parse("<acrn-config>" + content + "</acrn-config>", "huge");
            assertThat(Checker.check(result, Boards.standard())).isNotEmpty();
            assertThat(Converter.toV3(result.scenario().orElseThrow(), Boards.standard()).xml())
                    .isNotEmpty();
        }
    }

    @Test
    void findingsStayOnOneLine() {
        String name = "<name>a&#10;b&#9;" + "c".repeat(5000) + "</name>";
        assertThat(
                        Checker.check(
                                Scenarios.parse(
                                        file("<hv/>", "<vm_type>POST_STD_VM</vm_type>" + name),
                                        "f"),
                                Boards.standard()))
                .isNotEmpty()
                .allSatisfy(f -> assertThat(f.toString()).hasLineCount(1).hasSizeLessThan(1100));
    }

    private static Scenario only(String hv, String vm) {
        return Scenarios.parse(file(hv, vm), "f").scenario().orElseThrow();
    }

    private static List<String> messages(String hv, String vm) {
        return Scenarios.parse(file(hv, vm), "f").findings().stream()
                .map(Finding::message)
                .toList();
    }

    private static String file(String hv, String vm) {
        return "<acrn-config board=\"b\" scenario=\"s\">%s<vm id=\"0\">%s</vm></acrn-config>"
                .formatted(hv, vm);
    }
}
