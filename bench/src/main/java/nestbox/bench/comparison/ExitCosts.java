package nestbox.bench.comparison;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What the program `nested` says of VM exits, beyond the seconds that it took.
final class ExitCosts {
    /// The routine whose guest does nothing but exit, with CPUID.
    static final String EXITS = "exits";

    /// How the line begins with which the program introduces itself.
    static final String INTRODUCTION = "virtualization ";

    private static final String INTEGER = "integer";
    private static final String MEMORY = "memory";
    /// What the name of work ends with that the guest does.
    static final String GUEST = "-guest";

    /// What is measured of the program.
    static final List<String> ROUTINES =
            List.of(INTEGER, INTEGER + GUEST, MEMORY, MEMORY + GUEST, EXITS);

    private final Results results;
    private final Map<String, Integer> instructions = new HashMap<>();
    private final Map<String, Long> exits = new HashMap<>();
    private final Map<String, Long> exitsToL0 = new HashMap<>();

    /// @param results with a task for each of the program's routines
    ExitCosts(Results results) {
        this.results = results;
    }

    /// @param line such as "virtualization VMX 16": what the program uses, and how many
    ///     instructions there are from one exit to the next
    void introduced(String emulator, String line) {
        String[] words = line.split(" ");
        if (words.length < 3) {
            throw new BenchException(
                    "%s has no virtualization that the program knows.".formatted(emulator));
        }
        instructions.put(emulator, Integer.parseInt(words[2]));
    }

    /// @param line such as "end exits 00000000000f4240": how often the guest has exited
    void counted(String emulator, String line) {
        exits.put(emulator, Long.parseLong(line.split(" ")[2], 16));
    }

    /// @param table all VM exits of a run in which the program was a guest of L0; half of them
    ///     came before what is measured, when it warmed up
    void ofL0(String emulator, ExitTable table) {
        exitsToL0.put(emulator, table.all());
    }

    String table() {
        StringBuilder table = new StringBuilder();
        results.header(table);
        results.row(table, "ns an exit", "%.0f", name -> 1e9 / perSecond(name));
        results.row(table, "thousand exits/s", "%.1f", name -> perSecond(name) / 1e3);
        results.row(
                table,
                "million instr/s",
                "%.2f",
                name -> perSecond(name) * instructions.get(name) / 1e6);
        results.row(table, "exits to L0 an exit", "%.3f", this::toL0);
        results.row(table, "guest/root integer", "%.3f", name -> speed(INTEGER, name));
        results.row(table, "guest/root memory", "%.3f", name -> speed(MEMORY, name));
        return table.toString();
    }

    private double perSecond(String emulator) {
        return exits.get(emulator) / results.median(EXITS, emulator);
    }

    private double toL0(String emulator) {
        Long all = exitsToL0.get(emulator);
        return all == null ? Double.NaN : (double) all / (2 * exits.get(emulator));
    }

    /// How fast the guest is, of the speed that its hypervisor has for the same work.
    private double speed(String routine, String emulator) {
        return results.median(routine, emulator) / results.median(routine + GUEST, emulator);
    }
}
