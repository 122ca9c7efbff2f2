package nestbox.cpu;

import nestbox.cpu.apic.ApicBus;
import nestbox.cpu.core.BlockCache;
import nestbox.cpu.core.Bus;
import nestbox.cpu.model.CpuModel;
import nestbox.cpu.model.Topology;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;
import nestbox.platform.trace.TraceListener;

import java.util.ArrayList;
import java.util.List;

/// The processors of a board, which take turns on one host thread, and the passage of virtual time.
///
/// Time is what the instructions take: [#NANOS_PER_INSTRUCTION] each, one processor after the
/// other, so that it never goes back from one to the next. When all wait it jumps to the next
/// alarm. Nothing depends on the host, so a run repeats exactly.
public final class Processors implements AutoCloseable {
    public static final int MOST = 8;

    /// How long an instruction takes in virtual time: a processor of 200 MIPS, about what the
    /// interpreter does, so that delay loops and timeouts take as long as they say.
    public static final long NANOS_PER_INSTRUCTION = 5;

    /// How many instructions a processor runs before it is the next one's turn.
    private static final long QUANTUM = 50_000;

    private static final long QUANTUM_OF_ONE = 400_000;

    private final VirtualClock clock;
    private final ApicBus apicBus = new ApicBus();
    private final List<Processor> processors = new ArrayList<>();
    private final long quantum;

    /// The processor whose turn it is, and its count of instructions when the turn began.
    private Processor running;

    private long turnStart;

    /// @param count 1 to 8
    public Processors(
            int count,
            CpuModel model,
            GuestMemory memory,
            MmioSpace mmio,
            PortSpace ports,
            VirtualClock clock) {
        if (count < 1 || count > MOST) {
            throw new IllegalArgumentException("processors: " + count);
        }
        this.clock = clock;
        quantum = count == 1 ? QUANTUM_OF_ONE : QUANTUM;
        Bus bus = new Bus(memory, mmio, ports, new BlockCache(memory));
        Topology topology = Topology.ofCores(count);
        for (int i = 0; i < count; i++) {
            processors.add(new Processor(i, bus, model, topology, apicBus, clock));
        }
        clock.progress(this::nanosInTurn);
        clock.onEarlierDeadline(this::shortenTurn);
    }

    /// Where interrupt messages go.
    public ApicBus apicBus() {
        return apicBus;
    }

    public Processor bootstrap() {
        return processors.get(0);
    }

    public List<Processor> all() {
        return List.copyOf(processors);
    }

    /// Tells a listener about VM entries and VM exits on all processors from now on.
    public void trace(TraceListener listener) {
        processors.forEach(processor -> processor.trace(listener));
    }

    public void reset() {
        processors.forEach(Processor::reset);
    }

    /// Instructions retired by all processors.
    public long executed() {
        return processors.stream().mapToLong(Processor::executed).sum();
    }

    /// Makes the processor that runs stop before its next block.
    public void interruptTurn() {
        if (running != null) {
            running.cpu().limitSlice(0);
            running.cpu().attention();
        }
    }

    private long nanosInTurn() {
        return running == null ? 0 : (running.executed() - turnStart) * NANOS_PER_INSTRUCTION;
    }

    private void shortenTurn() {
        if (running != null) {
            running.cpu().limitSlice(instructionsUntil(clock.nextDeadline()));
        }
    }

    private long instructionsUntil(long deadline) {
        long nanos = Math.max(0, deadline - clock.nanos());
        return nanos / NANOS_PER_INSTRUCTION + 1;
    }

    /// Gives every processor that can run one turn, ringing alarms in between.
    ///
    /// @return false when no processor could run
    public boolean turn() {
        boolean ran = false;
        for (Processor processor : processors) {
            clock.advanceTo(clock.nanos());
            ran |= turn(processor);
        }
        return ran;
    }

    private boolean turn(Processor processor) {
        processor.cpu().waiting.endIfWritten();
        long before = processor.executed();
        running = processor;
        turnStart = before;
        long most = Math.min(quantum, instructionsUntil(clock.nextDeadline()));
        processor.cpu().run(most);
        long nanos = clock.nanos();
        running = null;
        clock.advanceTo(nanos);
        return processor.executed() != before;
    }

    @Override
    public void close() {
        processors.forEach(Processor::close);
    }
}
