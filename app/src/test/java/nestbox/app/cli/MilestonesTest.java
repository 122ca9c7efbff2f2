package nestbox.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.app.board.Board;
import nestbox.app.board.BoardConfiguration;
import nestbox.platform.ByteSink;

import org.junit.jupiter.api.Test;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// What a demonstration shows of its progress.
class MilestonesTest {
    private static final List<Milestones.Step> STEPS =
            List.of(
                    new Milestones.Step("first", "kernel"),
                    new Milestones.Step("second", "kernel"),
                    new Milestones.Step("third", "login: "));

    private final List<ByteSink> consoles = new ArrayList<>();
    private final List<String> told = new ArrayList<>();

    @Test
    void everyTextCountsForOneStep() throws IOException {
        ByteArrayOutputStream shown = new ByteArrayOutputStream();
        Milestones milestones =
                new Milestones(
                        (_, session) -> consoles.add(session.watched(shown::write)),
                        STEPS,
                        all -> told.add(all.getLast().name()));
        try (Board board = new Board(BoardConfiguration.of(4 << 20, 1, _ -> {}))) {
            milestones.start(board, output -> output);
            send("login: kernel ");
            assertThat(told).containsExactly("power-on, hypervisor started", "first");
            send("kernel login: ");
            assertThat(told).endsWith("second", "third");
            send("kernel login: ");
            assertThat(milestones.reached())
                    .extracting(Milestones.Reached::name)
                    .containsExactlyElementsOf(told);
            assertThat(shown).asString().isEqualTo("login: kernel kernel login: kernel login: ");
        }
    }

    @Test
    void resetBeginsAnew() throws IOException {
        Milestones milestones =
                new Milestones(
                        (_, session) -> consoles.add(session.watched(_ -> {})), STEPS, _ -> {});
        try (Board board = new Board(BoardConfiguration.of(4 << 20, 1, _ -> {}))) {
            milestones.start(board, output -> output);
            send("kernel");
            milestones.start(board, output -> output);
            assertThat(milestones.reached()).hasSize(1);
        }
    }

    @Test
    void curtainShowsTheLastLinesAndWhatFollows() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (Curtain curtain = new Curtain(out)) {
            for (int i = 0; i < 1000; i++) {
                curtain.write("line %d\n".formatted(i).getBytes(StandardCharsets.UTF_8));
            }
            assertThat(out.size()).isZero();
            curtain.raise();
            assertThat(out.toString(StandardCharsets.UTF_8))
                    .startsWith("line 98")
                    .endsWith("line 999\n");
            curtain.write('x');
            assertThat(out.toString(StandardCharsets.UTF_8)).endsWith("line 999\nx");
        }
    }

    private void send(String text) {
        for (byte value : text.getBytes(StandardCharsets.UTF_8)) {
            consoles.getLast().write(value);
        }
    }
}
