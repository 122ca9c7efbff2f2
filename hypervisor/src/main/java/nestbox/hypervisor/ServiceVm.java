package nestbox.hypervisor;

import nestbox.boot.MemoryLayout;
import nestbox.devices.BoardMap;
import nestbox.devices.acpi.Madt;
import nestbox.devices.pci.ConfigurationPorts;
import nestbox.devices.pci.ConfigurationSpace;
import nestbox.devices.pci.PciFunction;
import nestbox.hypervisor.memory.EptTables;
import nestbox.hypervisor.memory.IoBitmaps;
import nestbox.hypervisor.memory.PagePool;
import nestbox.hypervisor.vpci.VirtualPci;
import nestbox.platform.DmaDomain;
import nestbox.platform.GuestMemory;
import nestbox.platform.MessageSink;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.x86.vmx.EptEntry;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// Makes the Service VM: it has all of the board that L0 doesn't keep, at the same addresses.
final class ServiceVm {
    private static final int UART_PORTS = 8;

    private final Machine machine;
    private final long memoryEnd;
    private final PowerPorts.Requests power;

    /// @param memoryEnd where L0's memory starts, which reaches to the top of RAM below 4 GiB
    ServiceVm(Machine machine, long memoryEnd, PowerPorts.Requests power) {
        this.machine = machine;
        this.memoryEnd = memoryEnd;
        this.power = power;
    }

    Vm create(int id, VmPlan plan, PagePool pages) {
        EptTables ept = new EptTables(pages);
        mapMemory(ept);
        Vm vm = new Vm(id, plan, machine, pages, ept, new IoBitmaps(pages, false));
        vm.emulatePorts(BoardMap.RTC, ReadOnlyClock.PORTS, new ReadOnlyClock(machine.ports()));
        addPci(vm);
        confineDevices(plan);
        hideProcessors(plan);
        return vm;
    }

    private void addPci(Vm vm) {
        VirtualPci pci =
                VirtualPci.ofService(
                        new VirtualPci.Board(machine.pci(), machine.ports(), machine.mmio()),
                        new VirtualPci.Guest(vm.ports(), vm.mmio(), machine.messages()),
                        Set.of());
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
    private void confineDevices(VmPlan plan) {
        GuestMemory memory = machine.memory();
        List<DmaDomain.Range> ranges = new ArrayList<>();
        ranges.add(new DmaDomain.Range(0, 0, memoryEnd, true));
        if (memory.highTop() != 0) {
            long high = GuestMemory.FOUR_GIB;
            ranges.add(new DmaDomain.Range(high, high, memory.highTop() - high, true));
        }
        MessageSink messages =
                machine.messages()
                        .confinedTo(
                                plan.cpus().stream()
                                        .map(pcpu -> machine.processors().get(pcpu).apic())
                                        .toList());
        for (PciFunction function : machine.pci().functions().values()) {
            function.dma().ifPresent(dma -> dma.restrictTo(ranges));
            function.messages().divert(messages);
        }
        machine.chipset().ioApic().messages().divert(messages);
        machine.chipset().hpet().messages().divert(messages);
    }

    /// Takes the UART of L0's own console away.
    void hideConsole(Vm vm, int port) {
        vm.emulatePorts(port, UART_PORTS, new HiddenPorts());
    }

    /// The map of memory that its kernel gets.
    MemoryLayout layout() {
        GuestMemory memory = machine.memory();
        return MemoryLayout.of(memory).without(memoryEnd, memory.lowTop() - memoryEnd);
    }

    private void mapMemory(EptTables ept) {
        GuestMemory memory = machine.memory();
        map(ept, 0, memoryEnd, EptTables.RAM);
        // Windows of functions that L0 emulates aren't mapped.
        map(ept, memory.lowTop(), VirtualPci.SERVICE_WINDOWS, EptTables.DEVICE);
        map(ept, BoardMap.ECAM_END, BoardMap.LOCAL_APIC, EptTables.DEVICE);
        long behindApic = BoardMap.LOCAL_APIC + GuestMemory.PAGE_SIZE;
        // Writes to the local APIC are looked at, for interprocessor interrupts.
        map(ept, BoardMap.LOCAL_APIC, behindApic, EptEntry.READ);
        map(ept, behindApic, GuestMemory.FOUR_GIB, EptTables.DEVICE);
        map(ept, GuestMemory.FOUR_GIB, memory.highTop(), EptTables.RAM);
        map(ept, BoardMap.MMIO64, BoardMap.MMIO64_END, EptTables.DEVICE);
    }

    private static void map(EptTables ept, long start, long end, long attributes) {
        if (end > start) {
            ept.map(start, start, end - start, attributes);
        }
    }
}
