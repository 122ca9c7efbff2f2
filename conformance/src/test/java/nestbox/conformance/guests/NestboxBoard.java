package nestbox.conformance.guests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import nestbox.app.board.BoardConfiguration;
import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;

/// This project's board, with the program where a multiboot loader puts it.
final class NestboxBoard implements Board {
    private static final Duration LIMIT = Duration.ofSeconds(Integer.getInteger("nestbox.guest.seconds", 180));
    private static final int MAGIC = 0x2badb002;
    private static final int GDT = 0x1000;
    private static final int INFORMATION = 0x2000;

    @Override
    public Outcome run(Path elf, Options options) {
        StringBuffer console = new StringBuffer();
        BoardConfiguration configuration =
                BoardConfiguration.of(
                        (long) options.memoryMegabytes() << 20,
                        options.processors(),
                        value -> console.append((char) (value & 0xff)));
        try (nestbox.app.board.Board board = new nestbox.app.board.Board(configuration)) {
            board.start(load(board.memory(), Files.readAllBytes(elf)));
            Thread watch = watch(board);
            End end = endOf(board.run(), console);
            watch.interrupt();
            return new Outcome(console.toString(), end);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Thread watch(nestbox.app.board.Board board) {
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

    private static End endOf(nestbox.app.board.Outcome outcome, StringBuffer console) {
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

    /// Copies the segments, and leaves flat descriptors for the start.
    private static StartState load(GuestMemory memory, byte[] bytes) {
        ByteBuffer elf = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int headers = elf.getInt(28);
        for (int i = 0; i < elf.getShort(44); i++) {
            int header = headers + 32 * i;
            if (elf.getInt(header) == 1) {
                int size = elf.getInt(header + 16);
                memory.write(elf.getInt(header + 12), bytes, elf.getInt(header + 4), size);
            }
        }
        memory.writeLong(GDT + 8, 0x00cf9b000000ffffL);
        memory.writeLong(GDT + 16, 0x00cf93000000ffffL);
        return new StartState(
                false, elf.getInt(24) & 0xffff_ffffL, MAGIC, INFORMATION, 0, 0, GDT, 23, 8, 16);
    }
}
