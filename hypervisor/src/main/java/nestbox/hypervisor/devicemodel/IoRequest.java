package nestbox.hypervisor.devicemodel;

/// An access of a post-launched virtual machine that its device model carries out.
///
/// @param address port, or guest-physical address
/// @param size in bytes
/// @param value what is written; 0 for a read
public record IoRequest(Kind kind, boolean write, long address, int size, long value) {
    /// What is accessed. PCI configuration space is the ports 0xCF8 to 0xCFF here, as it is with
    /// ACRN; the Service VM's driver knows what they mean.
    public enum Kind {
        PORT(0),
        MEMORY(1),

        /// A write to memory that was write-protected.
        WRITE_PROTECTED(3);

        private final int number;

        Kind(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }
    }

    public static IoRequest read(Kind kind, long address, int size) {
        return new IoRequest(kind, false, address, size, 0);
    }

    public static IoRequest write(Kind kind, long address, int size, long value) {
        return new IoRequest(kind, true, address, size, value);
    }
}
