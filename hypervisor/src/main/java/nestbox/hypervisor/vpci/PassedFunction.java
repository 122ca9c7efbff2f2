package nestbox.hypervisor.vpci;

import static nestbox.devices.pci.PciRegisters.CAPABILITIES_POINTER;
import static nestbox.devices.pci.PciRegisters.CLASS_CODE;
import static nestbox.devices.pci.PciRegisters.COMMAND;
import static nestbox.devices.pci.PciRegisters.COMMAND_IO;
import static nestbox.devices.pci.PciRegisters.COMMAND_MEMORY;
import static nestbox.devices.pci.PciRegisters.DEVICE_ID;
import static nestbox.devices.pci.PciRegisters.REVISION_ID;
import static nestbox.devices.pci.PciRegisters.STATUS;
import static nestbox.devices.pci.PciRegisters.STATUS_CAPABILITIES;
import static nestbox.devices.pci.PciRegisters.SUBSYSTEM_ID;
import static nestbox.devices.pci.PciRegisters.SUBSYSTEM_VENDOR_ID;
import static nestbox.devices.pci.PciRegisters.VENDOR_ID;

import nestbox.devices.pci.BarKind;
import nestbox.devices.pci.BarSize;
import nestbox.devices.pci.PciFunction;
import nestbox.devices.pci.PciIdentity;
import nestbox.platform.Mmio;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;

/// The header of a function of the board in a virtual machine with addresses of its own.
///
/// Base address registers are the virtual machine's: the device stays where the board's firmware
/// has put it, and accesses are forwarded. So a guest can't move it over anything.
final class PassedFunction extends PciFunction {
    private static final int DECODING = COMMAND_IO | COMMAND_MEMORY;
    private static final long SMALLEST_WINDOW = 0x1000;

    private final PciFunction physical;

    PassedFunction(PciFunction physical, PortSpace ports, MmioSpace mmio) {
        super(physical.name(), identity(physical));
        this.physical = physical;
        for (BarSize bar : BarSize.of(physical)) {
            long at = bar.address(physical);
            Mmio target = bar.isIo() ? new Ports(ports, (int) at) : new Window(mmio, at);
            // Pages are what EPT can map.
            long size = bar.isIo() ? bar.size() : Math.max(bar.size(), SMALLEST_WINDOW);
            addBar(bar.index(), BarKind.of(bar.typeBits()), size, target);
        }
        if ((physical.readConfig(STATUS, 2) & STATUS_CAPABILITIES) != 0) {
            capabilitiesAt(physical.readConfig(CAPABILITIES_POINTER, 1));
        }
    }

    private static PciIdentity identity(PciFunction of) {
        return new PciIdentity(
                of.readConfig(VENDOR_ID, 2) & 0xFFFF,
                of.readConfig(DEVICE_ID, 2) & 0xFFFF,
                of.readConfig(REVISION_ID, 1) & 0xFF,
                of.readConfig(CLASS_CODE, 1) & 0xFF
                        | (of.readConfig(CLASS_CODE + 1, 2) & 0xFFFF) << 8,
                of.readConfig(SUBSYSTEM_VENDOR_ID, 2) & 0xFFFF,
                of.readConfig(SUBSYSTEM_ID, 2) & 0xFFFF);
    }

    /// The device always decodes; everything else is what the guest wants, bus mastering above all.
    @Override
    protected void commandChanged() {
        int wanted = readConfig(COMMAND, 2) & ~DECODING;
        physical.writeConfig(COMMAND, 2, physical.readConfig(COMMAND, 2) & DECODING | wanted);
    }

    private record Window(MmioSpace mmio, long base) implements Mmio {
        @Override
        public long read(long offset, int size) {
            return mmio.read(base + offset, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            mmio.write(base + offset, size, value);
        }
    }

    private record Ports(PortSpace ports, int base) implements Mmio {
        @Override
        public long read(long offset, int size) {
            return ports.read(base + (int) offset, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            ports.write(base + (int) offset, size, (int) value);
        }
    }
}
