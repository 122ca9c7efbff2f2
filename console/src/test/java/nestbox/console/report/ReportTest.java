package nestbox.console.report;

import static nestbox.console.report.Field.flag;
import static nestbox.console.report.Field.hex;
import static nestbox.console.report.Field.hexes;
import static nestbox.console.report.Field.number;
import static nestbox.console.report.Field.numbers;
import static nestbox.console.report.Field.text;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.console.FakeHypervisor;
import nestbox.console.command.Commands;
import nestbox.console.report.Report.Line;

import org.junit.jupiter.api.Test;

import java.util.List;

/// One answer, once for people and once for programs.
class ReportTest {
    private final Report report =
            Report.start()
                    .words("HEAD\r\n")
                    .message("take care\r\n")
                    .line("%d/%x\r\n", number("count", 3), hex("address", -1))
                    .table(
                            "rows",
                            List.of(
                                    Line.of(
                                            "%s %d|",
                                            text("name", "a\u001bb\"\\"), flag("on", true)),
                                    Line.of(
                                            "%d,%d %x;",
                                            numbers("n", List.of(1L, 2L)),
                                            hexes("h", List.of(255L)))))
                    .invalid();

    @Test
    void peopleGetTheLayout() {
        assertThat(report.text())
                .isEqualTo(
                        "HEAD\r\ntake care\r\n3/ffffffffffffffff\r\na?b\"\\ 1|1,2 ff;"
                                + "\r\nError: Invalid parameters.\r\n");
    }

    @Test
    void programsGetTheValues() {
        String json = report.json().toString();
        JsonText.check(json);
        assertThat(json)
                .isEqualTo(
                        """
                        {"status":"invalid parameters","count":3,"address":"0xffffffffffffffff",\
                        "rows":[{"name":"a\\u001bb\\"\\\\","on":true},{"n":[1,2],"h":["0xff"]}],\
                        "messages":["take care"]}""");
    }

    @Test
    void listOfVmsIsReadByPrograms() {
        String json = Commands.run("vm_list", FakeHypervisor.tutorial()).json().toString();
        assertThat(json)
                .isEqualTo(
                        """
                        {"status":"done","vms":[{"uuid":"dbbbd4347a574216a12c2201f1ab0240","vm":0,\
                        "name":"ACRN SOS VM","state":"Running"}]}""");
        assertThat(Commands.run("vm_console 0", FakeHypervisor.tutorial()).json())
                .hasToString("{\"status\":\"done\",\"console\":0}");
        assertThat(Commands.run("nonsense", FakeHypervisor.tutorial()).json())
                .hasToString("{\"status\":\"unknown command\"}");
    }
}
