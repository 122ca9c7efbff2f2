package nestbox.hypervisor;

import nestbox.boot.MemoryLayout;
import nestbox.cpu.apic.LocalApic;
import nestbox.devices.BoardMap;
import nestbox.devices.Chipset;
import nestbox.devices.acpi.Madt;
import nestbox.devices.pci.ConfigurationPorts;
import nestbox.devices.pci.ConfigurationSpace;
import nestbox.devices.pci.PciAddress;
import nestbox.hypervisor.memory.EptTables;
import nestbox.hypervisor.memory.IoBitmaps;
import nestbox.hypervisor.memory.PagePool;
import nestbox.hypervisor.memory.Ranges.Range;
import nestbox.hypervisor.vpci.VirtualPci;
import nestbox.platform.DmaDomain;
import nestbox.platform.GuestMemory;
import nestbox.platform.MessageSink;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.GuestFlag;
import nestbox.x86.vmx.EptEntry;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// Makes the Service VM: it has all of the board that L0 doesn't keep, at the same addresses.
final class ServiceVm {
    private static final int UART_PORTS = 8;

    private final Machine machine;
    private final MemoryPlan memory;
    private final PowerPorts.Requests power;

    /// Functions of the board that other virtual machines have.
    private final Set<PciAddress> hidden;

    ServiceVm(
            Machine machine, MemoryPlan memory, Set<PciAddress> hidden, PowerPorts.Requests power) {
        this.machine = machine;
        this.memory = memory;
        this.hidden = hidden;
        this.power = power;
    }

    Vm create(int id, VmPlan plan, PagePool pages) {
        EptTables ept = new EptTables(pages);
        mapMemory(ept, plan.vm().lapicPassthrough());
        Vm vm = new Vm(id, plan, machine, pages, ept, new IoBitmaps(pages, false));
        vm.emulatePorts(BoardMap.RTC, ReadOnlyClock.PORTS, new ReadOnlyClock(machine.ports()));
        MessageSink messages = messages(vm);
        addPci(vm, messages);
        confineDevices(vm.interrupts(), messages);
        hideProcessors(plan);
        return vm;
    }

    private void addPci(Vm vm, MessageSink messages) {
        VirtualPci pci =
                VirtualPci.ofService(
                        new VirtualPci.Board(machine.pci(), machine.ports(), machine.mmio()),
                        new VirtualPci.Guest(vm.ports(), vm.mmio(), messages),
                        hidden);
        VirtualPorts ports = new VirtualPorts(vm, machine.clock(), pci, machine.chipset()::isaIrq);
        vm.plan().ports().forEach(ports::add);
        pci.reset();
        if (!vm.mmio().map(BoardMap.ECAM, ConfigurationSpace.ECAM_SIZE, pci)) {
            throw new IllegalStateException("something is mapped in the ECAM window already");
        }
        // The reset register lies among the configuration ports.
        vm.emulatePorts(
                ConfigurationPorts.FIRST_PORT,
                ConfigurationPorts.PORT_COUNT,
                pci.ports(PowerPorts.of(vm, machine.ports(), power)));
    }

    /// An operating system would wait for processors that aren't its own.
    private void hideProcessors(VmPlan plan) {
        Madt.enableOnly(
                machine.memory(),
                plan.cpus().stream()
                        .map(pcpu -> machine.processors().get(pcpu).apic().id())
                        .collect(Collectors.toSet()));
    }

    /// What devices reach is what the Service VM has: its memory and its processors.
    private void confineDevices(PassedInterrupts interrupts, MessageSink messages) {
        List<DmaDomain.Range> ranges =
                memory.rest().list().stream()
                        .map(
                                range ->
                                        new DmaDomain.Range(
                                                range.start(), range.start(), range.length(), true))
                        .toList();
        machine.pci()
                .functions()
                .forEach(
                        (address, function) -> {
                            if (!hidden.contains(address)) {
                                function.dma().ifPresent(dma -> dma.restrictTo(ranges));
                                interrupts.divert(address, address, function, messages);
                            }
                        });
        interrupts.divert(machine.chipset().ioApic(), messages);
        machine.chipset().hpet().messages().divert(messages);
    }

    /// Takes the UART of L0's own console away, unless a virtual one has taken its place.
    void hideConsole(Vm vm, int port) {
        if (!vm.ports().isMapped(port)) {
            vm.emulatePorts(port, UART_PORTS, new HiddenPorts());
        }
    }

    /// Has the 8259A pair and NMIs of devices end at its bootstrap processor, which need not be the
    /// board's.
    void connectLegacy(Vm vm) {
        Chipset chipset = machine.chipset();
        Vcpu bootstrap = vm.vcpus().getFirst();
        bootstrap
                .virtualApic()
                .map(EmulatedApic::device)
                .ifPresentOrElse(
                        apic -> {
                            chipset.intr().divert(apic.lint0());
                            chipset.nmi().divert(apic.lint1());
                            vm.apicBus().onInterruptAcknowledge(chipset.pic()::acknowledge);
                        },
                        () -> {
                            LocalApic apic = bootstrap.root().apic();
                            chipset.intr().divert(apic.lint0());
                            chipset.nmi().divert(apic.lint1());
                        });
    }

    /// Where interrupts of its devices go: to its processors' local APICs, or to those that L0
    /// emulates, which then tell the I/O APIC of ends of interrupt.
    private MessageSink messages(Vm vm) {
        if (vm.has(GuestFlag.LAPIC_PASSTHROUGH)) {
            return machine.messages()
                    .confinedTo(
                            vm.plan().cpus().stream()
                                    .map(pcpu -> machine.processors().get(pcpu).apic())
                                    .toList());
        }
        vm.apicBus().onEndOfInterrupt(machine.chipset().ioApic()::endOfInterrupt);
        return vm.apicBus();
    }

    /// The map of memory that its kernel gets.
    MemoryLayout layout() {
        MemoryLayout layout = MemoryLayout.of(machine.memory());
        for (Range range : memory.taken()) {
            layout = layout.without(range.start(), range.length());
        }
        return layout;
    }

    private void mapMemory(EptTables ept, boolean passesApic) {
        for (Range range : memory.rest().list()) {
            map(ept, range.start(), range.end(), EptTables.RAM);
        }
        // Windows of functions that L0 emulates aren't mapped.
        map(ept, machine.memory().lowTop(), VirtualPci.SERVICE_WINDOWS, EptTables.DEVICE);
        map(ept, BoardMap.ECAM_END, BoardMap.LOCAL_APIC, EptTables.DEVICE);
        long behindApic = BoardMap.LOCAL_APIC + GuestMemory.PAGE_SIZE;
        if (passesApic) {
            // Writes are looked at, for interprocessor interrupts.
            map(ept, BoardMap.LOCAL_APIC, behindApic, EptEntry.READ);
        }
        map(ept, behindApic, GuestMemory.FOUR_GIB, EptTables.DEVICE);
        map(ept, BoardMap.MMIO64, BoardMap.MMIO64_END, EptTables.DEVICE);
    }

    private static void map(EptTables ept, long start, long end, long attributes) {
        if (end > start) {
            ept.map(start, start, end - start, attributes);
        }
    }
}
