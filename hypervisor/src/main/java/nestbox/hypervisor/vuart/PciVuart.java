package nestbox.hypervisor.vuart;

import nestbox.devices.pci.BarKind;
import nestbox.devices.pci.PciFunction;
import nestbox.devices.pci.PciIdentity;
import nestbox.platform.Clock;
import nestbox.platform.Mmio;

/// A virtual serial port as a PCI function with an MSI-X interrupt: one port of a MosChip 9900,
/// which operating systems know.
///
/// A virtual machine whose local APIC is passed through can't be given the interrupts of legacy
/// devices, but messages reach it.
public final class PciVuart extends PciFunction {
    private static final int VENDOR_MOSCHIP = 0x9710;
    private static final int DEVICE_9900 = 0x9900;

    /// By this and by the programming interface below, drivers know that it has one port.
    private static final int SUBSYSTEM_VENDOR = 0xA000;

    private static final int SUBSYSTEM = 0x1000;
    private static final int CLASS_SERIAL_16550 = 0x070002;
    private static final int REGISTERS_BAR = 0;
    private static final int MSIX_BAR = 1;
    private static final long REGISTERS_BYTES = 0x1000;
    private static final int REGISTERS = 8;
    private static final int VECTOR = 0;

    private final Vuart vuart;
    private boolean asserted;
    private boolean signalled;

    /// @param name for traces
    public PciVuart(String name, Clock clock) {
        super(
                name,
                new PciIdentity(
                        VENDOR_MOSCHIP,
                        DEVICE_9900,
                        0,
                        CLASS_SERIAL_16550,
                        SUBSYSTEM_VENDOR,
                        SUBSYSTEM));
        addBar(REGISTERS_BAR, BarKind.MEMORY_32, REGISTERS_BYTES, new Registers());
        addMsix(1, MSIX_BAR);
        vuart = new Vuart(name, clock, this::interrupt);
    }

    public Vuart vuart() {
        return vuart;
    }

    @Override
    public void reset() {
        super.reset();
        vuart.reset();
        signalled = false;
    }

    /// A message for each time that there is something new to look at.
    private void interrupt(boolean level) {
        if (level && !asserted) {
            signal(VECTOR);
        }
        asserted = level;
    }

    /// What was there before messages were enabled is new then.
    @Override
    protected void interruptsRerouted() {
        boolean was = signalled;
        signalled = messageSignalled();
        if (signalled && !was && asserted) {
            signal(VECTOR);
        }
    }

    /// The registers are bytes; other accesses find nothing.
    private final class Registers implements Mmio {
        @Override
        public long read(long offset, int size) {
            return isRegister(offset, size) ? vuart.uart().read((int) offset) : -1;
        }

        @Override
        public void write(long offset, int size, long value) {
            if (isRegister(offset, size)) {
                vuart.uart().write((int) offset, (int) value & 0xFF);
            }
        }

        private static boolean isRegister(long offset, int size) {
            return size == 1 && offset < REGISTERS;
        }
    }
}
