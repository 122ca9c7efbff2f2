package nestbox.hypervisor;

import nestbox.boot.MemoryLayout;
import nestbox.devices.BoardMap;
import nestbox.devices.acpi.AcpiPart;
import nestbox.devices.acpi.AcpiSetup;
import nestbox.devices.acpi.AcpiTables;
import nestbox.devices.acpi.SleepControl;
import nestbox.devices.pci.ConfigurationPorts;
import nestbox.devices.pci.ConfigurationSpace;
import nestbox.devices.pci.PciAddress;
import nestbox.devices.pci.PciFunction;
import nestbox.devices.rtc.Rtc;
import nestbox.hypervisor.memory.EptTables;
import nestbox.hypervisor.memory.GuestRam;
import nestbox.hypervisor.memory.IoBitmaps;
import nestbox.hypervisor.memory.PagePool;
import nestbox.hypervisor.memory.Ranges.Range;
import nestbox.hypervisor.vlapic.VirtualChipset;
import nestbox.hypervisor.vpci.VirtualPci;
import nestbox.platform.BoardControl;
import nestbox.platform.DmaDomain;
import nestbox.platform.GuestMemory;
import nestbox.platform.IrqLine;
import nestbox.platform.MessageSink;
import nestbox.platform.PortSpace;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.GuestFlag;
import nestbox.scenario.Vm.PciDevice;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntFunction;

/// Makes a pre-launched virtual machine: memory, interrupt controllers and a PCI bus of its own,
/// and those of the board's functions that the scenario gives it.
final class PreLaunchedVm {
    private static final long VIDEO = 0xA_0000;
    private static final long VIDEO_END = 0xC_0000;

    private final Machine machine;
    private final VmPlan plan;
    private final List<Range> memory;
    private final PowerPorts.Requests power;

    /// @param memory where its memory is on the board, in the order of its own addresses
    PreLaunchedVm(Machine machine, VmPlan plan, List<Range> memory, PowerPorts.Requests power) {
        this.machine = machine;
        this.plan = plan;
        this.memory = List.copyOf(memory);
        this.power = power;
    }

    private long size() {
        return memory.stream().mapToLong(Range::length).sum();
    }

    private long lowEnd() {
        return Math.min(size(), GuestMemory.PCI_HOLE);
    }

    private long highEnd() {
        return size() > lowEnd() ? GuestMemory.FOUR_GIB + size() - lowEnd() : 0;
    }

    /// The map of memory that its kernel gets.
    MemoryLayout layout() {
        return MemoryLayout.of(lowEnd(), highEnd());
    }

    Vm create(int id, PagePool pages) {
        EptTables ept = new EptTables(pages);
        mapMemory(ept);
        Vm vm = new Vm(id, plan, machine, pages, ept, new IoBitmaps(pages, true));
        List<Integer> apicIds =
                plan.cpus().stream()
                        .map(pcpu -> machine.processors().get(pcpu).apic().id())
                        .toList();
        AcpiTables.of(AcpiSetup.ofVm(apicIds, parts()))
                .install(new GuestRam(machine.memory(), ept));
        return vm;
    }

    private Set<AcpiPart> parts() {
        Set<AcpiPart> parts = EnumSet.of(AcpiPart.PCI, AcpiPart.SLEEP_CONTROL);
        if (!plan.vm().lapicPassthrough()) {
            parts.addAll(Set.of(AcpiPart.IO_APIC, AcpiPart.PIC, AcpiPart.PIT, AcpiPart.RTC));
            addSerialPort(parts, AcpiPart.COM1, BoardMap.COM1, BoardMap.COM1_IRQ);
            addSerialPort(parts, AcpiPart.COM2, BoardMap.COM2, BoardMap.COM2_IRQ);
        }
        return parts;
    }

    /// With reduced hardware, an operating system knows of no ISA interrupt that the tables don't
    /// name.
    private void addSerialPort(Set<AcpiPart> parts, AcpiPart part, int port, int irq) {
        boolean there =
                plan.ports().stream().anyMatch(each -> each.ioPort() == port && each.irq() == irq);
        if (there) {
            parts.add(part);
        }
    }

    /// What needs the vCPUs, which have the local APICs. Legacy interrupts don't reach local APICs
    /// that are passed through.
    void addDevices(Vm vm) {
        Optional<VirtualChipset> chipset =
                vm.vcpus().getFirst().virtualApic().map(apic -> chipset(vm, apic));
        chipset.ifPresent(each -> each.map(vm::emulatePorts, vm.mmio()));
        vm.vcpus().forEach(vcpu -> vcpu.virtualApic().ifPresent(apic -> apic.device().reset()));
        addPci(vm, irq -> chipset.map(each -> each.isaIrq(irq)).orElseGet(IrqLine::unconnected));
        vm.emulatePorts(SleepControl.PORT, SleepControl.PORTS, new SleepControl(new Control(vm)));
    }

    private VirtualChipset chipset(Vm vm, EmulatedApic bootstrap) {
        long high = Math.max(0, highEnd() - GuestMemory.FOUR_GIB);
        VirtualChipset chipset =
                new VirtualChipset(
                        machine.clock(),
                        vm.apicBus(),
                        bootstrap.device(),
                        new VirtualChipset.Contents(Rtc.DEFAULT_START, lowEnd(), high));
        vm.add(chipset.ioApic());
        return chipset;
    }

    /// Where messages of its devices go.
    private MessageSink messages(Vm vm) {
        return vm.has(GuestFlag.LAPIC_PASSTHROUGH)
                ? machine.messages()
                        .confinedTo(vm.vcpus().stream().map(vcpu -> vcpu.root().apic()).toList())
                : vm.apicBus();
    }

    private void addPci(Vm vm, IntFunction<IrqLine> interrupts) {
        VirtualPci pci =
                VirtualPci.ofOther(
                        new VirtualPci.Board(machine.pci(), machine.ports(), machine.mmio()),
                        new VirtualPci.Guest(vm.ports(), vm.mmio(), messages(vm)));
        int device = 1;
        for (PciDevice each : plan.vm().devices().pci()) {
            PciAddress physical =
                    new PciAddress(each.address().device(), each.address().function());
            PciAddress virtual = new PciAddress(device++, 0);
            pci.pass(virtual, physical);
            PciFunction function = machine.pci().functions().get(physical);
            confine(function, vm);
            vm.interrupts().divert(physical, virtual, function, messages(vm));
        }
        VirtualPorts ports = new VirtualPorts(vm, machine.clock(), pci, interrupts);
        plan.ports().forEach(ports::add);
        pci.reset();
        if (!vm.mmio().map(BoardMap.ECAM, ConfigurationSpace.ECAM_SIZE, pci)) {
            throw new IllegalStateException("something is mapped in the ECAM window already");
        }
        vm.emulatePorts(
                ConfigurationPorts.FIRST_PORT,
                ConfigurationPorts.PORT_COUNT,
                pci.ports(PowerPorts.of(vm, new PortSpace(), power)));
    }

    /// Its device reaches its memory, at its addresses.
    private void confine(PciFunction function, Vm vm) {
        List<DmaDomain.Range> ranges = new ArrayList<>();
        forEachPart(
                (guest, host, length) ->
                        ranges.add(new DmaDomain.Range(guest, host, length, true)));
        function.dma().ifPresent(dma -> dma.restrictTo(ranges));
    }

    private interface Part {
        void at(long guest, long host, long length);
    }

    /// The pieces of its memory that are contiguous both for it and on the board.
    private void forEachPart(Part part) {
        long guest = 0;
        for (Range range : memory) {
            for (long done = 0; done < range.length(); ) {
                long address = guest < lowEnd() ? guest : guest - lowEnd() + GuestMemory.FOUR_GIB;
                long left = range.length() - done;
                long length = guest < lowEnd() ? Math.min(left, lowEnd() - guest) : left;
                part.at(address, range.start() + done, length);
                guest += length;
                done += length;
            }
        }
    }

    private void mapMemory(EptTables ept) {
        forEachPart((guest, host, length) -> ept.map(guest, host, length, EptTables.RAM));
        ept.unmap(VIDEO, VIDEO_END - VIDEO);
    }

    private final class Control implements BoardControl {
        private final Vm vm;

        Control(Vm vm) {
            this.vm = vm;
        }

        @Override
        public void reset() {
            power.reset(vm);
        }

        @Override
        public void powerOff() {
            power.powerOff(vm);
        }

        @Override
        public void exit(int code) {
            power.powerOff(vm);
        }
    }
}
