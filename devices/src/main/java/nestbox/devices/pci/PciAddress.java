package nestbox.devices.pci;

/// Where a function is on bus 0: device 0–31, function 0–7.
public record PciAddress(int device, int function) {
    public PciAddress {
        if (device < 0 || device > 31 || function < 0 || function > 7) {
            throw new IllegalArgumentException("PCI address %d.%d".formatted(device, function));
        }
    }

    static PciAddress of(int deviceFunction) {
        return new PciAddress(deviceFunction >>> 3, deviceFunction & 7);
    }

    /// Device and function as they stand in a configuration address.
    public int deviceFunction() {
        return device << 3 | function;
    }

    @Override
    public String toString() {
        return "00:%02x.%d".formatted(device, function);
    }
}
