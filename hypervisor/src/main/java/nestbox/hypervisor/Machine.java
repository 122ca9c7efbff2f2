package nestbox.hypervisor;

import nestbox.cpu.Processor;
import nestbox.cpu.apic.ApicBus;
import nestbox.devices.Chipset;
import nestbox.devices.pci.PciBus;
import nestbox.platform.BoardControl;
import nestbox.platform.Clock;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;

import java.util.List;

/// The board that L0 runs on, after power-on.
///
/// @param memory all of its RAM, of which L0 takes a part at the top of what lies below 4 GiB
/// @param ports and `mmio` reach the board's devices
/// @param chipset whose interrupts can be diverted
/// @param messages carries interrupts between devices and processors
/// @param power resets the board or switches it off
public record Machine(
        GuestMemory memory,
        PortSpace ports,
        MmioSpace mmio,
        PciBus pci,
        Chipset chipset,
        Clock clock,
        List<Processor> processors,
        ApicBus messages,
        BoardControl power) {
    public Machine {
        processors = List.copyOf(processors);
    }
}
