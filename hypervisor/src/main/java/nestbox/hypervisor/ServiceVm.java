package nestbox.hypervisor;

import nestbox.boot.MemoryLayout;
import nestbox.devices.BoardMap;
import nestbox.hypervisor.memory.EptTables;
import nestbox.hypervisor.memory.IoBitmaps;
import nestbox.hypervisor.memory.PagePool;
import nestbox.platform.GuestMemory;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.x86.vmx.EptEntry;

/// Makes the Service VM: it has all of the board that L0 doesn't keep, at the same addresses.
final class ServiceVm {
    private static final int UART_PORTS = 8;

    private final Machine machine;
    private final long memoryEnd;

    /// @param memoryEnd where L0's memory starts, which reaches to the top of RAM below 4 GiB
    ServiceVm(Machine machine, long memoryEnd) {
        this.machine = machine;
        this.memoryEnd = memoryEnd;
    }

    Vm create(int id, VmPlan plan, PagePool pages) {
        EptTables ept = new EptTables(pages);
        mapMemory(ept);
        Vm vm = new Vm(id, plan, machine, pages, ept, new IoBitmaps(pages, false));
        vm.emulatePorts(BoardMap.RTC, ReadOnlyClock.PORTS, new ReadOnlyClock(machine.ports()));
        return vm;
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
        map(ept, memory.lowTop(), BoardMap.ECAM, EptTables.DEVICE);
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
