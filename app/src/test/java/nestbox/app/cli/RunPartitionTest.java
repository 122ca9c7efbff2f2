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

/// Scenarios with pre-launched VMs of a few instructions, beside a Service VM and without one.
@Timeout(60)
class RunPartitionTest {
    private static final Path PARTITIONED = Path.of("..", "scenarios", "partitioned.xml");
    private static final Path PRE_LAUNCHED = Path.of("..", "scenarios", "pre-launched.xml");

    private static final String POST_LAUNCHED =
            """
            <vm id="2">
              <load_order>POST_LAUNCHED_VM</load_order>
              <vm_type>STANDARD_VM</vm_type>
              <name>Later</name>
              <cpu_affinity><pcpu><pcpu_id>0</pcpu_id></pcpu></cpu_affinity>
              <memory><size>64</size></memory>
              <console_vuart>None</console_vuart>
            </vm>
            """;

    @TempDir private Path folder;

    @Test
    void machineRunsUntilTheLastVmIsOff() throws IOException {
        Run run = run(PARTITIONED, files(powerOff("left"), powerOff("right")));
        assertThat(run.err()).isEmpty();
        assertThat(run.status()).isZero();
        assertThat(log(0)).hasContent("left");
        assertThat(log(1)).hasContent("right");
        assertThat(run.out()).contains("Start VM id: 0 name: Left", "Start VM id: 1 name: Right");
    }

    @Test
    void preLaunchedVmOutlivesTheServiceVm() throws IOException {
        GuestProgram service = powerOff("service");
        GuestProgram other = off(new GuestProgram().print("before").pause(1 << 22).print(" after"));
        Run run = run(PRE_LAUNCHED, files(other, service));
        assertThat(run.status()).isZero();
        assertThat(log(0)).hasContent("before after");
        assertThat(log(1)).hasContent("service");
    }

    @Test
    void everyVmHasAConsoleOfItsOwnOnTheLine() throws Exception {
        for (Path scenario : List.of(PARTITIONED, PRE_LAUNCHED)) {
            List<String> arguments = arguments(scenario);
            arguments.add("--no-reboot");
            arguments.addAll(
                    kernels(
                            new GuestProgram().print("I am 0").halt(),
                            new GuestProgram().print("I am 1").halt()));
            Run run =
                    Run.with(
                            "vm_list\rvm_console 1\r\0vm_console 0\r\0reboot\r",
                            arguments.toArray(String[]::new));
            assertThat(run.status()).isZero();
            assertThat(run.out())
                    .containsPattern("  0   (Left|Partition) +Running")
                    .containsPattern("  1   (Right|Service) +Running")
                    .containsSubsequence(
                            "Entering VM 1 Shell",
                            "I am 1",
                            "Entering ACRN SHELL",
                            "Entering VM 0 Shell",
                            "I am 0",
                            "Entering ACRN SHELL");
        }
    }

    @Test
    void vmThatCrashesDoesNotTakeTheOthersAlong() throws IOException {
        Run run = run(PARTITIONED, files(new GuestProgram().tripleFault(), powerOff("right")));
        assertThat(log(1)).hasContent("right");
        assertThat(run.status()).isEqualTo(3);
        assertThat(run.err())
                .contains("stopped VM 0 (Left)")
                .containsIgnoringCase("triple fault")
                .doesNotContain("(Right)");
    }

    @Test
    void vmsThatHaveHaltedForGoodEndTheRun() throws IOException {
        List<String> options = files(new GuestProgram().print("0").halt(), powerOff("1"));
        Run run = run(PARTITIONED, options);
        assertThat(run.status()).isEqualTo(3);
        assertThat(run.err()).contains("Halted for good", "VM 0 (Left)").doesNotContain("VM 1");
    }

    @Test
    void commandLineIsTheVmsOwnOrThatForAll() throws IOException {
        String kernel = off(new GuestProgram().printCommandLine()).write(folder);
        List<String> options = new ArrayList<>(List.of("--kernel", kernel));
        options.addAll(List.of("--append", "for=all", "--append", "Right=for right"));
        options.addAll(logs());
        Run run = run(PARTITIONED, options);
        assertThat(run.status()).isZero();
        assertThat(log(0)).content().endsWith("console=ttyS0 loglevel=3 for=all");
        assertThat(log(1)).content().endsWith("console=ttyS0 loglevel=3 for right");
    }

    @Test
    void kernelOfAVmGoesBeforeTheOneForAll() throws IOException {
        List<String> options = new ArrayList<>(logs());
        options.addAll(List.of("--kernel", powerOff("all").write(folder, "all")));
        options.addAll(List.of("--kernel", "vm1=" + powerOff("own").write(folder, "own")));
        Run run = run(PARTITIONED, options);
        assertThat(run.status()).isZero();
        assertThat(log(0)).hasContent("all");
        assertThat(log(1)).hasContent("own");
    }

    @Test
    void machineHasAsMuchMemoryAsTheVmsAreToHave() throws IOException {
        String text = Files.readString(PARTITIONED);
        Path fixed =
                Files.writeString(
                        folder.resolve("fixed.xml"),
                        text.replaceFirst(
                                "<size>384</size>",
                                "<hpa_region><start_hpa>0x60000000</start_hpa>"
                                        + "<size_hpa>64</size_hpa></hpa_region>"));
        for (Path scenario : List.of(PARTITIONED, fixed)) {
            List<String> arguments = new ArrayList<>(List.of("run", scenario.toString()));
            arguments.addAll(files(powerOff("left"), powerOff("right")));
            Run run = Run.of(arguments.toArray(String[]::new));
            assertThat(run.err()).isEmpty();
            assertThat(run.status()).isZero();
        }
    }

    /// Where tables name all hardware there is, a serial port without a name has no interrupt.
    @Test
    void legacyConsoleIsInTheTablesThatTheVmGets() throws IOException {
        GuestProgram reader = off(new GuestProgram().findInTables("COM1").print("found"));
        assertThat(run(PARTITIONED, files(reader, powerOff(""))).status()).isZero();
        assertThat(log(0)).hasContent("found");
    }

    @Test
    void mistakesSayWhatToDo() throws IOException {
        String kernel = powerOff("").write(folder);
        mistake("no VM 9", "--kernel", "vm9=" + kernel);
        mistake("twice for all VMs", "--kernel", kernel, "--kernel", kernel);
        mistake("twice for vm1", "--kernel", "vm1=" + kernel, "--kernel", "Right=" + kernel);
        mistake("no guest image", "--kernel", kernel, "--guest", "vm1=windows");
        mistake("exclude each other", "--kernel", "vm1=" + kernel, "--guest", "vm1=login");
        mistake(
                "belong to a kernel",
                "--kernel",
                kernel,
                "--guest",
                "vm1=login",
                "--initrd",
                "vm1=x");
        mistake("no kernel missing", "--kernel", kernel, "--kernel", "vm0=missing");
        mistake("no module missing", "--kernel", kernel, "--module", "vm0=missing x");
    }

    @Test
    void whatAPostLaunchedVmBootsIsNotSaidHere() throws IOException {
        String text = Files.readString(PRE_LAUNCHED);
        int end = text.lastIndexOf("</acrn-config>");
        Path scenario = folder.resolve("post.xml");
        Files.writeString(scenario, text.substring(0, end) + POST_LAUNCHED + "</acrn-config>");
        mistake("device model", scenario, "--kernel", "vm2=" + powerOff("").write(folder));
        mistake("no console vUART", scenario, "--console", "Later=none");
    }

    private static void mistake(String why, String... options) {
        mistake(why, PARTITIONED, options);
    }

    private static void mistake(String why, Path scenario, String... options) {
        List<String> arguments = new ArrayList<>(List.of("run", scenario.toString()));
        arguments.addAll(List.of(options));
        Run run = Run.of(arguments.toArray(String[]::new));
        assertThat(run.err()).contains("nestbox: ").containsIgnoringCase(why);
        assertThat(run.err()).doesNotContain("\tat ");
        assertThat(run.status()).isEqualTo(2);
    }

    private static GuestProgram powerOff(String lastWords) {
        return off(new GuestProgram().print(lastWords));
    }

    private static GuestProgram off(GuestProgram program) {
        return program.outWord(0x1804, 7 << 10 | 1 << 13).spin();
    }

    private List<String> kernels(GuestProgram first, GuestProgram second) throws IOException {
        return List.of(
                "--kernel", "vm0=" + first.write(folder, "first"),
                "--kernel", "vm1=" + second.write(folder, "second"));
    }

    /// Kernels, and files for what they send.
    private List<String> files(GuestProgram first, GuestProgram second) throws IOException {
        List<String> options = new ArrayList<>(kernels(first, second));
        options.addAll(logs());
        return options;
    }

    private List<String> logs() {
        return List.of("--console", "vm0=file:" + log(0), "--console", "vm1=file:" + log(1));
    }

    private Path log(int vm) {
        return folder.resolve("log" + vm);
    }

    private static Run run(Path scenario, List<String> options) {
        List<String> arguments = arguments(scenario);
        arguments.addAll(options);
        return Run.of(arguments.toArray(String[]::new));
    }

    private static List<String> arguments(Path scenario) {
        return new ArrayList<>(
                List.of("run", scenario.toString(), "--memory", "1G", "--timeout", "40s"));
    }
}
