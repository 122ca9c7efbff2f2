package nestbox.devices.pci;

import nestbox.devices.WiredOr;
import nestbox.platform.IrqLine;
import nestbox.platform.MessageSink;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;

import java.util.Collections;
import java.util.Comparator;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.IntFunction;

/// Bus 0, the only one: finds the function that a configuration access is for, wires interrupts,
/// and lets BARs wait for addresses that are taken.
public final class PciBus implements ConfigurationSpace {
    private final PciFunction[] functions = new PciFunction[256];
    private final WiredOr[] wires = new WiredOr[IntxRouting.WIRES];
    private final PciFunction.Wiring wiring;

    /// @param wire where PIRQA–PIRQD (0–3) end
    public PciBus(
            PortSpace ports, MmioSpace mmio, MessageSink messages, IntFunction<IrqLine> wire) {
        wiring = new PciFunction.Wiring(ports, mmio, messages, this::mapWaiting);
        for (int i = 0; i < wires.length; i++) {
            wires[i] = new WiredOr(wire.apply(i));
        }
    }

    /// Plugs in a function, before the board is first reset.
    public void add(PciAddress address, PciFunction function) {
        int index = address.deviceFunction();
        if (functions[index] != null) {
            throw new IllegalArgumentException(
                    "%s is taken by %s".formatted(address, functions[index].name()));
        }
        functions[index] = function;
        int pin = function.intxPin();
        function.connect(
                wiring,
                pin < 0
                        ? IrqLine.unconnected()
                        : wires[IntxRouting.wire(address.device(), pin)].source());
        markMultiFunction(address.device() << 3);
    }

    /// What is plugged in at a device and function, as in a configuration address.
    public Optional<PciFunction> function(int deviceFunction) {
        return Optional.ofNullable(functions[deviceFunction & 0xFF]);
    }

    /// What is plugged in where.
    public NavigableMap<PciAddress, PciFunction> functions() {
        NavigableMap<PciAddress, PciFunction> present =
                new TreeMap<>(Comparator.comparingInt(PciAddress::deviceFunction));
        for (int i = 0; i < functions.length; i++) {
            if (functions[i] != null) {
                present.put(PciAddress.of(i), functions[i]);
            }
        }
        return Collections.unmodifiableNavigableMap(present);
    }

    /// All functions as after power-on, and confined by nobody.
    public void reset() {
        for (PciFunction function : functions) {
            if (function != null) {
                function.reset();
                function.release();
            }
        }
    }

    @Override
    public int readConfig(int bus, int deviceFunction, int offset, int size) {
        PciFunction function = bus == 0 ? functions[deviceFunction & 0xFF] : null;
        return function == null ? -1 : function.readConfig(offset, size);
    }

    @Override
    public void writeConfig(int bus, int deviceFunction, int offset, int size, int value) {
        PciFunction function = bus == 0 ? functions[deviceFunction & 0xFF] : null;
        if (function != null) {
            function.writeConfig(offset, size, value);
        }
    }

    private void mapWaiting() {
        for (PciFunction function : functions) {
            if (function != null) {
                function.mapBars();
            }
        }
    }

    private void markMultiFunction(int first) {
        boolean several = false;
        for (int i = first + 1; i < first + 8; i++) {
            several |= functions[i] != null;
        }
        for (int i = first; several && i < first + 8; i++) {
            if (functions[i] != null) {
                functions[i].setMultiFunction();
            }
        }
    }
}
