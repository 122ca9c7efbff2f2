package nestbox.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import static java.nio.charset.StandardCharsets.US_ASCII;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/// Consoles of VMs that aren't on the terminal, with clients good and bad.
@Timeout(60)
class RunConsoleTest {
    private static final Path NESTED = Path.of("..", "scenarios", "nested.xml");
    private static final Pattern TERMINAL =
            Pattern.compile("console of VM 0 is (/dev/pts/\\d+)\\R");

    /// More than waits anywhere.
    private static final int FLOOD = 1 << 17;

    @TempDir private Path folder;

    @Test
    void clientOfASocketTalksToTheVm() throws Exception {
        LiveRun run = start(echo(), "vm0=unix:" + socket());
        try (SocketChannel client = connect()) {
            assertThat(exchange(client, "hello!q", 7)).isEqualTo("hello!q");
        }
        Run end = run.end();
        assertThat(end.status()).isZero();
        assertThat(end.err()).doesNotContain("nestbox: ");
        assertThat(end.out()).contains("ACRN:\\>").doesNotContain("hello");
        assertThat(socket()).doesNotExist();
    }

    @Test
    void clientThatComesLateSeesWhatWasSentBefore() throws Exception {
        GuestProgram program = new GuestProgram().print("early ");
        LiveRun run = start(powerOff(program.echo()), "vm0=unix:" + socket());
        try (SocketChannel client = connect()) {
            assertThat(exchange(client, "lateq", 11)).isEqualTo("early lateq");
        }
        assertThat(run.end().status()).isZero();
    }

    @Test
    void anotherClientCanFollowAndTwoAtATimeCannotBe() throws Exception {
        LiveRun run = start(echo(), "vm0=unix:" + socket());
        try (SocketChannel first = connect()) {
            assertThat(exchange(first, "a", 1)).isEqualTo("a");
            try (SocketChannel second = connect()) {
                assertThat(rest(second)).contains("another client has this console");
            }
            assertThat(exchange(first, "b", 1)).isEqualTo("b");
        }
        assertThat(untilServed("q")).isEqualTo("q");
        assertThat(run.end().status()).isZero();
    }

    @Test
    void clientThatFloodsAndNeverReadsDoesNotHoldTheVmUp() throws Exception {
        GuestProgram program = new GuestProgram().echo().flood(FLOOD);
        LiveRun run = start(powerOff(program), "vm0=unix:" + socket());
        try (SocketChannel client = connect()) {
            write(client, "q");
            assertThatIOException().isThrownBy(() -> write(client, "x".repeat(1 << 20)));
        }
        assertThat(run.end().status()).isZero();
    }

    @Test
    void clientThatLeavesInTheMiddleHarmsNobody() throws Exception {
        LiveRun run = start(echo(), "vm0=unix:" + socket());
        for (int i = 0; i < 20; i++) {
            try (SocketChannel client = connect()) {
                client.configureBlocking(false);
                client.write(ByteBuffer.wrap("x".repeat(1 << 14).getBytes(US_ASCII)));
            } catch (IOException refused) {
                // The one before isn't forgotten yet.
            }
        }
        assertThat(untilServed("q")).endsWith("q");
        assertThat(run.end().status()).isZero();
    }

    @Test
    void slowClientIsToldWhatItMissed() throws Exception {
        GuestProgram program = new GuestProgram().echo().flood(FLOOD).out(0xE9, '!').echo();
        LiveRun run = start(powerOff(program), "vm0=unix:" + socket(), "--debug-console", "stderr");
        try (SocketChannel client = connect()) {
            assertThat(exchange(client, "q", 1)).isEqualTo("q");
            run.err(Pattern.compile("(!)"));
            write(client, "q");
            assertThat(rest(client).replaceAll("x+", "x"))
                    .matches("x\r\n\\[nestbox: \\d+ bytes were lost here]\r\nxq");
        }
        assertThat(run.end().status()).isZero();
    }

    @Test
    void socketsOfTheDeadMakeWayAndNothingElse() throws Exception {
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(socket()));
            Run busy = start(echo(), "vm0=unix:" + socket()).end();
            assertThat(busy.status()).isEqualTo(2);
            assertThat(busy.err()).contains("console of VM 0", "another program listens there");
        }
        assertThat(socket()).exists();
        LiveRun run = start(echo(), "vm0=unix:" + socket());
        assertThat(untilServed("q")).isEqualTo("q");
        assertThat(run.end().status()).isZero();

        Path file = Files.writeString(folder.resolve("precious"), "data");
        Run refused = start(echo(), "vm0=unix:" + file).end();
        assertThat(refused.status()).isEqualTo(2);
        assertThat(refused.err()).contains("console of VM 0", "no socket");
        assertThat(file).hasContent("data");
    }

    @Test
    void fileIsEmptiedAndHasAllThatTheVmSends() throws Exception {
        Path file = Files.writeString(folder.resolve("log"), "something old and long");
        Run run = start(powerOff(new GuestProgram().print("bye")), "vm0=file:" + file).end();
        assertThat(run.status()).isZero();
        assertThat(run.out()).doesNotContain("bye");
        assertThat(file).hasContent("bye");
    }

    @Test
    void resetsDoNotCloseTheConsole() throws Exception {
        Path file = folder.resolve("log");
        GuestProgram program = new GuestProgram().threeBoots().exit(0).spin();
        assertThat(start(program, "vm0=file:" + file).end().status()).isEqualTo(1);
        assertThat(file).hasContent("123");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void fullDiskEndsTheRunWithAReason() throws Exception {
        GuestProgram program = new GuestProgram().print("bye");
        Run atTheEnd = start(powerOff(program), "vm0=file:/dev/full").end();
        assertThat(atTheEnd.status()).isEqualTo(2);
        assertThat(atTheEnd.err()).contains("can't be written", "file:/dev/full", "space");
        Run inBetween = start(new GuestProgram().print("x").spin(), "vm0=file:/dev/full").end();
        assertThat(inBetween.status()).isEqualTo(2);
        assertThat(inBetween.err()).containsOnlyOnce("nestbox: ");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void terminalPassesEveryByteBothWays() throws Exception {
        GuestProgram program = new GuestProgram().print("early\n").echo();
        LiveRun run = start(powerOff(program), "vm0=pty");
        Path terminal = Path.of(run.err(TERMINAL));
        String all = "\1\3\4\21\23\32\33\177\r\n\\^q";
        try (OutputStream out = new FileOutputStream(terminal.toFile());
                InputStream in = new FileInputStream(terminal.toFile())) {
            assertThat(read(in, 6)).isEqualTo("early\n");
            out.write(all.getBytes(US_ASCII));
            assertThat(read(in, all.length())).isEqualTo(all);
        }
        assertThat(run.end().status()).isZero();
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void terminalCanBeClosedAndOpenedAgain() throws Exception {
        LiveRun run = start(echo(), "vm0=pty");
        Path terminal = Path.of(run.err(TERMINAL));
        for (String text : List.of("a", "b", "c", "q")) {
            try (OutputStream out = new FileOutputStream(terminal.toFile());
                    InputStream in = new FileInputStream(terminal.toFile())) {
                out.write(text.getBytes(US_ASCII));
                assertThat(read(in, 1)).isEqualTo(text);
            }
        }
        assertThat(run.end().status()).isZero();
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void terminalThatNobodyReadsDoesNotHoldTheVmUp() throws Exception {
        GuestProgram program = new GuestProgram().echo().flood(FLOOD);
        LiveRun run = start(powerOff(program), "vm0=pty");
        Path terminal = Path.of(run.err(TERMINAL));
        try (OutputStream out = new FileOutputStream(terminal.toFile())) {
            out.write('q');
            assertThat(run.end().status()).isZero();
        }
    }

    @Test
    void textOnAConsoleElsewhereEndsTheRun() throws Exception {
        GuestProgram program = new GuestProgram().print("login: ").spin();
        Run run = start(program, "vm0=none", "--until", "login: ").end();
        assertThat(run.status()).isZero();
        assertThat(run.out()).doesNotContain("login: ");
    }

    @Test
    void shellKnowsWhereTheConsoleIs() throws Exception {
        String kernel = new GuestProgram().spin().write(folder);
        Path log = folder.resolve("log");
        String[] arguments = {
            "run",
            scenario(legacyConsole()),
            "--kernel",
            kernel,
            "--memory",
            "64M",
            "--timeout",
            "20s",
            "--no-reboot",
            "--console",
            "ACRN SOS VM=file:" + log
        };
        Run run = Run.with("vm_console 0\rreboot\r", arguments);
        assertThat(run.status()).isZero();
        assertThat(run.out())
                .contains("The console of VM 0 is elsewhere: file:" + log)
                .doesNotContain("Entering VM");
    }

    @Test
    void releaseBuildsHaveSuchConsolesToo() throws Exception {
        String release = legacyConsole().replace("<RELEASE>n", "<RELEASE>y");
        Path log = folder.resolve("log");
        String kernel = powerOff(new GuestProgram().print("bye")).write(folder);
        Run run =
                Run.of(
                        "run",
                        scenario(release),
                        "--kernel",
                        kernel,
                        "--memory",
                        "64M",
                        "--timeout",
                        "20s",
                        "--console",
                        "vm0=file:" + log);
        assertThat(run.status()).isZero();
        assertThat(log).hasContent("bye");
    }

    @Test
    void mistakesSayWhatToDo() throws Exception {
        mistake("doesn't begin with a VM", "pty");
        mistake("doesn't begin with a VM", "Nobody=pty");
        mistake("no VM 7", "vm7=pty");
        mistake("no VM 99999999", "vm99999999=pty");
        mistake("write unix:PATH, pty, file:PATH", "vm0=");
        mistake("write unix:PATH, pty, file:PATH", "vm0=tcp:80");
        mistake("write unix:PATH, pty, file:PATH", "vm0=unix:");
        mistake("twice", "vm0=pty", "--console", "ACRN SOS VM=none");
        mistake("for two outputs", "vm0=file:x", "--serial2", "file:./x");
        mistake("/nowhere", "vm0=file:/nowhere/log");
        mistake("/nowhere", "vm0=unix:/nowhere/socket");
        mistake("too long", "vm0=unix:/" + "x".repeat(200));
        mistake("is a directory", "vm0=file:" + folder);
        mistake("no socket", "vm0=unix:" + folder);
        Run silent =
                Run.of(
                        "run",
                        scenario(legacyConsole().replaceFirst("SOS_COM1_BASE", "INVALID_COM_BASE")),
                        "--kernel",
                        echo().write(folder),
                        "--console",
                        "vm0=pty");
        assertThat(silent.status()).isEqualTo(2);
        assertThat(silent.err()).contains("no console vUART", "legacy_vuart");
    }

    private void mistake(String why, String... console) throws Exception {
        Run run = start(echo(), console).end();
        assertThat(run.err())
                .contains("nestbox: ")
                .containsIgnoringCase(why)
                .doesNotContain("\tat ");
        assertThat(run.status()).isEqualTo(2);
    }

    private static GuestProgram echo() {
        return powerOff(new GuestProgram().echo());
    }

    private static GuestProgram powerOff(GuestProgram program) {
        return program.outWord(0x1804, 7 << 10 | 1 << 13).spin();
    }

    /// The Service VM's console where PCs have their first serial port.
    private static String legacyConsole() throws IOException {
        return Files.readString(NESTED)
                .replaceFirst("INVALID_COM_BASE", "SOS_COM1_BASE")
                .replace("PCI_VUART", "INVALID_PCI_BASE")
                .replace("console=ttyS4", "console=ttyS0");
    }

    private String scenario(String text) throws IOException {
        return Files.writeString(folder.resolve("scenario.xml"), text).toString();
    }

    private LiveRun start(GuestProgram program, String... console) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("run", scenario(legacyConsole())));
        arguments.addAll(List.of("--kernel", program.write(folder), "--memory", "64M"));
        arguments.addAll(List.of("--timeout", "40s", "--console"));
        arguments.addAll(List.of(console));
        return LiveRun.start(arguments.toArray(String[]::new));
    }

    private Path socket() {
        return folder.resolve("socket");
    }

    private SocketChannel connect() throws InterruptedException {
        while (true) {
            try {
                return SocketChannel.open(UnixDomainSocketAddress.of(socket()));
            } catch (IOException notYet) {
                Thread.sleep(5);
            }
        }
    }

    /// Comes back until nobody else has the console, says something, and hears what there is.
    private String untilServed(String text) throws Exception {
        while (true) {
            try (SocketChannel client = connect()) {
                write(client, text);
                String answer = rest(client);
                if (!answer.contains("another client")) {
                    return answer;
                }
            } catch (IOException refused) {
                Thread.sleep(5);
            }
        }
    }

    private static String exchange(SocketChannel client, String text, int length)
            throws IOException {
        write(client, text);
        return read(Channels.newInputStream(client), length);
    }

    private static void write(SocketChannel client, String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(US_ASCII));
        while (bytes.hasRemaining()) {
            client.write(bytes);
        }
    }

    private static String read(InputStream in, int length) throws IOException {
        return new String(in.readNBytes(length), US_ASCII);
    }

    private static String rest(SocketChannel client) throws IOException {
        return new String(Channels.newInputStream(client).readAllBytes(), US_ASCII);
    }
}
