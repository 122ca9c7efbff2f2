package nestbox.conformance.boot;

import nestbox.app.board.Board;
import nestbox.app.board.BoardConfiguration;
import nestbox.app.board.DiskSpec;
import nestbox.app.board.NetSpec;
import nestbox.app.board.Outcome;
import nestbox.boot.BootFile;
import nestbox.boot.BootImages;
import nestbox.images.GuestImage;
import nestbox.images.GuestImages;
import nestbox.images.ProgressListener;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// A run of Debian's kernel from power-on to the end, with commands typed at its console.
record LinuxRun(Typist typist, Outcome outcome, Board.Statistics statistics) {
    /// Far more than any run takes: only for one that would never end.
    private static final Duration LIMIT = Duration.ofMinutes(15);

    static LinuxRun of(long memory, int processors, DiskSpec disk, List<String> commands)
            throws IOException {
        GuestImage image =
                GuestImages.of(
                                GuestImages.defaultCacheFolder(System.getenv()),
                                ProgressListener.SILENT)
                        .build("default");
        Typist typist = new Typist(commands);
        try (Board board = new Board(configuration(memory, processors, disk, typist));
                BootImages images = images(image)) {
            typist.sitDownAt(bytes -> board.serialInput(0, bytes));
            board.start(images.load(board.memory()));
            Thread watch = watch(board);
            Outcome outcome = board.run();
            watch.interrupt();
            return new LinuxRun(typist, outcome, board.statistics());
        }
    }

    private static BoardConfiguration configuration(
            long memory, int processors, DiskSpec disk, Typist typist) {
        BoardConfiguration plain = BoardConfiguration.of(memory, processors, typist);
        return new BoardConfiguration(
                memory,
                processors,
                plain.model(),
                List.of(disk),
                Optional.of(new NetSpec.Loopback()),
                typist,
                plain.com2(),
                plain.debugConsole(),
                plain.virtioConsole(),
                plain.start(),
                plain.clock());
    }

    private static BootImages images(GuestImage image) {
        return new BootImages(
                BootFile.open("kernel", image.kernel()),
                Optional.of(BootFile.open("initial RAM disk", image.initrd())),
                image.defaultAppend(),
                List.of());
    }

    private static Thread watch(Board board) {
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

    String answer(String command) {
        return typist.answer(command);
    }

    String console() {
        return typist.console();
    }
}
