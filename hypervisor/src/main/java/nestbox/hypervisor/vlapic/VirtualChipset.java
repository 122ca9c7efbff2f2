package nestbox.hypervisor.vlapic;

import nestbox.cpu.apic.ApicBus;
import nestbox.devices.BoardMap;
import nestbox.devices.IsaInterrupts;
import nestbox.devices.ioapic.IoApic;
import nestbox.devices.pic.Pic;
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
    private final Pic pic;
    private final IsaInterrupts isa;
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
        IrqLine intr = bootstrap.lint0();
        IrqLine pin = ioApic.input(0);
        pic =
                new Pic(
                        asserted -> {
                            intr.set(asserted);
                            pin.set(asserted);
                        });
        bus.onEndOfInterrupt(ioApic::endOfInterrupt);
        bus.onInterruptAcknowledge(pic::acknowledge);
        isa = new IsaInterrupts(pic, ioApic);
        pit = new Pit(clock, isa.source(BoardMap.TIMER_IRQ));
        rtc =
                new Rtc(
                        clock,
                        isa.source(BoardMap.RTC_IRQ),
                        contents.start,
                        contents.memoryBelow4GiB,
                        contents.memoryAbove4GiB);
        portB = new SystemPortB(clock, pit, bootstrap.lint1(), rtc::nmiMasked);
        rtc.onNmiMask(portB::nmiMaskChanged);
    }

    /// Puts everything where PCs have it.
    public void map(PortOwners ports, MmioSpace mmio) {
        ports.map(BoardMap.PIC_MASTER, 2, pic);
        ports.map(BoardMap.PIC_SLAVE, 2, pic);
        ports.map(BoardMap.ELCR, 2, pic);
        ports.map(BoardMap.PIT, 4, pit);
        ports.map(BoardMap.SYSTEM_PORT_B, 1, portB);
        ports.map(BoardMap.RTC, 8, rtc);
        if (!mmio.map(BoardMap.IOAPIC, IoApic.LENGTH, ioApic)) {
            throw new IllegalStateException("something is where the I/O APIC belongs");
        }
    }

    /// A new source of an ISA interrupt, such as a virtual serial port.
    public IrqLine isaIrq(int irq) {
        return isa.source(irq);
    }

    /// As after power-on.
    public void reset() {
        List.<Device>of(pit, rtc, portB, pic, ioApic).forEach(Device::reset);
    }
}
