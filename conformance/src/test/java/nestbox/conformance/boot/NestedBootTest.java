package nestbox.conformance.boot;

import static nestbox.conformance.boot.NestedRun.L1_PROMPT;
import static nestbox.conformance.boot.NestedRun.L2_LOGIN;
import static nestbox.conformance.boot.NestedRun.L2_PROMPT;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.app.board.Outcome;
import nestbox.conformance.boot.Dialogue.Step;
import nestbox.cpu.model.CpuModel;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Debian's KVM in the guest, with its default parameters: when it boots, QEMU starts a second
/// Debian on it, and one can log in at its console and start a guest there as well. When that one
/// is off, the first has a shell.
class NestedBootTest {
    private static final int NUMBERS = 2000;

    @Test
    void theGuestsOwnGuestReachesItsLoginPromptAndRunsCommands()
            throws IOException, NoSuchAlgorithmException {
        NestedRun run =
                NestedRun.of(
                        CpuModel.kabylake(),
                        "quiet",
                        List.of(
                                new Step(L2_LOGIN, "root"),
                                new Step(L2_PROMPT, "cat /sys/class/dmi/id/product_name"),
                                new Step(L2_PROMPT, "cat /proc/cpuinfo"),
                                new Step(L2_PROMPT, "seq 1 " + NUMBERS + " | sha256sum"),
                                new Step(L2_PROMPT, "/root/start-l3"),
                                new Step(L2_PROMPT, "poweroff -f"),
                                new Step(L1_PROMPT, "cat /sys/class/dmi/id/product_name"),
                                new Step(L1_PROMPT, "poweroff -f")));

        assertThat(run.outcome()).as(run.console()).isEqualTo(new Outcome.PoweredOff());
        assertThat(run.console())
                .contains("NUC7i5DNHE")
                .contains(L2_LOGIN)
                .contains("Standard PC (i440FX + PIIX, 1996)")
                .contains(hashOfNumbers())
                .containsPattern("Hello from the third level\\R+The guest has halted");
        String cpuinfo = between(run.console(), "cat /proc/cpuinfo", "sha256sum");
        assertThat(cpuinfo)
                .containsPattern("model name\\s*: \\Q%s".formatted(brand()))
                .containsPattern("flags\\s*:.* hypervisor ");
    }

    private static String brand() {
        return CpuModel.kabylake().identity().brand();
    }

    private static String hashOfNumbers() throws NoSuchAlgorithmException {
        String numbers =
                IntStream.rangeClosed(1, NUMBERS)
                        .mapToObj(number -> number + "\n")
                        .collect(Collectors.joining());
        return HexFormat.of()
                .formatHex(
                        MessageDigest.getInstance("SHA-256")
                                .digest(numbers.getBytes(StandardCharsets.US_ASCII)));
    }

    private static String between(String text, String start, String end) {
        int from = text.indexOf(start);
        return from < 0 ? "" : text.substring(from, text.indexOf(end, from));
    }
}
