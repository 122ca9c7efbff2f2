package nestbox.conformance.guests;

import nestbox.app.board.BoardConfiguration;
import nestbox.app.board.ClockMode;
import nestbox.boot.BootFile;
import nestbox.boot.BootImages;
import nestbox.cpu.model.CpuModel;
import nestbox.devices.rtc.Rtc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// This project's board with one of its processor models, booting the program as any multiboot
/// kernel.
record NestboxBoard(CpuModel model) implements Board {
    private static final Duration LIMIT =
            Duration.ofSeconds(Integer.getInteger("nestbox.guest.seconds", 180));

    @Override
    public Outcome run(Path elf, Options options) {
        StringBuffer console = new StringBuffer();
        BoardConfiguration configuration =
                configuration(model, options.processors(), options.memoryMegabytes(), console);
        BootFile kernel = BootFile.open("guest program", elf);
        try (BootImages images = new BootImages(kernel, Optional.empty(), "a=1 b", List.of());
                nestbox.app.board.Board board = new nestbox.app.board.Board(configuration)) {
            board.start(images.load(board.memory()));
            Thread watch = watch(board);
            End end = endOf(board.run(), console);
            watch.interrupt();
            return new Outcome(console.toString(), end);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// A board whose first serial port is all that counts.
    static BoardConfiguration configuration(
            CpuModel model, int processors, int megabytes, StringBuffer console) {
        return new BoardConfiguration(
                (long) megabytes << 20,
                processors,
                model,
                List.of(),
                Optional.empty(),
                value -> console.append((char) (value & 0xff)),
                value -> {},
                value -> {},
                Optional.empty(),
                Rtc.DEFAULT_START,
                ClockMode.VIRTUAL);
    }

    @Override
    public Deviations deviations() {
        return Deviations.ofModel(skipped(model));
    }

    /// The list of what programs skip on a processor model.
    static Path skipped(CpuModel model) {
        return GuestProgram.ROOT.resolve("models/" + model.name() + ".txt");
    }

    @Override
    public String toString() {
        return model.name();
    }

    /// Stops the board when it takes too long.
    static Thread watch(nestbox.app.board.Board board) {
        return Thread.startVirtualThread(
                () -> {
                    try {
                        Thread.sleep(LIMIT);
                        board.stop();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                });
    }

    static End endOf(nestbox.app.board.Outcome outcome, StringBuffer console) {
        return switch (outcome) {
            case nestbox.app.board.Outcome.GuestExit(int status) -> new End.Exit(status);
            case nestbox.app.board.Outcome.Reset _ -> new End.Reset();
            case nestbox.app.board.Outcome.Crashed(String message) -> {
                console.append(message);
                yield new End.Reset();
            }
            case nestbox.app.board.Outcome.Deadlocked(String message) -> {
                console.append(message);
                yield new End.Timeout();
            }
            case nestbox.app.board.Outcome.PoweredOff _, nestbox.app.board.Outcome.Stopped _ ->
                    new End.Timeout();
        };
    }
}
