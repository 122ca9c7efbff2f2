package nestbox.app.l0;

import nestbox.app.board.Board;
import nestbox.console.subject.CpuidResult;
import nestbox.console.subject.IoapicPin;
import nestbox.console.subject.IrqCount;
import nestbox.console.subject.LogLevels;
import nestbox.console.subject.PassThroughEntry;
import nestbox.console.subject.PassThroughEntry.Source;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Version;
import nestbox.console.subject.Vm;
import nestbox.cpu.VmxRoot;
import nestbox.devices.pci.PciAddress;
import nestbox.hypervisor.Hypervisor;
import nestbox.hypervisor.PassedInterrupts.Interrupt;
import nestbox.platform.GuestMemory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/// L0 on a board, for the shell.
final class HypervisorSubject implements Subject {
    /// The processor whose timer polls the console.
    private static final int CONSOLE_PROCESSOR = 0;

    /// What ACRN gives its timer, the only interrupt that L0 has for itself.
    private static final int TIMER_IRQ = 255;

    private static final int TIMER_VECTOR = 0xEF;

    private final Board board;
    private final Hypervisor hypervisor;
    private final Identity identity;
    private final HypervisorConsole console;

    private final Map<MessageOf, Integer> irqOfMessage = new HashMap<>();

    /// A message of a function that a VM has.
    private record MessageOf(int vm, PciAddress function, int number) {}

    /// What doesn't change.
    ///
    /// @param vmLimit how many VMs there can be
    record Identity(Version version, int vmLimit) {}

    HypervisorSubject(
            Board board, Hypervisor hypervisor, Identity identity, HypervisorConsole console) {
        this.board = board;
        this.hypervisor = hypervisor;
        this.identity = identity;
        this.console = console;
    }

    @Override
    public Version version() {
        return identity.version;
    }

    @Override
    public int vmLimit() {
        return identity.vmLimit;
    }

    @Override
    public int processors() {
        return board.processors().all().size();
    }

    @Override
    public int consoleProcessor() {
        return CONSOLE_PROCESSOR;
    }

    @Override
    public List<Vm> vms() {
        return hypervisor.vms().stream()
                .<Vm>map(
                        vm ->
                                new VmSubject(
                                        vm, console.leadsTo(vm.id()), console.elsewhere(vm.id())))
                .toList();
    }

    @Override
    public Optional<byte[]> hostMemory(long hostPhysicalAddress, int length) {
        GuestMemory memory = board.memory();
        if (memory.host(hostPhysicalAddress, length) < 0) {
            return Optional.empty();
        }
        byte[] bytes = new byte[length];
        memory.read(hostPhysicalAddress, bytes, 0, length);
        return Optional.of(bytes);
    }

    @Override
    public List<IrqCount> irqs() {
        List<IrqCount> irqs = new ArrayList<>();
        for (nestbox.hypervisor.Vm vm : hypervisor.vms()) {
            for (Interrupt each : vm.interrupts().list()) {
                irqs.add(new IrqCount(irq(vm, each), each.vector(), each.counts()));
            }
        }
        List<Long> polls = new ArrayList<>();
        for (int pcpu = 0; pcpu < processors(); pcpu++) {
            polls.add(pcpu == CONSOLE_PROCESSOR ? console.polls() : 0);
        }
        irqs.sort(Comparator.comparingInt(IrqCount::irq));
        irqs.add(new IrqCount(TIMER_IRQ, TIMER_VECTOR, polls));
        return irqs;
    }

    @Override
    public List<PassThroughEntry> passThrough() {
        return hypervisor.vms().stream()
                .flatMap(vm -> vm.interrupts().list().stream().map(each -> entry(vm, each)))
                .toList();
    }

    private PassThroughEntry entry(nestbox.hypervisor.Vm vm, Interrupt interrupt) {
        boolean isPin = interrupt.function().isEmpty();
        int pin = isPin ? interrupt.number() : 0;
        return new PassThroughEntry(
                vm.id(),
                isPin ? Source.IOAPIC : Source.MSI,
                irq(vm, interrupt),
                interrupt.vector(),
                interrupt.destination(),
                interrupt.levelTriggered(),
                pin,
                pin,
                interrupt.function().map(PciAddress::deviceFunction).orElse(0),
                interrupt.virtual().map(PciAddress::deviceFunction).orElse(0));
    }

    /// Pins have their number; messages get the next one when they are first seen.
    private int irq(nestbox.hypervisor.Vm vm, Interrupt interrupt) {
        int pins = board.chipset().ioApic().save().redirectionTable().size();
        return interrupt
                .function()
                .map(
                        function ->
                                irqOfMessage.computeIfAbsent(
                                        new MessageOf(vm.id(), function, interrupt.number()),
                                        _ -> pins + irqOfMessage.size()))
                .orElse(interrupt.number());
    }

    @Override
    public List<IoapicPin> ioapic() {
        return IoapicPins.of(board.chipset().ioApic());
    }

    @Override
    public LogLevels logLevels() {
        return console.log().levels();
    }

    @Override
    public void logLevels(LogLevels levels) {
        console.log().levels(levels);
    }

    @Override
    public CpuidResult cpuid(int pcpu, int leaf, int subleaf) {
        int[] answer = processor(pcpu).cpuid(leaf, subleaf);
        return new CpuidResult(answer[0], answer[1], answer[2], answer[3]);
    }

    @Override
    public OptionalLong readMsr(int pcpu, int index) {
        return processor(pcpu).readMsr(index);
    }

    @Override
    public boolean writeMsr(int pcpu, int index, long value) {
        return processor(pcpu).writeMsr(index, value);
    }

    private VmxRoot processor(int pcpu) {
        return board.processors().all().get(pcpu).vmxRoot();
    }

    @Override
    public void reboot() {
        board.machine().power().reset();
    }
}
