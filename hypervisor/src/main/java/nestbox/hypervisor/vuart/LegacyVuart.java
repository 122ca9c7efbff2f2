package nestbox.hypervisor.vuart;

import nestbox.devices.BytePorts;

/// A virtual serial port at I/O ports, as on a PC.
public final class LegacyVuart implements BytePorts {
    /// Ports that it takes.
    public static final int PORTS = 8;

    private final Vuart vuart;
    private final int base;

    /// @param base its first port, which need not be one that PCs have
    public LegacyVuart(Vuart vuart, int base) {
        this.vuart = vuart;
        this.base = base;
    }

    public Vuart vuart() {
        return vuart;
    }

    @Override
    public int read(int port) {
        return vuart.uart().read(port - base);
    }

    @Override
    public void write(int port, int value) {
        vuart.uart().write(port - base, value);
    }
}
