package nestbox.conformance.boot;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.app.board.Board;
import nestbox.app.board.BoardConfiguration;
import nestbox.app.board.Outcome;
import nestbox.boot.BootFile;
import nestbox.boot.BootImages;
import nestbox.images.GuestImage;
import nestbox.images.GuestImages;
import nestbox.images.ProgressListener;

import org.junit.jupiter.api.Test;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.function.Consumer;

/// Debian's KVM in the guest, with its default parameters: when it boots, QEMU starts a second
/// Debian on it, and one can log in at its console. When that one is off, the first has a shell.
class NestedBootTest {
    private static final Duration LIMIT = Duration.ofMinutes(20);
    private static final String L1_PROMPT = "nestbox:/# ";

    /// What the console shows last, and what is typed then.
    private record Step(String shown, String typed) {}

    /// Types each step's text as soon as the console shows what the step waits for.
    private static final class Dialogue {
        private final Queue<Step> steps;
        private final ByteArrayOutputStream shown = new ByteArrayOutputStream();
        private final StringBuilder recent = new StringBuilder();
        private Consumer<byte[]> keyboard = bytes -> {};

        Dialogue(List<Step> steps) {
            this.steps = new ArrayDeque<>(steps);
        }

        void write(byte value) {
            shown.write(value);
            recent.append((char) (value & 0xFF));
            Step next = steps.peek();
            if (next != null && recent.indexOf(next.shown) >= 0) {
                steps.remove();
                recent.setLength(0);
                keyboard.accept((next.typed + "\n").getBytes(StandardCharsets.US_ASCII));
            }
        }

        String console() {
            return shown.toString(StandardCharsets.ISO_8859_1);
        }
    }

    @Test
    void theGuestsOwnGuestReachesItsLoginPromptAndRunsCommands() throws IOException {
        Dialogue dialogue =
                new Dialogue(
                        List.of(
                                new Step("l2 login: ", "root"),
                                new Step("l2:", "cat /sys/class/dmi/id/product_name"),
                                new Step("l2:", "echo sum $((6 * 7))"),
                                new Step("l2:", "poweroff -f"),
                                new Step(L1_PROMPT, "cat /sys/class/dmi/id/product_name"),
                                new Step(L1_PROMPT, "poweroff -f")));
        Outcome outcome = run(dialogue);

        assertThat(outcome).as(dialogue.console()).isEqualTo(new Outcome.PoweredOff());
        assertThat(dialogue.console())
                .contains("NUC7i5DNHE")
                .contains("l2 login: ")
                .contains("Standard PC (i440FX + PIIX, 1996)")
                .contains("sum 42");
    }

    private static Outcome run(Dialogue dialogue) throws IOException {
        GuestImage image =
                GuestImages.of(
                                GuestImages.defaultCacheFolder(System.getenv()),
                                ProgressListener.SILENT)
                        .build("kvm");
        long memory = (long) image.memoryMiB() << 20;
        BootImages images =
                new BootImages(
                        BootFile.open("kernel", image.kernel()),
                        Optional.of(BootFile.open("initial RAM disk", image.initrd())),
                        image.defaultAppend() + " quiet",
                        List.of());
        try (images;
                Board board = new Board(BoardConfiguration.of(memory, 1, dialogue::write))) {
            dialogue.keyboard = bytes -> board.serialInput(0, bytes);
            board.start(images.load(board.memory()));
            Thread watch = Thread.startVirtualThread(() -> stopAfterLimit(board));
            Outcome outcome = board.run();
            watch.interrupt();
            return outcome;
        }
    }

    private static void stopAfterLimit(Board board) {
        try {
            Thread.sleep(LIMIT);
            board.stop();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
