package nestbox.hypervisor;

import nestbox.cpu.apic.ApicBus;
import nestbox.cpu.apic.LocalApic;
import nestbox.devices.ioapic.IoApic;
import nestbox.devices.pci.PciAddress;
import nestbox.devices.pci.PciFunction;
import nestbox.devices.pci.PciMessage;
import nestbox.platform.MessageSink;
import nestbox.scenario.GuestFlag;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/// The interrupts of devices that a virtual machine has been given, for the user.
///
/// L0 has no vectors of its own for them: it looks at the messages that pass its remapping, and at
/// what the guest's driver has programmed.
public final class PassedInterrupts {
    private static final int VECTORS = 256;
    private static final int MASKED = 1 << 16;
    private static final int LEVEL = 1 << 15;

    /// Delivery modes up to this one have a vector: fixed and lowest priority.
    private static final int LAST_WITH_VECTOR = 1;

    private final Vm vm;
    private final List<Function> functions = new ArrayList<>();
    private Optional<Pins> pins = Optional.empty();

    /// An interrupt that may come.
    ///
    /// @param function where the board has the function whose message it is; nothing for a pin
    /// @param virtual where the virtual machine has it
    /// @param number of the pin, or of the function's vector
    /// @param destination as the message has it, physical or logical
    /// @param counts how often it has come to each processor of the board
    public record Interrupt(
            Optional<PciAddress> function,
            Optional<PciAddress> virtual,
            int number,
            int vector,
            int destination,
            boolean levelTriggered,
            List<Long> counts) {}

    private record Function(
            PciAddress address, PciAddress virtual, PciFunction function, Counter counter) {}

    private record Pins(IoApic controller, Counter counter) {}

    PassedInterrupts(Vm vm) {
        this.vm = vm;
    }

    /// Everything that is enabled.
    public List<Interrupt> list() {
        List<Interrupt> list = new ArrayList<>();
        pins.ifPresent(each -> addPins(each, list));
        for (Function each : functions) {
            for (PciMessage message : each.function.enabledMessages()) {
                int vector = message.data() & 0xFF;
                list.add(
                        new Interrupt(
                                Optional.of(each.address),
                                Optional.of(each.virtual),
                                message.entry(),
                                vector,
                                (int) (message.address() >>> 12) & 0xFF,
                                (message.data() & LEVEL) != 0,
                                each.counter.of(vector)));
            }
        }
        return list;
    }

    private static void addPins(Pins pins, List<Interrupt> list) {
        List<Long> entries = pins.controller.save().redirectionTable();
        for (int pin = 0; pin < entries.size(); pin++) {
            long entry = entries.get(pin);
            boolean hasVector = (entry >>> 8 & 7) <= LAST_WITH_VECTOR;
            if ((entry & MASKED) == 0 && hasVector) {
                int vector = (int) entry & 0xFF;
                list.add(
                        new Interrupt(
                                Optional.empty(),
                                Optional.empty(),
                                pin,
                                vector,
                                (int) (entry >>> 56),
                                (entry & LEVEL) != 0,
                                pins.counter.of(vector)));
            }
        }
    }

    /// Has a function's messages go to the virtual machine.
    ///
    /// @param virtual where the virtual machine has it
    /// @param target the local APICs of the virtual machine
    void divert(PciAddress address, PciAddress virtual, PciFunction function, MessageSink target) {
        Counter counter = new Counter(target);
        functions.add(new Function(address, virtual, function, counter));
        function.messages().divert(counter);
    }

    /// Has the messages of an I/O APIC go to the virtual machine.
    void divert(IoApic controller, MessageSink target) {
        Counter counter = new Counter(target);
        pins = Optional.of(new Pins(controller, counter));
        controller.messages().divert(counter);
    }

    /// Counts messages by vector and processor on their way.
    private final class Counter implements MessageSink {
        private final MessageSink target;
        private final Map<Integer, long[]> counts = new HashMap<>();

        Counter(MessageSink target) {
            this.target = target;
        }

        @Override
        public void message(long address, int data) {
            if ((data >>> 8 & 7) <= LAST_WITH_VECTOR) {
                long[] byProcessor =
                        counts.computeIfAbsent(data & VECTORS - 1, _ -> new long[processors()]);
                receivers(address, data).forEach(pcpu -> byProcessor[pcpu]++);
            }
            target.message(address, data);
        }

        List<Long> of(int vector) {
            long[] byProcessor = counts.getOrDefault(vector, new long[processors()]);
            return Arrays.stream(byProcessor).boxed().toList();
        }
    }

    private int processors() {
        return vm.machine().processors().size();
    }

    private List<Integer> receivers(long address, int data) {
        List<Integer> ids = vm.vcpus().stream().map(vcpu -> vcpu.root().apic().id()).toList();
        boolean passed = vm.has(GuestFlag.LAPIC_PASSTHROUGH);
        ApicBus bus = passed ? vm.machine().messages() : vm.apicBus();
        List<Integer> receivers =
                bus.receivers(address, data, apic -> ids.contains(apic.id())).stream()
                        .map(LocalApic::id)
                        .toList();
        return IntStream.range(0, processors())
                .filter(pcpu -> receivers.contains(processor(pcpu)))
                .boxed()
                .toList();
    }

    private int processor(int pcpu) {
        return vm.machine().processors().get(pcpu).apic().id();
    }
}
