package nestbox.bench.centres;

import nestbox.cpu.Processors;
import nestbox.cpu.StartState;
import nestbox.cpu.model.CpuModel;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortIo;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;

import java.util.HexFormat;

/// A processor with memory and one port that runs a loop of 64-bit code forever.
///
/// The loop is entered by the processor's own step loop, as guests are, so a benchmark measures
/// what a guest pays. [#turn] runs [#INSTRUCTIONS] of it.
final class GuestLoop implements AutoCloseable {
    /// What a lone processor's turn retires, but for the rest of a block.
    static final int INSTRUCTIONS = 400_000;

    /// Where the loop starts; 8 MiB of RAM around it are mapped as they are.
    static final int CODE = 0x10_0000;

    /// A device that takes what is written and does nothing.
    static final int PORT = 0x300;

    /// Here begin [#PAGES] small pages, which show [#FRAMES] frames of RAM again and again, so that
    /// the host's own caches don't count.
    static final int SMALL_PAGES = 0x4000_0000;

    static final int PAGES = 1 << 15;

    private static final int FRAMES = 16;
    private static final long FIRST_FRAME = 0x20_0000;
    private static final long RAM = 8 << 20;
    private static final long LONGEST_BLOCK = 64;

    private static final int ROOT = 0x1000;
    private static final int DIRECTORIES = 0x2000;
    private static final int SMALL_DIRECTORY = 0x3000;
    private static final int TABLES = 0x30_0000;
    private static final int PRESENT_WRITABLE = 3;
    private static final int LARGE = 0x80;

    private final GuestMemory memory = new GuestMemory(RAM);
    private final Processors processors;

    /// What the port was given last, so that no compiler can leave the writes out.
    private int written;

    /// @param code as hexadecimal digits, which may have spaces between
    GuestLoop(String code) {
        PortSpace ports = new PortSpace();
        ports.map(PORT, 1, new Port());
        processors =
                new Processors(
                        1, CpuModel.server(), memory, new MmioSpace(), ports, new VirtualClock());
        mapPages();
        byte[] bytes = HexFormat.of().parseHex(code.replace(" ", ""));
        memory.write(CODE, bytes, 0, bytes.length);
        processors.bootstrap().start(new StartState(true, CODE, 0, 0, 0, ROOT, 0, 0, 0x08, 0x10));
    }

    private void mapPages() {
        memory.writeLong(ROOT, DIRECTORIES | PRESENT_WRITABLE);
        memory.writeLong(DIRECTORIES, LARGE | PRESENT_WRITABLE);
        memory.writeLong(DIRECTORIES + 8, SMALL_DIRECTORY | PRESENT_WRITABLE);
        for (int i = 0; i < PAGES; i++) {
            if (i % 512 == 0) {
                memory.writeLong(SMALL_DIRECTORY + i / 512 * 8, TABLES + i * 8 | PRESENT_WRITABLE);
            }
            memory.writeLong(
                    TABLES + i * 8L,
                    FIRST_FRAME + i % FRAMES * GuestMemory.PAGE_SIZE | PRESENT_WRITABLE);
        }
    }

    /// Runs [#INSTRUCTIONS] instructions.
    ///
    /// @return something that depends on all of them
    long turn() {
        long before = processors.executed();
        processors.turn();
        long retired = processors.executed() - before;
        if (Math.abs(retired - INSTRUCTIONS) > LONGEST_BLOCK) {
            throw new IllegalStateException(
                    "%d instructions retired: the loop has an error.%n%s"
                            .formatted(retired, processors.bootstrap().dump()));
        }
        return retired + written;
    }

    @Override
    public void close() {
        processors.close();
        memory.close();
    }

    private final class Port implements PortIo {
        @Override
        public int read(int port, int size) {
            return written;
        }

        @Override
        public void write(int port, int size, int value) {
            written = value;
        }
    }
}
