package nestbox.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Scenarios with a Service VM of a few instructions.
@Timeout(60)
class RunCommandTest {
    private static final Path NESTED = Path.of("..", "scenarios", "nested.xml");

    @TempDir private Path folder;

    @Test
    void powerOffOfTheOnlyVmIsSuccess() throws IOException {
        Run run = run(nested(), powerOff());
        assertThat(run.err()).isEmpty();
        assertThat(run.status()).isZero();
        assertThat(run.out())
                .contains("HV version 2.5-", "API version 1.0", "Start VM id: 0 name: ACRN SOS VM")
                .contains("Detect processor: Intel(R) Core(TM) i5-7300U CPU @ 2.60GHz")
                .contains("ACRN:\\>");
    }

    @Test
    void shellListsWhatTheTutorialShows() throws IOException {
        Run run =
                run(
                        "vm_list\rvcpu_list\rreboot\r",
                        nested(),
                        new GuestProgram().spin(),
                        "--no-reboot");
        assertThat(run.status()).isZero();
        assertThat(run.out())
                .contains("dbbbd4347a574216a12c2201f1ab0240   0   ACRN SOS VM     ")
                .contains("  0         1          0       PRIMARY      Running          RUNNING   ")
                .contains("  0         2          1       SECONDARY    Init             BLOCKED   ")
                .contains(
                        "  0         3          2       SECONDARY    Init             BLOCKED   ");
    }

    @Test
    void everyCommandWorksOnARunningVm() throws IOException {
        String commands =
                "help\rversion\rvcpu_dumpreg 0 0\rdump_host_mem 100000 32\r"
                        + "dump_guest_mem 0 100000 32\rint\rpt\rvioapic 0\rdump_ioapic\rloglevel 4\r"
                        + "loglevel\rcpuid 1\rrdmsr -p1 10\rwrmsr -p1 10 0\rexits\r"
                        + "nested_list\rept 0 100000\rvmcs 0 0 01\rvcpu_dumpreg 0 1\rreboot\r";
        Run run = run(commands, nested(), new GuestProgram().spin(), "--no-reboot");
        assertThat(run.status()).isZero();
        assertThat(run.out())
                .contains("=  RIP=0x00000000001000")
                .contains("HVA(0x100000): 0x", "GVA(0x100000):  0x")
                .contains("255\t0xEF\t")
                .contains("console_loglevel: 4, mem_loglevel: 5, npk_loglevel: 5")
                .contains("GPA 0x0000000000100000 is HPA 0x0000000000100000: 2 MB page, WB")
                .contains("VMCS01 of VM 0, vcpu 0, at 0x")
                .doesNotContain("Command launch failed", "Invalid command");
    }

    @Test
    void inputReachesTheVmThatHasTheConsole() throws IOException {
        Run run =
                run(
                        "vm_console 0\rhello\0vcpu_list\rvm_console\r!q",
                        legacyConsole(),
                        new GuestProgram().echo().outWord(0x1804, 7 << 10 | 1 << 13).spin());
        assertThat(run.status()).isZero();
        assertThat(run.out())
                .containsSubsequence(
                        "Entering VM 0 Shell",
                        "---Entering ACRN SHELL---",
                        "PRIMARY      Running",
                        "Entering VM 0 Shell",
                        "hello!q");
    }

    @Test
    void textOfAConsoleThatNobodySeesEndsTheRun() throws IOException {
        Run run =
                run(
                        legacyConsole(),
                        new GuestProgram().print("login: ").spin(),
                        "--until",
                        "login: ");
        assertThat(run.status()).isZero();
        assertThat(run.out()).doesNotContain("login: ");
    }

    @Test
    void releaseBuildHasNoConsoleOfItsOwn() throws IOException {
        String release = nested().replace("<RELEASE>n", "<RELEASE>y");
        Run run = run("vm_list\r", release, powerOff());
        assertThat(run.out()).isEqualTo("bye");
        assertThat(run.status()).isZero();
    }

    @Test
    void tripleFaultStopsTheVmAndIsTold() throws IOException {
        Run run = run(nested(), new GuestProgram().tripleFault());
        assertThat(run.status()).isEqualTo(3);
        assertThat(run.err())
                .contains("stopped VM 0 (ACRN SOS VM)")
                .containsIgnoringCase("triple fault");
    }

    @Test
    void haltForGoodIsTold() throws IOException {
        String release = nested().replace("<RELEASE>n", "<RELEASE>y");
        for (String scenario : List.of(nested(), legacyConsole(), release)) {
            Run run = run(scenario, new GuestProgram().halt(), "--until", "login: ");
            assertThat(run.status()).isEqualTo(3);
            assertThat(run.err()).contains("nestbox: ", "Halted for good", "VM 0 (ACRN SOS VM)");
        }
    }

    @Test
    void vmsThatAreHaltedForGoodLeaveTheShellToOneWhoCanType() throws Exception {
        Path file = Files.writeString(folder.resolve("scenario.xml"), nested());
        String kernel = new GuestProgram().halt().write(folder);
        LiveRun run =
                LiveRun.start(
                        "run",
                        file.toString(),
                        "--kernel",
                        kernel,
                        "--memory",
                        "64M",
                        "--timeout",
                        "20s");
        for (int i = 1; i <= 3; i++) {
            run.type("loglevel %d\rloglevel\r".formatted(i));
            run.out("console_loglevel: %d".formatted(i));
        }
        run.closeInput();
        assertThat(run.end().status()).isEqualTo(3);
    }

    @Test
    void resetStartsTheHypervisorAgain() throws IOException {
        String release = nested().replace("<RELEASE>n", "<RELEASE>y");
        Run run = run(release, new GuestProgram().threeBoots().exit(0).spin());
        assertThat(run.out()).isEqualTo("123");
    }

    @Test
    void whatTheMachineDoesNotHaveIsTheUsersToCorrect() throws IOException {
        Path file = Files.writeString(folder.resolve("scenario.xml"), nested());
        String kernel = powerOff().write(folder);
        Run run = Run.of("run", file.toString(), "--kernel", kernel, "--memory", "16M");
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err()).contains("--memory");
    }

    @Test
    void errorsOfTheScenarioAreListedAndNothingRuns() throws IOException {
        String broken = nested().replace("<pcpu_id>3</pcpu_id>", "<pcpu_id>7</pcpu_id>");
        Run run = run(broken, powerOff());
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err()).contains("error [", "pCPU 7", "1 error");
        assertThat(run.out()).isEmpty();
    }

    @Test
    void mistakesEndWithOneSentence() throws IOException {
        Run few = run(nested(), powerOff(), "--cpus", "2");
        assertThat(few.status()).isEqualTo(2);
        assertThat(few.err()).contains("has pCPU 2, and the machine has 2", "--cpus");
        assertThat(Run.of("run", "missing.xml").err()).contains("missing.xml");
        assertThat(Run.of("run", "missing.xml").status()).isEqualTo(2);
        assertThat(Run.of("run").err()).contains("SCENARIO");
        assertThat(Run.of("demo", "--timeout", "soon").err()).contains("is no time");
        assertThat(Run.of("demo", "--help").out()).contains("--attach", "Exit status");
        assertThat(Run.of("run", "--help").out()).contains("--kernel", "Ctrl-A s", "Exit status");
    }

    private static GuestProgram powerOff() {
        return new GuestProgram().print("bye").outWord(0x1804, 7 << 10 | 1 << 13).spin();
    }

    private static String nested() throws IOException {
        return Files.readString(NESTED);
    }

    /// The Service VM's console where PCs have their first serial port.
    private static String legacyConsole() throws IOException {
        return nested().replaceFirst("INVALID_COM_BASE", "SOS_COM1_BASE")
                .replace("PCI_VUART", "INVALID_PCI_BASE")
                .replace("console=ttyS4", "console=ttyS0");
    }

    private Run run(String scenario, GuestProgram program, String... options) throws IOException {
        return run("", scenario, program, options);
    }

    private Run run(String input, String scenario, GuestProgram program, String... options)
            throws IOException {
        Path file = Files.writeString(folder.resolve("scenario.xml"), scenario);
        List<String> arguments = new ArrayList<>(List.of("run", file.toString()));
        arguments.addAll(List.of("--kernel", program.write(folder), "--memory", "64M"));
        arguments.addAll(List.of("--timeout", "20s"));
        arguments.addAll(List.of(options));
        return Run.with(input, arguments.toArray(String[]::new));
    }
}
