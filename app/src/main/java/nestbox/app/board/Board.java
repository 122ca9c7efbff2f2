package nestbox.app.board;

import nestbox.cpu.ExitTally;
import nestbox.cpu.Processor;
import nestbox.cpu.Processors;
import nestbox.cpu.StartState;
import nestbox.cpu.VmEntryFailures;
import nestbox.devices.Chipset;
import nestbox.devices.pci.PciAddress;
import nestbox.devices.pci.PciBus;
import nestbox.devices.pci.PciFirmware;
import nestbox.devices.pci.PciHost;
import nestbox.devices.uart.Uart;
import nestbox.devices.virtio.VirtioPci;
import nestbox.hypervisor.Machine;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortIo;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;
import nestbox.platform.trace.TraceListener;
import nestbox.x86.vmx.ExitReason;

import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// A PC: processors, memory, chip set and PCI devices, wired together.
///
/// There is no firmware to run. What it would leave is made here: addresses of PCI devices, ACPI
/// and SMBIOS tables, a local APIC that takes the 8259's interrupts.
public final class Board implements AutoCloseable {
    /// The first PCI device number for virtio devices.
    private static final int FIRST_SLOT = 3;

    private static final int FLOAT_ERROR_IRQ = 13;
    private static final int FLOAT_ERROR_PORT = 0xF0;

    private final BoardConfiguration configuration;
    private final Backends backends;
    private final GuestMemory memory;
    private final VirtualClock clock = new VirtualClock();
    private final PortSpace ports = new PortSpace();
    private final MmioSpace mmio = new MmioSpace();
    private final Processors processors;
    private final Control control;
    private final Chipset chipset;
    private final PciHost pci;
    private final List<VirtioPci> virtio = new ArrayList<>();
    private final RunLoop loop;
    private Runnable onWake = () -> {};
    private Supplier<Optional<Outcome>> standstill = this::allHalted;

    /// @throws IOException when a disk or a network socket can't be opened
    public Board(BoardConfiguration configuration) throws IOException {
        this.configuration = configuration;
        backends = Backends.open(configuration);
        memory = new GuestMemory(configuration.memory());
        processors =
                new Processors(
                        configuration.processors(),
                        configuration.model(),
                        memory,
                        mmio,
                        ports,
                        clock);
        control = new Control(processors::interruptTurn);
        chipset = new Chipset(clock, wiring(), options());
        chipset.map(ports, mmio);
        processors.apicBus().onEndOfInterrupt(chipset.ioApic()::endOfInterrupt);
        processors.apicBus().onInterruptAcknowledge(chipset.pic()::acknowledge);
        connectFloatErrors();
        pci =
                PciHost.of(
                        ports,
                        mmio,
                        processors.apicBus(),
                        chipset.ioApic()::input,
                        chipset::pirqInput,
                        chipset.resetControl());
        int slot = FIRST_SLOT;
        for (VirtioPci device : backends.devices(memory)) {
            pci.bus().add(new PciAddress(slot++, 0), device);
            virtio.add(device);
        }
        List<Uart> uarts = List.of(chipset.com1(), chipset.com2());
        loop = new RunLoop(this, configuration.clock(), uarts);
        backends.onInput(loop::wake);
        reset();
    }

    /// FERR# of the bootstrap processor raises IRQ 13, and a write to port F0 answers it.
    private void connectFloatErrors() {
        processors.bootstrap().connectFloatError(chipset.isaIrq(FLOAT_ERROR_IRQ));
        ports.map(
                FLOAT_ERROR_PORT,
                1,
                new PortIo() {
                    @Override
                    public int read(int port, int size) {
                        return 0xFF;
                    }

                    @Override
                    public void write(int port, int size, int value) {
                        processors.bootstrap().ignoreFloatError();
                    }
                });
    }

    private Chipset.Wiring wiring() {
        return new Chipset.Wiring(
                processors.apicBus(),
                processors.bootstrap().apic().lint0(),
                processors.bootstrap().apic().lint1(),
                open -> processors.all().forEach(processor -> processor.a20(open)),
                control);
    }

    private Chipset.Options options() {
        long high = memory.highTop() == 0 ? 0 : memory.highTop() - GuestMemory.FOUR_GIB;
        return new Chipset.Options(
                configuration.start(),
                memory.lowTop(),
                high,
                Uart.Timing.IMMEDIATE,
                configuration.com1(),
                configuration.com2(),
                configuration.debugConsole());
    }

    /// All devices and processors as after power-on. Memory keeps its contents but for the firmware
    /// tables, which are made anew.
    public void reset() {
        processors.reset();
        chipset.reset();
        pci.reset();
        PciFirmware.assign(pci, ports);
        FirmwareTables.write(memory, configuration);
        control.clear();
    }

    public GuestMemory memory() {
        return memory;
    }

    /// The board as a hypervisor in Java sees it.
    public Machine machine() {
        return new Machine(
                memory,
                ports,
                mmio,
                pci.bus(),
                chipset,
                clock,
                processors.all(),
                processors.apicBus(),
                control);
    }

    /// Puts the bootstrap processor where a boot loader starts it.
    public void start(StartState state) {
        processors.bootstrap().start(state);
    }

    /// Runs until the guest or [#stop] ends it.
    public Outcome run() {
        return loop.run();
    }

    /// Runs for so much of the board's time at most.
    ///
    /// @return how the run ended; empty when the time was over first
    public Optional<Outcome> runFor(long nanos) {
        return loop.runFor(nanos);
    }

    /// For software that knows better than the processors whether they can go on.
    ///
    /// @param question asked when none of them runs and no alarm is set; the answer ends [#run]
    public void onStandstill(Supplier<Optional<Outcome>> question) {
        standstill = question;
    }

    /// Ends [#run] soon if no alarm is set and nothing can go on. For someone whose own alarm
    /// keeps the board from noticing that, except while it rings.
    public void endAtStandstill() {
        if (clock.nextDeadline() == Long.MAX_VALUE) {
            standstill().ifPresent(control::end);
        }
    }

    Optional<Outcome> standstill() {
        return standstill.get();
    }

    private Optional<Outcome> allHalted() {
        if (processors.all().stream().anyMatch(Processor::canBeInterrupted)) {
            return Optional.empty();
        }
        return Optional.of(
                new Outcome.Deadlocked(
                        "The guest is halted with interrupts disabled.%n%s"
                                .formatted(processors.bootstrap().dump())));
    }

    /// Ends [#run] soon; from any thread.
    public void stop() {
        loop.stop();
    }

    /// Input for a serial port; from any thread.
    ///
    /// @param port 0 for COM1, 1 for COM2
    public void serialInput(int port, byte[] bytes) {
        loop.serialInput(port, bytes);
    }

    /// Makes the board look at what has come from outside; from any thread.
    public void wake() {
        loop.wake();
    }

    /// @param action what else the board's thread is to do when it looks at what has come
    public void onWake(Runnable action) {
        onWake = action;
    }

    /// How much of the input for a serial port the guest has not taken yet; from any thread.
    public int serialBacklog(int port) {
        return loop.serialBacklog(port);
    }

    /// What the run has taken so far.
    public Statistics statistics() {
        Map<ExitReason, ExitTally> exits = new EnumMap<>(ExitReason.class);
        List<VmEntryFailures> failures = new ArrayList<>();
        for (Processor processor : processors.all()) {
            processor
                    .vmExits()
                    .forEach((reason, tally) -> exits.merge(reason, tally, ExitTally::plus));
            processor.vmEntryFailures().ifPresent(failures::add);
        }
        return new Statistics(processors.executed(), clock.nanos(), exits, failures);
    }

    /// Tells a listener about VM entries and VM exits from now on.
    public void trace(TraceListener listener) {
        processors.trace(listener);
    }

    /// @param instructions retired by all processors
    /// @param nanos of the board's time since power-on
    /// @param vmExits of all processors, by reason
    /// @param vmEntryFailures one for each processor that had any
    public record Statistics(
            long instructions,
            long nanos,
            Map<ExitReason, ExitTally> vmExits,
            List<VmEntryFailures> vmEntryFailures) {
        public Statistics {
            vmExits = Map.copyOf(vmExits);
            vmEntryFailures = List.copyOf(vmEntryFailures);
        }
    }

    public Processors processors() {
        return processors;
    }

    /// The bus with its functions: each says what it reaches by itself, and where its messages go.
    public PciBus pci() {
        return pci.bus();
    }

    public Chipset chipset() {
        return chipset;
    }

    VirtualClock clock() {
        return clock;
    }

    Control control() {
        return control;
    }

    /// Looks at what has come from outside for the devices.
    void poll() {
        virtio.forEach(VirtioPci::poll);
        onWake.run();
    }

    @Override
    public void close() {
        processors.close();
        memory.close();
        backends.close();
    }
}
