package nestbox.app.board;

import nestbox.cpu.model.CpuModel;
import nestbox.devices.rtc.Rtc;
import nestbox.platform.ByteSink;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// What a board is made of, as its user wants it.
///
/// @param memory RAM in bytes, a multiple of 4 KiB
/// @param processors 1 to 8
/// @param com1 takes what the guest sends on its first serial port; likewise `com2`
/// @param debugConsole takes what it writes to the debug ports 0xE9 and 0x402
/// @param virtioConsole takes what it writes to its virtio console, which is there only then
/// @param start date and time at power-on
public record BoardConfiguration(
        long memory,
        int processors,
        CpuModel model,
        List<DiskSpec> disks,
        Optional<NetSpec> net,
        ByteSink com1,
        ByteSink com2,
        ByteSink debugConsole,
        Optional<ByteSink> virtioConsole,
        Instant start,
        ClockMode clock) {
    public BoardConfiguration {
        disks = List.copyOf(disks);
    }

    /// A board with defaults for everything else.
    public static BoardConfiguration of(long memory, int processors, ByteSink com1) {
        return new BoardConfiguration(
                memory,
                processors,
                CpuModel.kabylake(),
                List.of(),
                Optional.empty(),
                com1,
                value -> {},
                value -> {},
                Optional.empty(),
                Rtc.DEFAULT_START,
                ClockMode.VIRTUAL);
    }
}
