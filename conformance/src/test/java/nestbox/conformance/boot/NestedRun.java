package nestbox.conformance.boot;

import nestbox.app.board.Board;
import nestbox.app.board.BoardConfiguration;
import nestbox.app.board.Outcome;
import nestbox.boot.BootFile;
import nestbox.boot.BootImages;
import nestbox.cpu.model.CpuModel;
import nestbox.images.GuestImage;
import nestbox.images.GuestImages;
import nestbox.images.ProgressListener;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// A run of Debian with a hypervisor and a second Debian on it, from power-on to the end.
record NestedRun(Dialogue dialogue, Outcome outcome) {
    /// The prompt of the outer system's shell.
    static final String L1_PROMPT = "nestbox:/# ";

    /// The same prompt in the first domain of Xen.
    static final String XEN_PROMPT = "xen:/# ";

    static final String L2_LOGIN = "l2 login: ";

    /// How the prompt of the inner system's shell begins: the folder follows.
    static final String L2_PROMPT = "l2:";

    /// Far more than any run takes: only for one that would never end.
    private static final Duration LIMIT = Duration.ofMinutes(60);

    /// With KVM and QEMU.
    ///
    /// @param append more for the command line of the outer kernel
    static NestedRun of(CpuModel model, String append, List<Dialogue.Step> steps)
            throws IOException {
        return of("kvm", model, append, steps);
    }

    /// With Xen.
    ///
    /// @param append more for the command line of the first domain's kernel
    static NestedRun onXen(CpuModel model, String append, List<Dialogue.Step> steps)
            throws IOException {
        return of("xen", model, append, steps);
    }

    private static NestedRun of(
            String guest, CpuModel model, String append, List<Dialogue.Step> steps)
            throws IOException {
        GuestImage image =
                GuestImages.of(
                                GuestImages.defaultCacheFolder(System.getenv()),
                                ProgressListener.SILENT)
                        .build(guest);
        BootImages images = images(image, image.defaultAppend() + " " + append);
        Dialogue dialogue = new Dialogue(steps);
        long memory = (long) image.memoryMiB() << 20;
        try (images;
                Board board = new Board(configuration(memory, model, dialogue))) {
            dialogue.sitDownAt(bytes -> board.serialInput(0, bytes));
            board.start(images.load(board.memory()));
            Thread watch = Thread.startVirtualThread(() -> stopAfterLimit(board));
            Outcome outcome = board.run();
            watch.interrupt();
            return new NestedRun(dialogue, outcome);
        }
    }

    private static BootImages images(GuestImage image, String line) {
        BootFile kernel = BootFile.open("kernel", image.kernel());
        BootFile initrd = BootFile.open("initial RAM disk", image.initrd());
        if (image.hypervisor().isEmpty()) {
            return new BootImages(kernel, Optional.of(initrd), line, List.of());
        }
        return new BootImages(
                BootFile.open("hypervisor", image.hypervisor().get()),
                Optional.empty(),
                line,
                List.of(new BootImages.Module(kernel, ""), new BootImages.Module(initrd, "")));
    }

    private static BoardConfiguration configuration(
            long memory, CpuModel model, Dialogue dialogue) {
        BoardConfiguration plain = BoardConfiguration.of(memory, 1, dialogue);
        return new BoardConfiguration(
                memory,
                plain.processors(),
                model,
                plain.disks(),
                plain.net(),
                dialogue,
                plain.com2(),
                plain.debugConsole(),
                plain.virtioConsole(),
                plain.start(),
                plain.clock());
    }

    private static void stopAfterLimit(Board board) {
        try {
            Thread.sleep(LIMIT);
            board.stop();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    String console() {
        return dialogue.console();
    }
}
