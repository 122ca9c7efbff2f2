package nestbox.bench.comparison;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// How much of the host's memory a process has, as Linux counts it.
///
/// @param peakKib at most so far
/// @param guestKib for the guest's memory now
record Residence(long peakKib, long guestKib) {
    static Residence of(long pid) {
        Path process = Path.of("/proc", Long.toString(pid));
        try {
            return of(lines(process.resolve("status")), lines(process.resolve("smaps")));
        } catch (IOException e) {
            throw new BenchException("Can't read " + process + ": " + e.getMessage(), e);
        }
    }

    /// The guest's memory is the largest mapping that is private, can be read and written, and
    /// comes from no file. All the emulators keep it in such a one; with Nestbox, translation
    /// caches and the like would lie there, too, but they are small.
    static Residence of(List<String> status, List<String> smaps) {
        long largest = 0;
        long guest = 0;
        boolean taken = false;
        for (String line : smaps) {
            String[] words = line.split(" +");
            if (!words[0].endsWith(":")) {
                String[] range = words[0].split("-");
                long size =
                        Long.parseUnsignedLong(range[1], 16) - Long.parseUnsignedLong(range[0], 16);
                taken = words[1].equals("rw-p") && words.length == 5 && size > largest;
                largest = taken ? size : largest;
            } else if (taken && words[0].equals("Rss:")) {
                guest = Long.parseLong(words[1]);
            }
        }
        return new Residence(peak(status), guest);
    }

    long ownKib() {
        return peakKib - guestKib;
    }

    private static long peak(List<String> status) {
        return status.stream()
                .filter(line -> line.startsWith("VmHWM:"))
                .mapToLong(line -> Long.parseLong(line.split("\\s+")[1]))
                .findFirst()
                .orElseThrow(() -> new BenchException("The emulator has ended: start again."));
    }

    private static List<String> lines(Path file) throws IOException {
        return Files.readAllLines(file, StandardCharsets.ISO_8859_1);
    }
}
