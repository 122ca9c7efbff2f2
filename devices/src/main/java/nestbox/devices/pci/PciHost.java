package nestbox.devices.pci;

import nestbox.devices.BoardMap;
import nestbox.platform.IrqLine;
import nestbox.platform.MessageSink;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortIo;
import nestbox.platform.PortSpace;

import java.util.function.IntFunction;

/// Everything PCI that a board has before any device is plugged in: the bus, host and ISA bridge,
/// and both ways to reach configuration space, mapped.
public final class PciHost {
    private final PciBus bus;
    private final ConfigurationPorts configurationPorts;
    private final HostBridge hostBridge = new HostBridge(BoardMap.ECAM);
    private final IsaBridge isaBridge;

    private PciHost(PciBus bus, ConfigurationPorts configurationPorts, IsaBridge isaBridge) {
        this.bus = bus;
        this.configurationPorts = configurationPorts;
        this.isaBridge = isaBridge;
        bus.add(new PciAddress(0, 0), hostBridge);
        bus.add(IsaBridge.ADDRESS, isaBridge);
    }

    /// @param ioApicPins inputs of the IOAPIC; 16–19 are used
    /// @param isaIrqs inputs of the 8259s, asked for once each; used where PIRQs are routed to them
    /// @param resetControl gets byte and word accesses at 0xCF8–0xCFB
    public static PciHost of(
            PortSpace ports,
            MmioSpace mmio,
            MessageSink messages,
            IntFunction<IrqLine> ioApicPins,
            IntFunction<IrqLine> isaIrqs,
            PortIo resetControl) {
        IsaBridge isaBridge = new IsaBridge(isaIrqs);
        PciBus bus =
                new PciBus(
                        ports,
                        mmio,
                        messages,
                        wire -> {
                            IrqLine pin = ioApicPins.apply(BoardMap.PIRQ_PIN + wire);
                            IrqLine pirq = isaBridge.pirq(wire);
                            return level -> {
                                pin.set(level);
                                pirq.set(level);
                            };
                        });
        ConfigurationPorts configuration = new ConfigurationPorts(bus, resetControl);
        ports.map(ConfigurationPorts.FIRST_PORT, ConfigurationPorts.PORT_COUNT, configuration);
        if (!mmio.map(BoardMap.ECAM, ConfigurationSpace.ECAM_SIZE, bus)) {
            throw new IllegalStateException("something is mapped in the ECAM window already");
        }
        return new PciHost(bus, configuration, isaBridge);
    }

    public PciBus bus() {
        return bus;
    }

    public ConfigurationPorts configurationPorts() {
        return configurationPorts;
    }

    public HostBridge hostBridge() {
        return hostBridge;
    }

    public IsaBridge isaBridge() {
        return isaBridge;
    }

    /// All functions as after power-on; BARs are then for [PciFirmware] to assign again.
    public void reset() {
        configurationPorts.reset();
        bus.reset();
    }
}
