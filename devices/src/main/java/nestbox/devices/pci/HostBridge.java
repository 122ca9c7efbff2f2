package nestbox.devices.pci;

/// The processor's host bridge, 00:00.0: the function by which guests recognise the platform.
public final class HostBridge extends PciFunction {
    private static final int CLASS_HOST_BRIDGE = 0x060000;
    private static final int PCIEXBAR = 0x60;
    private static final int PCIEXBAR_ENABLE = 1;

    /// @param ecamBase address of the ECAM window
    public HostBridge(long ecamBase) {
        super("host-bridge", PciIdentity.of(PciIdentity.INTEL, 0x5914, 8, CLASS_HOST_BRIDGE));
        // Locked by firmware, so read-only; a length field of zero means 256 buses.
        config.register("PCIEXBAR", PCIEXBAR, 4).reset((int) ecamBase | PCIEXBAR_ENABLE);
        config.register("PCIEXBAR high", PCIEXBAR + 4, 4).reset((int) (ecamBase >>> 32));
    }

    public State save() {
        return saveFunction();
    }

    public void restore(State state) {
        restoreFunction(state);
    }
}
