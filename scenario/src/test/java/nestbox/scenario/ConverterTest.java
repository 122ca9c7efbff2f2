package nestbox.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.scenario.Vuart.Base;
import nestbox.scenario.Vuart.Transport;
import nestbox.scenario.board.Board;
import nestbox.scenario.board.Boards;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

class ConverterTest {
    private static final Board BOARD = Boards.standard();

    @Test
    void theTutorialsScenarioStaysCleanAndNested() throws IOException {
        Scenario old = Scenarios.parse(ScenariosTest.NESTED).scenario().orElseThrow();
        ParseResult result = Scenarios.parse(Converter.toV3(old, BOARD).xml(), "new");
        assertThat(Checker.check(result, BOARD)).isEmpty();

        Scenario scenario = result.scenario().orElseThrow();
        assertThat(scenario.edition()).isEqualTo(Edition.V3);
        assertThat(scenario.hypervisor().features().nestedVmx()).isTrue();
        Vm vm = scenario.vms().getFirst();
        assertThat(vm.name()).isEqualTo("ACRN_SOS_VM");
        assertThat(vm.flags()).isEqualTo(old.vms().getFirst().flags());
        assertThat(vm.cpus().affinity()).containsExactly(1, 2, 3);
        assertThat(vm.vuart(0)).map(Vuart::transport).contains(Transport.PCI);
        assertThat(vm.os().bootArguments())
                .isEqualTo(Allocation.commandLine(old, old.vms().getFirst(), BOARD));
    }

    @Test
    void whatIsNewAlreadyStaysTheSame() throws IOException {
        Scenario scenario = Scenarios.parse(ScenariosTest.NESTED_V3).scenario().orElseThrow();
        assertThat(again(scenario).withoutLocations()).isEqualTo(scenario.withoutLocations());
    }

    @Test
    void convertedFilesConformAndConvertToThemselves() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("src/test/resources/rules"))) {
            for (Path file : files.filter(f -> f.endsWith("good.xml")).sorted().toList()) {
                if (file.toString().contains("board.")) {
                    continue;
                }
                Scenario old = Scenarios.parse(file).scenario().orElseThrow();
                String xml = Converter.toV3(old, BOARD).xml();
                ParseResult result = Scenarios.parse(xml, file.toString());
                assertThat(result.findings()).as("%s", file).isEmpty();
                Scenario once = result.scenario().orElseThrow();
                assertThat(again(once).withoutLocations())
                        .as("%s", file)
                        .isEqualTo(once.withoutLocations());
            }
        }
    }

    @Test
    void aKataVmIsNoSecondServiceVm() {
        Scenario scenario = convert(vm(0, "SOS_VM", "", "") + vm(1, "KATA_VM", "", ""));
        assertThat(scenario.vms())
                .extracting(Vm::loadOrder)
                .containsExactly(LoadOrder.SERVICE, LoadOrder.POST_LAUNCHED);
    }

    @Test
    void aSecurityVmIsNoSecureWorld() {
        Scenario scenario = convert(vm(0, "SAFETY_VM", "GUEST_FLAG_SECURITY_VM", ""));
        assertThat(scenario.vms().getFirst().flags()).isEqualTo(Set.of(GuestFlag.SECURITY_VM));
    }

    @Test
    void linesBetweenVmsBecomeConnections() {
        String there = legacy("SOS_COM2", 1);
        String back = legacy("COM2", 0);
        Scenario scenario = convert(vm(0, "SOS_VM", "", there) + vm(1, "POST_STD_VM", "", back));

        assertThat(scenario.hypervisor().connections())
                .singleElement()
                .satisfies(
                        connection -> {
                            assertThat(connection.transport()).isEqualTo(Transport.LEGACY);
                            assertThat(connection.endpoints())
                                    .extracting(end -> end.port().orElse(0))
                                    .containsExactly(0x2F8L, 0x2F8L);
                        });
        assertThat(scenario.vms().getLast().vuart(1))
                .map(Vuart::target)
                .contains(java.util.Optional.of(new Vuart.Target(0, 1)));
        assertThat(scenario.vms().getLast().vuart(1)).map(Vuart::base).contains(Base.port(0x2F8));
    }

    @Test
    void namesAreShortAndDiffer() {
        String long1 = "<name>A very long name of a VM, one</name>";
        String long2 = "<name>A very long name of a VM, two</name>";
        Scenario scenario = convert(vm(0, "SOS_VM", "", long1) + vm(1, "POST_STD_VM", "", long2));
        assertThat(scenario.vms())
                .extracting(Vm::name)
                .containsExactly("A_very_long_nam", "A_very_long_n_2");
    }

    @Test
    void invertedSettingsKeepTheirSense() {
        Conversion conversion =
                Converter.toV3(
                        scenario(
                                "<hv><FEATURES><ENFORCE_TURNOFF_AC>n</ENFORCE_TURNOFF_AC>"
                                        + "<MCE_ON_PSC_DISABLED>y</MCE_ON_PSC_DISABLED></FEATURES></hv>"
                                        + vm(0, "SOS_VM", "", "")),
                        BOARD);
        assertThat(conversion.xml())
                .contains("<SPLIT_LOCK_DETECTION_ENABLED>y<")
                .contains("<MCE_ON_PSC_ENABLED>n<");
        assertThat(conversion.notes())
                .containsExactly(
                        "The file no longer says that it is for board b.",
                        "VM \"ACRN VM_0\" is now called \"ACRN_VM_0\".");
    }

    private static String legacy(String com, int target) {
        return """
               <legacy_vuart id="1"><type>VUART_LEGACY_PIO</type><base>%s_BASE</base><irq>%s_IRQ</irq>
               <target_vm_id>%d</target_vm_id><target_uart_id>1</target_uart_id></legacy_vuart>
               """
                .formatted(com, com, target);
    }

    private static String vm(int id, String type, String flag, String more) {
        return "<vm id=\"%d\"><vm_type>%s</vm_type><guest_flags><guest_flag>%s</guest_flag></guest_flags>%s</vm>"
                .formatted(id, type, flag, more);
    }

    private static Scenario scenario(String content) {
        return Scenarios.parse(
                        "<acrn-config board=\"b\" scenario=\"s\">" + content + "</acrn-config>",
                        "old")
                .scenario()
                .orElseThrow();
    }

    private static Scenario convert(String vms) {
        return again(scenario("<hv/>" + vms));
    }

    private static Scenario again(Scenario scenario) {
        ParseResult result = Scenarios.parse(Converter.toV3(scenario, BOARD).xml(), "new");
        assertThat(result.findings()).isEqualTo(List.of());
        return result.scenario().orElseThrow();
    }
}
