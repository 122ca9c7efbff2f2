package nestbox.devices.pci;

/// What a function says that it is: the registers by which a guest finds a driver.
///
/// @param classCode base class, sub-class and programming interface, 24 bits
public record PciIdentity(
        int vendor, int device, int revision, int classCode, int subsystemVendor, int subsystem) {
    public static final int INTEL = 0x8086;

    /// A function whose maker did not give it a subsystem identity.
    public static PciIdentity of(int vendor, int device, int revision, int classCode) {
        return new PciIdentity(vendor, device, revision, classCode, 0, 0);
    }
}
