package nestbox.conformance.hostile;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.app.board.Board;
import nestbox.app.board.BoardConfiguration;
import nestbox.app.board.DiskSpec;
import nestbox.app.board.NetSpec;
import nestbox.app.board.Outcome;
import nestbox.cpu.StartState;
import nestbox.cpu.apic.LocalApic;
import nestbox.devices.pci.PciFunction;
import nestbox.hypervisor.Machine;
import nestbox.platform.DmaDomain;
import nestbox.platform.DmaDomain.Range;
import nestbox.platform.GuestMemory;
import nestbox.platform.NativeSpace;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// A board whose guest means harm, between two strips of memory that it must not reach and beside
/// another board that must not notice.
final class Victim implements AutoCloseable {
    /// Some of the RAM lies above 4 GiB.
    static final long RAM = GuestMemory.PCI_HOLE + (2 << 20);

    private static final long BYSTANDER_RAM = 2 << 20;
    private static final long GUARD = 2 << 20;
    private static final byte PATTERN = (byte) 0xA7;

    private final long before = guard();
    private final Board board;
    private final Board bystander;
    private final long after;
    private final byte[] untouched;

    Victim(int processors, List<DiskSpec> disks) throws IOException {
        BoardConfiguration plain = BoardConfiguration.of(RAM, processors, value -> {});
        board =
                new Board(
                        new BoardConfiguration(
                                RAM,
                                processors,
                                plain.model(),
                                disks,
                                Optional.of(new NetSpec.Loopback()),
                                plain.com1(),
                                plain.com2(),
                                plain.debugConsole(),
                                Optional.of(value -> {}),
                                plain.start(),
                                plain.clock()));
        after = guard();
        bystander = new Board(BoardConfiguration.of(BYSTANDER_RAM, 1, value -> {}));
        byte[] filled = new byte[(int) BYSTANDER_RAM];
        Arrays.fill(filled, PATTERN);
        bystander.memory().write(0, filled, 0, filled.length);
        untouched = contents(bystander);
    }

    private static long guard() {
        long at = NativeSpace.allocate(GUARD);
        NativeSpace.SPACE.asSlice(at, GUARD).fill(PATTERN);
        return at;
    }

    private static byte[] contents(Board board) {
        byte[] contents = new byte[(int) BYSTANDER_RAM];
        board.memory().read(0, contents, 0, contents.length);
        return contents;
    }

    GuestMemory memory() {
        return board.memory();
    }

    /// Lets the board's PCI functions reach a part of memory and the bootstrap processor, until the
    /// next reset.
    void confineDevices(long address, long length) {
        LocalApic bootstrap = board.processors().bootstrap().apic();
        for (PciFunction function : board.pci().functions().values()) {
            Range range = new Range(address, address, length, true);
            function.dma().ifPresent(dma -> dma.restrictTo(List.of(range)));
            function.messages().divert(board.processors().apicBus().confinedTo(List.of(bootstrap)));
        }
    }

    /// How often devices have met the end of their part since [#confineDevices].
    long dmaFaults() {
        return board.pci().functions().values().stream()
                .flatMap(function -> function.dma().stream())
                .mapToLong(DmaDomain::faults)
                .sum();
    }

    /// Devices and processors as after power-on.
    void reset() {
        board.reset();
    }

    /// Starts the bootstrap processor and runs for so much of the board's time at most.
    Optional<Outcome> run(StartState state, long nanos) {
        board.start(state);
        return board.runFor(nanos);
    }

    /// Runs what has been started by other means.
    Optional<Outcome> go(long nanos) {
        return board.runFor(nanos);
    }

    Machine machine() {
        return board.machine();
    }

    /// Time since the board was made.
    long nanos() {
        return board.statistics().nanos();
    }

    /// Fails when anything outside the board has changed.
    void checkSurroundings() {
        for (long strip : new long[] {before, after}) {
            for (long at = 0; at < GUARD; at += Long.BYTES) {
                long value = NativeSpace.SPACE.get(NativeSpace.I64, strip + at);
                if (value != 0x0101_0101_0101_0101L * (PATTERN & 0xFF)) {
                    throw new AssertionError("memory beside the board's has changed");
                }
            }
        }
        assertThat(contents(bystander)).as("memory of another board").isEqualTo(untouched);
    }

    @Override
    public void close() {
        board.close();
        bystander.close();
        NativeSpace.free(before, GUARD);
        NativeSpace.free(after, GUARD);
    }
}
