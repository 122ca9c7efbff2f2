package nestbox.hypervisor.emulate;

/// What a guest's physical addresses name: RAM, devices that L0 emulates, and devices behind EPT.
///
/// Whoever runs the guest supplies it: for L1 it is EPT01 and the virtual machine's devices, for L2
/// that behind L1's EPT. An implementation may throw what ends the access, such as a nested EPT
/// violation; nothing has been changed then that may not have been.
public interface GuestPhysical {
    /// The answer of [#ram] for everything that isn't RAM.
    long NOT_RAM = -1;

    /// Where the RAM at an address is in the board's memory.
    ///
    /// @param write whether the access may write; what isn't writable to the guest isn't RAM then
    /// @return a host-physical address, valid up to the end of the 4 KiB page, or [#NOT_RAM]
    long ram(long address, boolean write);

    /// Reads what isn't RAM.
    ///
    /// @param width 1, 2, 4 or 8 bytes, within one page
    /// @return the value, zero-extended
    long read(long address, int width);

    /// Writes what isn't RAM.
    void write(long address, int width, long value);

    /// An iteration of a repeated instruction is complete: what follows is another access.
    default void iterated() {}
}
