package nestbox.devices.pci;

import nestbox.devices.BoardMap;
import nestbox.platform.Device;
import nestbox.platform.PortIo;

/// Configuration mechanism 1: an address register at 0xCF8 and a window of four data bytes at
/// 0xCFC.
///
/// Only a doubleword reaches the address register. Smaller accesses at 0xCF8–0xCFB belong to
/// whoever else lives there, which is the reset control register at 0xCF9.
public final class ConfigurationPorts implements Device, PortIo {
    public record State(int address) {}

    public static final int FIRST_PORT = BoardMap.PCI_CONFIG_ADDRESS;
    public static final int PORT_COUNT = 8;

    private static final int DATA = BoardMap.PCI_CONFIG_DATA;
    private static final int ENABLE = 1 << 31;
    private static final int WRITABLE = ENABLE | 0xFF_FFFC;

    private final ConfigurationSpace space;
    private final PortIo others;
    private State state = new State(0);

    /// @param others gets byte and word accesses at 0xCF8–0xCFB
    public ConfigurationPorts(ConfigurationSpace space, PortIo others) {
        this.space = space;
        this.others = others;
    }

    @Override
    public String name() {
        return "pci-config";
    }

    @Override
    public void reset() {
        state = new State(0);
    }

    @Override
    public int read(int port, int size) {
        if (port >= DATA) {
            int at = state.address;
            return (at & ENABLE) == 0
                    ? -1
                    : space.readConfig(at >>> 16 & 0xFF, at >>> 8 & 0xFF, register(port), size);
        }
        return port == FIRST_PORT && size == 4 ? state.address : others.read(port, size);
    }

    @Override
    public void write(int port, int size, int value) {
        int at = state.address;
        if (port >= DATA) {
            if ((at & ENABLE) != 0) {
                space.writeConfig(at >>> 16 & 0xFF, at >>> 8 & 0xFF, register(port), size, value);
            }
        } else if (port == FIRST_PORT && size == 4) {
            state = new State(value & WRITABLE);
        } else {
            others.write(port, size, value);
        }
    }

    private int register(int port) {
        return (state.address & 0xFC) + (port - DATA);
    }

    public State save() {
        return state;
    }

    public void restore(State saved) {
        state = saved;
    }
}
