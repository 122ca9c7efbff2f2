package nestbox.hypervisor.vlapic;

import nestbox.cpu.apic.ApicBus;
import nestbox.devices.BoardMap;
import nestbox.devices.ioapic.IoApic;
import nestbox.devices.pit.Pit;
import nestbox.devices.rtc.Rtc;
import nestbox.devices.systemport.SystemPortB;
import nestbox.platform.Clock;
import nestbox.platform.Device;
import nestbox.platform.IrqLine;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortIo;

import java.time.Instant;
import java.util.List;

/// Interrupt controllers, timers and clock of a virtual machine that owns none of the board's.
public final class VirtualChipset {
    private final IoApic ioApic;
    private final InterruptControllers controllers;
    private final Pit pit;
    private final Rtc rtc;
    private final SystemPortB portB;

    /// Gives ports of the virtual machine to a device.
    @FunctionalInterface
    public interface PortOwners {
        void map(int first, int count, PortIo device);
    }

    /// Memory sizes and time, as CMOS memory tells them.
    ///
    /// @param start date and time at the board's time 0
    public record Contents(Instant start, long memoryBelow4GiB, long memoryAbove4GiB) {}

    /// @param clock of the board
    /// @param bus of the virtual machine's local APICs
    /// @param bootstrap the local APIC that takes what the 8259A pair has
    public VirtualChipset(Clock clock, ApicBus bus, VirtualApic bootstrap, Contents contents) {
        ioApic = new IoApic(bus);
        controllers = new InterruptControllers(bus, bootstrap, ioApic);
        pit = new Pit(clock, isaIrq(BoardMap.TIMER_IRQ));
        rtc =
                new Rtc(
                        clock,
                        isaIrq(BoardMap.RTC_IRQ),
                        contents.start,
                        contents.memoryBelow4GiB,
                        contents.memoryAbove4GiB);
        portB = new SystemPortB(clock, pit, bootstrap.lint1(), rtc::nmiMasked);
        rtc.onNmiMask(portB::nmiMaskChanged);
    }

    /// Puts everything where PCs have it.
    public void map(PortOwners ports, MmioSpace mmio) {
        controllers.map(ports, mmio);
        ports.map(BoardMap.PIT, 4, pit);
        ports.map(BoardMap.SYSTEM_PORT_B, 1, portB);
        ports.map(BoardMap.RTC, 8, rtc);
    }

    /// A new source of an ISA interrupt, such as a virtual serial port.
    public IrqLine isaIrq(int irq) {
        return controllers.isaIrq(irq);
    }

    public IoApic ioApic() {
        return ioApic;
    }

    /// As after power-on.
    public void reset() {
        controllers.reset();
        List.<Device>of(pit, rtc, portB).forEach(Device::reset);
    }
}
