package nestbox.console;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.console.FakeHypervisor.Terminal;

import org.junit.jupiter.api.Test;

import java.util.OptionalInt;

/// What a user of the shell sees, byte for byte.
class ShellTest {
    private final FakeHypervisor hypervisor = FakeHypervisor.tutorial();
    private final Terminal terminal = new Terminal(hypervisor);

    @Test
    void tutorialsSessionIsTheSameToTheByte() {
        terminal.shell.prompt();
        terminal.type("vm_list\rvcpu_list\r");
        assertThat(terminal.shown.toString())
                .isEqualTo(
                        """
                        ACRN:\\>vm_list

                        VM_UUID                          VM_ID VM_NAME                          VM_STATE
                        ================================ ===== ================================ ========
                        dbbbd4347a574216a12c2201f1ab0240   0   ACRN SOS VM                      Running\s
                        ACRN:\\>vcpu_list

                        VM ID    PCPU ID    VCPU ID    VCPU ROLE    VCPU STATE    THREAD STATE
                        =====    =======    =======    =========    ==========    ==========
                          0         1          0       PRIMARY      Running          RUNNING        \s
                          0         2          1       SECONDARY    Running          RUNNING        \s
                          0         3          2       SECONDARY    Running          RUNNING        \s
                        ACRN:\\>"""
                                .replace("\n", "\r\n"));
    }

    @Test
    void emptyLinesJustPromptAgain() {
        terminal.type("\r  , \r");
        assertThat(terminal.shown).hasToString("\r\nACRN:\\>  , \r\nACRN:\\>");
    }

    @Test
    void mistakesAreToldInGeneral() {
        assertThat(answer("frobnicate")).isEqualTo("\r\nError: Invalid command.\r\n");
        assertThat(answer("VM_LIST")).isEqualTo("\r\nError: Invalid command.\r\n");
        assertThat(answer("dump_host_mem 0")).isEqualTo("\r\nError: Invalid parameters.\r\n");
        assertThat(answer("vm_list 0")).isEqualTo("\r\nError: Invalid parameters.\r\n");
    }

    @Test
    void pastedTextRunsAsTyped() {
        StringBuilder pasted = new StringBuilder();
        for (int i = 0; i < 1000; i++) {
            pasted.append("loglevel ").append(i % 8).append(i % 2 == 0 ? "\r\n" : "\n");
        }
        terminal.type(pasted.toString());
        assertThat(hypervisor.levels.console()).isEqualTo(7);
        assertThat(terminal.shown.toString().split("ACRN:\\\\>", -1)).hasSize(1001);
    }

    @Test
    void spacesTabsAndCommasSeparate() {
        terminal.type("loglevel\t1,2 , 3\r");
        assertThat(hypervisor.levels.console()).isEqualTo(1);
        assertThat(hypervisor.levels.memory()).isEqualTo(2);
        assertThat(hypervisor.levels.npk()).isEqualTo(3);
    }

    @Test
    void pointRepeatsTheLastCommand() {
        terminal.type("version\r");
        String first = terminal.shown.toString();
        terminal.shown.setLength(0);
        terminal.type(".\r");
        assertThat(terminal.shown.toString()).isEqualTo(first.replaceFirst("version", "."));
    }

    @Test
    void commandCanGiveTheTerminalAway() {
        assertThat(terminal.type("vm_console 0\r")).isEqualTo(OptionalInt.of(0));
        assertThat(terminal.shown).endsWith("\r\n----- Entering VM 0 Shell -----\r\n");
    }

    @Test
    void tooLongLineIsNotRunInPart() {
        terminal.type("reboot" + " ".repeat(300) + "\r");
        assertThat(hypervisor.reboots).isZero();
        assertThat(terminal.shown).contains("\u0007", "Error: The line has more than 255");
        terminal.type("reboot\r");
        assertThat(hypervisor.reboots).isOne();
    }

    @Test
    void tabCompletesCommands() {
        terminal.type("vc\tdu\t 0 0\r");
        assertThat(terminal.shown.toString()).startsWith("vcpu_dumpreg  0 0\r\n=  VM ID 0 ");
        terminal.shown.setLength(0);
        terminal.type("nes\t\r");
        assertThat(terminal.shown).startsWith("nested_list \r\n\r\nVM ID");
        terminal.shown.setLength(0);
        terminal.type("dump_\t");
        assertThat(terminal.shown)
                .hasToString(
                        "dump_\r\ndump_host_mem  dump_guest_mem  dump_ioapic\r\nACRN:\\>dump_");
    }

    private String answer(String line) {
        terminal.shown.setLength(0);
        terminal.type(line + "\r");
        String shown = terminal.shown.toString();
        return shown.substring(line.length() + 2, shown.length() - Shell.PROMPT.length());
    }
}
