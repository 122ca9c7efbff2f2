package nestbox.x86.vmx;

/// An entry of an MSR-load or MSR-store area. SDM Vol. 3C, Table "Format of an MSR Entry".
///
/// @param index bits 31:0
/// @param reserved bits 63:32, which must be 0
/// @param data bits 127:64
public record MsrAreaEntry(int index, int reserved, long data) {
    public static final int SIZE = 16;

    /// Byte offset of the value in an entry.
    public static final int DATA = 8;
}
