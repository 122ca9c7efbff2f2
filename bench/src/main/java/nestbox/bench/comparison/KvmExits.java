package nestbox.bench.comparison;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;

/// What a VM exit costs that KVM in a Linux answers.
final class KvmExits {
    static final String EXITS = "kvm-exits";
    private static final String TICKS = "kvm-ticks";

    private static final String PROGRAM = "root/kvm-exits";

    /// What the guest `kvm` starts when it has booted.
    private static final String AT_BOOT = "root/l2/at-boot";

    private static final String SCRIPT =
            """
            #!/bin/sh
            exec qemu-system-x86_64 -enable-kvm -cpu host -M pc -m 64M -nographic -vga none \
                -net none -no-reboot -kernel /%s
            """
                    .formatted(PROGRAM);

    /// Ticks of the time-stamp counter for an instruction, with Nestbox's virtual clock and its
    /// default processor: 5 ns at 2.6 GHz.
    private static final double TICKS_PER_INSTRUCTION = 13;

    private final Results results;
    private final Map<String, Long> exits = new HashMap<>();
    private final Map<String, Long> ticks = new HashMap<>();

    KvmExits(Results results) {
        this.results = results;
    }

    /// The guest `kvm` with a guest that does nothing but exit.
    static Guest guest(Guests guests, Guest.Linux kvm) {
        SequencedMap<String, byte[]> files = new LinkedHashMap<>();
        files.put(PROGRAM, Guests.read(guests.program(EXITS).elf()).array());
        files.put(AT_BOOT, SCRIPT.getBytes(StandardCharsets.US_ASCII));
        return guests.with(kvm, files);
    }

    void measure(Run run, Emulator emulator) {
        Run.Moment begin = run.await("begin " + EXITS);
        Run.Moment end = run.await("end " + EXITS);
        results.add(EXITS, emulator, begin, end);
        told(emulator, run.awaitLine("end " + EXITS), run.awaitLine("end " + TICKS));
    }

    /// @param counted such as "end kvm-exits 00000000000186a0": how often the guest has exited
    /// @param ticked likewise, how many ticks of the time-stamp counter that took
    void told(Emulator emulator, String counted, String ticked) {
        exits.put(emulator.name(), number(counted));
        // Who else emulates has a time-stamp counter that says nothing of instructions.
        if (emulator instanceof Nestbox || emulator instanceof NestboxL0) {
            ticks.put(emulator.name(), number(ticked));
        }
    }

    private static long number(String line) {
        return Long.parseLong(line.split(" ")[2], 16);
    }

    String table() {
        StringBuilder table = new StringBuilder();
        results.header(table);
        results.row(table, "ns an exit", "%.0f", this::nanos);
        results.row(table, "instr. an exit", "%.0f", this::instructions);
        return table.toString();
    }

    private double nanos(String emulator) {
        return 1e9 * results.median(EXITS, emulator) / exits.get(emulator);
    }

    private double instructions(String emulator) {
        Long taken = ticks.get(emulator);
        return taken == null ? Double.NaN : taken / TICKS_PER_INSTRUCTION / exits.get(emulator);
    }
}
