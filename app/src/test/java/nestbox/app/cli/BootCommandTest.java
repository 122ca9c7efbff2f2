package nestbox.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/// How runs end, with real guests of a few instructions.
@Timeout(60)
class BootCommandTest {
    @TempDir private Path folder;

    @Test
    void guestProgramPassesItsExitCodeOn() throws IOException {
        Run run = boot(new GuestProgram().print("hello\n").exit(3).spin());
        assertThat(run).isEqualTo(new Run(7, "hello\n", ""));
    }

    @Test
    void exitStatusHasEightBits() throws IOException {
        assertThat(boot(new GuestProgram().exit(0x81).spin()).status()).isEqualTo(3);
    }

    @Test
    void realModeProgramsFindTheFirmwaresVectorsAndData() throws IOException {
        int kibibytes = 0x9_F000 >> 10;
        Run run = boot(new GuestProgram().callFirmware());
        assertThat(run.status()).isEqualTo((kibibytes >> 2) * 2 + 1 & 0xFF);
    }

    @Test
    void powerOffIsSuccess() throws IOException {
        Run run = boot(powerOff());
        assertThat(run).isEqualTo(new Run(0, "bye", ""));
    }

    @Test
    void seenTextIsSuccessAtOnce() throws IOException {
        Run run = boot(new GuestProgram().print("aabaab").spin(), "--until", "abaa");
        assertThat(run.status()).isZero();
        assertThat(run.out()).startsWith("aabaa");
    }

    @Test
    void powerOffBeforeTheTextIsAFinding() throws IOException {
        Run run = boot(powerOff(), "--until", "login:");
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err()).contains("power off before", "\"login:\"");
    }

    @Test
    void tripleFaultIsToldWithRegisters() throws IOException {
        Run run = boot(new GuestProgram().tripleFault());
        assertThat(run.status()).isEqualTo(3);
        assertThat(run.err()).startsWith("nestbox: ").containsIgnoringCase("triple fault");
        assertThat(run.err()).containsIgnoringCase("rip");
    }

    @Test
    void haltForGoodIsACrash() throws IOException {
        Run run = boot(new GuestProgram().halt());
        assertThat(run.status()).isEqualTo(3);
        assertThat(run.err()).startsWith("nestbox: ").contains("halted");
    }

    @Test
    void timeLimitEndsAGuestThatNeverEnds() throws IOException {
        Run run = boot(new GuestProgram().spin(), "--timeout", "1s");
        assertThat(run.status()).isEqualTo(4);
        assertThat(run.err()).contains("time limit");
    }

    @Test
    void resetBootsTheSameImagesAgain() throws IOException {
        Run run = boot(new GuestProgram().threeBoots().exit(0).spin());
        assertThat(run).isEqualTo(new Run(1, "123", ""));
    }

    @Test
    void resetEndsTheRunIfAsked() throws IOException {
        Run run = boot(new GuestProgram().threeBoots().exit(0).spin(), "--no-reboot");
        assertThat(run).isEqualTo(new Run(0, "1", ""));
    }

    @Test
    void inputReachesTheGuestWhateverItsLength() throws IOException {
        String input = "0123456789".repeat(3000) + "q";
        String kernel = new GuestProgram().echo().exit(0).spin().write(folder);
        Run run = Run.with(input, "boot", "--kernel", kernel, "--memory", "4M");
        assertThat(run.out()).isEqualTo(input);
        assertThat(run.status()).isEqualTo(1);
    }

    @Test
    void otherOutputsGoWhereTheyAreSent() throws IOException {
        Path file = folder.resolve("com2");
        Run run =
                boot(
                        new GuestProgram().out(0x2F8, 'x').out(0xE9, 'y').exit(0).spin(),
                        "--serial2",
                        "file:" + file,
                        "--debug-console",
                        "stderr");
        assertThat(run).isEqualTo(new Run(1, "", "y"));
        assertThat(file).hasContent("x");
    }

    @Test
    void statisticsAreForStandardError() throws IOException {
        Run run = boot(powerOff(), "--stats");
        assertThat(run.out()).isEqualTo("bye");
        assertThat(run.err()).matches("nestbox: [\\d,]+ instructions, .*\\R");
    }

    @Test
    void mistakesEndWithOneSentence() throws IOException {
        String kernel = powerOff().write(folder);
        Path text = Files.writeString(folder.resolve("text"), "not a kernel");
        mistake("There is no kernel missing", "--kernel", "missing");
        mistake("is not a file", "--kernel", folder.toString());
        mistake("neither a Linux bzImage nor a multiboot kernel", "--kernel", text.toString());
        mistake("There is no module nothing", "--kernel", kernel, "--module", "nothing a b");
        mistake("There is no initial RAM disk", "--kernel", kernel, "--initrd", "missing");
        mistake("no disk missing.img", "--kernel", kernel, "--disk", "missing.img");
        mistake("--kernel", "--initrd", text.toString());
        mistake("exclude each other", "--kernel", kernel, "--guest", "default");
        mistake("no guest image", "--guest", "windows");
        mistake("is no size", "--memory", "1536");
        mistake("1M to 64G", "--memory", "65G");
        mistake("1M to 64G", "--memory", "4K");
        mistake("4K pages", "--memory", "1025K");
        mistake("number from 1 to 8", "--cpus", "9");
        mistake("choose one of kabylake", "--cpu", "486");
        mistake("is no network", "--net", "wlan");
        mistake("is no time", "--timeout", "5");
        mistake("is no place for output", "--serial2", "com3");
        mistake("--clock", "--clock", "sundial");
        mistake("no option or command '--kernle'", "--kernle", kernel);
        mistake("--append", "--kernel", kernel, "--append", "a", "--append", "b");
        mistake("--until", "--kernel", kernel, "--until", "");
    }

    @Test
    void helpAndVersionAreSuccess() {
        assertThat(Run.of("--help").status()).isZero();
        assertThat(Run.of("--help").out()).contains("boot");
        assertThat(Run.of("boot", "--help").out()).contains("--kernel", "Exit status");
        assertThat(Run.of("boot", "--help").out()).doesNotContain("%");
        assertThat(Run.of("--version").out()).startsWith("nestbox ");
        assertThat(Run.of().status()).isEqualTo(2);
        assertThat(Run.of("boto").err()).contains("boto", "boot");
    }

    private static GuestProgram powerOff() {
        return new GuestProgram().print("bye").outWord(0x1804, 7 << 10 | 1 << 13).spin();
    }

    private Run boot(GuestProgram program, String... options) throws IOException {
        return Run.of(arguments(program, options));
    }

    private String[] arguments(GuestProgram program, String... options) throws IOException {
        String[] fixed = {"boot", "--kernel", program.write(folder), "--memory", "4M"};
        String[] all = Arrays.copyOf(fixed, fixed.length + options.length);
        System.arraycopy(options, 0, all, fixed.length, options.length);
        return all;
    }

    private static void mistake(String why, String... options) {
        String[] arguments = new String[options.length + 1];
        arguments[0] = "boot";
        System.arraycopy(options, 0, arguments, 1, options.length);
        Run run = Run.of(arguments);
        assertThat(run.err()).startsWith("nestbox: ").contains(why).doesNotContain("\tat ");
        assertThat(run.err().lines().count()).isLessThanOrEqualTo(2);
        assertThat(run.status()).isEqualTo(2);
    }
}
