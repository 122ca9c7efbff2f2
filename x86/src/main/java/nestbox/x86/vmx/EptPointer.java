package nestbox.x86.vmx;

/// The EPT pointer. SDM Vol. 3C, Table "Format of Extended-Page-Table Pointer".
///
/// @param memoryType of the EPT paging structures themselves, bits 2:0
/// @param walkLength levels, which is bits 5:3 plus 1
/// @param accessedDirty bit 6: accessed and dirty flags of EPT are enabled
/// @param root physical address of the first paging structure
public record EptPointer(int memoryType, int walkLength, boolean accessedDirty, long root) {
    public static final long ACCESSED_DIRTY = 1 << 6;
    public static final long SUPERVISOR_SHADOW_STACK = 1 << 7;
    public static final long RESERVED_LOW = 0xF00;
    public static final long ADDRESS = 0x000F_FFFF_FFFF_F000L;

    public static EptPointer of(long field) {
        return new EptPointer(
                (int) field & 7,
                ((int) field >>> 3 & 7) + 1,
                (field & ACCESSED_DIRTY) != 0,
                field & ADDRESS);
    }

    public long toLong() {
        return memoryType
                | (long) (walkLength - 1) << 3
                | (accessedDirty ? ACCESSED_DIRTY : 0)
                | root & ADDRESS;
    }
}
