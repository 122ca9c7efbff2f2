package nestbox.cpu.apic;

import nestbox.platform.Frequency;
import nestbox.platform.VirtualClock;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// Local APICs on a bus, with a clock and processors that note what they are told.
final class ApicBoard {
    static final Frequency CRYSTAL = new Frequency(24_000_000);
    static final Frequency TSC = new Frequency(2_600_000_000L);

    /// Nanoseconds of 3 crystal ticks, the smallest whole number of both.
    static final long NANOS_PER_3_TICKS = 125;

    final VirtualClock clock = new VirtualClock();
    final ApicBus bus = new ApicBus();
    final List<Integer> ends = new ArrayList<>();
    final List<LocalApic> apics;
    final List<Core> cores;
    long tscOffset;
    int extIntVector = 0x20;

    /// A processor that only remembers.
    static final class Core implements ApicCore {
        final List<String> events = new ArrayList<>();
        boolean requested;

        @Override
        public void interruptRequest(boolean asserted) {
            requested = asserted;
        }

        @Override
        public void nmi() {
            events.add("nmi");
        }

        @Override
        public void smi() {
            events.add("smi");
        }

        @Override
        public void init() {
            events.add("init");
        }

        @Override
        public void startup(int vector) {
            events.add("startup " + vector);
        }

        @Override
        public void apicBaseChanged() {
            events.add("base");
        }
    }

    private final class OffsetTsc implements TscClock {
        @Override
        public long tsc() {
            return TSC.ticks(clock.nanos()) + tscOffset;
        }

        @Override
        public long nanosAt(long tsc) {
            if (Long.compareUnsigned(tsc, tscOffset) <= 0) {
                return 0;
            }
            long ticks = tsc - tscOffset;
            return ticks < 0 ? Long.MAX_VALUE : TSC.nanos(ticks);
        }
    }

    ApicBoard(int... ids) {
        apics = IntStream.of(ids).mapToObj(id -> apic(id, id == ids[0])).toList();
        cores = apics.stream().map(apic -> new Core()).toList();
        for (int i = 0; i < ids.length; i++) {
            apics.get(i).connect(cores.get(i));
        }
        bus.onEndOfInterrupt(ends::add);
        bus.onInterruptAcknowledge(() -> extIntVector);
    }

    private LocalApic apic(int id, boolean bootstrap) {
        ApicConfiguration configuration =
                new ApicConfiguration(id, bootstrap, 39, CRYSTAL, true, true, true, true);
        return new LocalApic(configuration, bus, clock, new OffsetTsc());
    }

    LocalApic apic() {
        return apics.getFirst();
    }

    Core core() {
        return cores.getFirst();
    }

    /// All APICs software-enabled, spurious vector 0xFF.
    ApicBoard enabled() {
        apics.forEach(apic -> write(apic, ApicRegister.SPURIOUS_VECTOR, 0x1FF));
        return this;
    }

    /// All APICs software-enabled and in x2APIC mode.
    ApicBoard x2apic() {
        for (LocalApic apic : enabled().apics) {
            apic.writeApicBase(apic.apicBase() | 1 << 10);
        }
        cores.forEach(core -> core.events.clear());
        return this;
    }

    void advance(long nanos) {
        long end = clock.nanos() + nanos;
        while (clock.nextDeadline() <= end) {
            clock.advanceTo(clock.nextDeadline());
        }
        clock.advanceTo(end);
    }

    static void write(LocalApic apic, ApicRegister register, int value) {
        if (apic.mode() == ApicMode.X2APIC) {
            apic.writeMsr(register.msr(), Integer.toUnsignedLong(value));
        } else {
            apic.write(register.offset(), 4, Integer.toUnsignedLong(value));
        }
    }

    static int read(LocalApic apic, ApicRegister register) {
        return apic.mode() == ApicMode.X2APIC
                ? (int) apic.readMsr(register.msr())
                : (int) apic.read(register.offset(), 4);
    }

    void write(ApicRegister register, int value) {
        write(apic(), register, value);
    }

    int read(ApicRegister register) {
        return read(apic(), register);
    }

    /// A fixed, edge-triggered message for the first processor.
    void raise(int vector) {
        bus.message(0xFEE0_0000L | (long) apic().id() << 12, vector);
    }

    /// An edge by xAPIC ICR.
    void send(int destination, int command) {
        write(ApicRegister.INTERRUPT_COMMAND_HIGH, destination << 24);
        write(ApicRegister.INTERRUPT_COMMAND, command);
    }

    /// The vectors that each processor would deliver next.
    List<Integer> pending() {
        return apics.stream().map(LocalApic::highestPending).toList();
    }

    /// Takes everything that is pending.
    void drain() {
        for (LocalApic apic : apics) {
            while (apic.highestPending() >= 0) {
                apic.acknowledge();
                write(apic, ApicRegister.END_OF_INTERRUPT, 0);
            }
        }
    }
}
