package nestbox.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Msr;
import nestbox.x86.vmx.VmcsField;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// What a user sees of VMX, with a real hypervisor of a few instructions.
@Timeout(60)
class TraceTest {
    private static final int STATUS = 2 * HypervisorProgram.VALUE + 1;

    @TempDir private Path folder;

    private static HypervisorProgram hypervisor() {
        return new HypervisorProgram(3);
    }

    private Run boot(GuestProgram program, String... options) throws IOException {
        String[] fixed = {"boot", "--kernel", program.write(folder), "--memory", "4M"};
        String[] all = Arrays.copyOf(fixed, fixed.length + options.length);
        System.arraycopy(options, 0, all, fixed.length, options.length);
        return Run.of(all);
    }

    @Test
    void withoutOptionsNothingIsSaid() throws IOException {
        assertThat(boot(hypervisor().launch())).isEqualTo(new Run(STATUS, "", ""));
    }

    @Test
    void everyEntryAndExitIsALine() throws IOException {
        Run run = boot(hypervisor().launch(), "--trace", "vmx");
        assertThat(run.status()).isEqualTo(STATUS);
        String time = "vmx    0\\.\\d{9} cpu0 ";
        String place = "rip=0x1000(2[5-9a-f]|3[0-9a-f])";
        String exit = " length=2 qualification=0x0 leaf=0x\\p{XDigit}+ subleaf=0x\\p{XDigit}+";
        List<String> lines = run.err().lines().toList();
        assertThat(lines).hasSize(6);
        for (int i = 0; i < 6; i += 2) {
            String instruction = i == 0 ? "VMLAUNCH" : "VMRESUME";
            assertThat(lines.get(i))
                    .matches(time + "entry " + instruction + " +" + place + " vmcs=0x202000");
            assertThat(lines.get(i + 1))
                    .matches(time + "exit  CPUID +" + place + exit + " vmcs=0x202000");
        }
    }

    @Test
    void aFileHasTheSameAsJson() throws IOException {
        Path file = folder.resolve("trace");
        Run run = boot(hypervisor().launch(), "--trace-file", file.toString());
        assertThat(run).isEqualTo(new Run(STATUS, "", ""));
        List<String> lines = Files.readAllLines(file);
        assertThat(lines).hasSize(6);
        assertThat(lines.get(0))
                .matches(
                        "\\{\"time\":\\d+,\"processor\":0,\"source\":\"vmx\",\"kind\":\"entry\","
                                + "\"name\":\"VMLAUNCH\",\"rip\":\"0x1000\\p{XDigit}+\","
                                + "\"vmcs\":\"0x202000\"}");
        assertThat(lines.get(1))
                .matches(
                        "\\{\"time\":\\d+,\"processor\":0,\"source\":\"vmx\",\"kind\":\"exit\","
                                + "\"name\":\"CPUID\",\"rip\":\"0x1000\\p{XDigit}+\",\"length\":2,"
                                + "\"qualification\":\"0x0\",\"leaf\":\"0x\\p{XDigit}+\","
                                + "\"subleaf\":\"0x\\p{XDigit}+\",\"vmcs\":\"0x202000\"}");
    }

    @Test
    void nothingIsLostAtTheEndOfALongTrace() throws IOException {
        Path file = folder.resolve("trace");
        Run run = boot(new HypervisorProgram(5000).launch(), "--trace-file", file.toString());
        assertThat(run.status()).isEqualTo(STATUS);
        List<String> lines = Files.readAllLines(file);
        assertThat(lines).hasSize(10_000);
        assertThat(lines)
                .allMatch(line -> line.startsWith("{\"time\":") && line.endsWith("\"0x202000\"}"));
        List<Boolean> exits = lines.stream().map(line -> line.contains("\"exit\"")).toList();
        assertThat(exits).isEqualTo(IntStream.range(0, 10_000).mapToObj(i -> i % 2 == 1).toList());
    }

    @Test
    void statisticsHaveATableOfExits() throws IOException {
        List<String> lines =
                boot(new HypervisorProgram(1001).launch(), "--stats").err().lines().toList();
        assertThat(lines).hasSize(5);
        assertThat(lines.get(1)).startsWith("nestbox: VM exits");
        assertThat(lines.get(2)).matches(" +reason +exits +share +instructions +per exit .*");
        // dec, jnz, mov, vmread, add, vmwrite, vmresume; nothing after the last exit
        assertThat(lines.get(3)).matches(" +CPUID +1,001 +100\\.0 % +7,000 +7 +0\\.000");
        assertThat(lines.get(4)).matches(" +all +1,001 +100\\.0 % +7,000 +7 +0\\.000");
    }

    @Test
    void anEntryThatFailedIsExplainedWhenTheGuestHalts() throws IOException {
        Run run = boot(hypervisor().set(VmcsField.CR3_TARGET_COUNT, 9).launch());
        assertThat(run.status()).isEqualTo(3);
        assertThat(run.err())
                .startsWith("nestbox: The guest is halted")
                .containsPattern(
                        "\nnestbox: A VM entry failed. 0\\.\\d{9} s, processor 0: VM-instruction"
                                + " error 7, VM entry with invalid control field\\(s\\):"
                                + " CR3_TARGET_COUNT = 0x9; accepted: .+ \\(rule .+; SDM Vol. 3C,"
                                + " \".+\"\\)\\.\n$");
    }

    @Test
    void theFirstCauseIsExplainedNotWhatFollowedFromIt() throws IOException {
        // The handler takes the failure for an exit, and tries VMRESUME.
        Run run = boot(hypervisor().set(VmcsField.GUEST_RFLAGS, 0).launch());
        assertThat(run.status()).isEqualTo(3);
        assertThat(run.err())
                .contains("nestbox: 2 VM entries failed. ")
                .contains("exit reason 33, VM-entry failure due to invalid guest state: GUEST_RFL")
                .doesNotContain("VMRESUME");
    }

    @Test
    void aRegisterThatCannotBeLoadedIsNamed() throws IOException {
        Run run = boot(hypervisor().loads(Msr.IA32_PAT, 2).launch(), "--trace", "vmx");
        assertThat(run.err())
                .containsPattern(
                        "(?m)^vmx .* cpu0 entry-failure MSR_LOADING +result=\"exit reason 34, .+\""
                                + " entry=1 msr=0x277 value=0x2 why=\"WRMSR is #GP with this value\""
                                + " section=\"Loading MSRs\" vmcs=0x202000$")
                .contains("entry 1 of the area, MSR 0x277 (IA32_PAT) = 0x2: WRMSR is #GP");
    }

    @Test
    void anEntryThatFailedIsNoNewsWhenAllEndsWell() throws IOException {
        HypervisorProgram program = hypervisor();
        // vmlaunch with a bad field, then with a good one
        program.set(VmcsField.CR3_TARGET_COUNT, 9).bytes(0x0F, 0x01, 0xC2);
        program.set(VmcsField.CR3_TARGET_COUNT, 0).launch();
        assertThat(boot(program)).isEqualTo(new Run(STATUS, "", ""));
        assertThat(boot(program, "--stats").err()).contains("nestbox: A VM entry failed. ");
    }

    @Test
    void aPlaceThatCannotBeWrittenIsAMistake() throws IOException {
        String kernel = hypervisor().launch().write(folder);
        Path missing = folder.resolve("missing").resolve("trace");
        mistake("Can't write the trace: there is no file or folder " + missing, kernel, missing);
        mistake("Can't write the trace: " + folder + ": Is a directory", kernel, folder);
        mistake("The trace can't be written: No space left on device", kernel, "/dev/full");
    }

    @Test
    void theOnlyTopicIsVmx() {
        Run run = Run.of("boot", "--trace", "everything");
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err()).startsWith("nestbox: ").contains("--trace", "everything", "VMX");
    }

    private static void mistake(String why, String kernel, Object file) {
        Run run = Run.of("boot", "--kernel", kernel, "--memory", "4M", "--trace-file", "" + file);
        assertThat(run).isEqualTo(new Run(2, "", "nestbox: %s.%n".formatted(why)));
    }
}
