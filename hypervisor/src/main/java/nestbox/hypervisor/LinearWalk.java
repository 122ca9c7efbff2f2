package nestbox.hypervisor;

import nestbox.cpu.Registers;
import nestbox.platform.GuestMemory;
import nestbox.x86.ControlBits;

import java.util.OptionalLong;

/// Paging as registers have it. SDM Vol. 3A, "Paging".
record LinearWalk(Registers registers, Vm vm, GuestMemory board) {
    private static final long PRESENT = 1;
    private static final long LARGE = 1 << 7;
    private static final long ADDRESS = 0xF_FFFF_FFFF_F000L;
    private static final int PAGE_SHIFT = 12;

    private boolean on(long register, long bit) {
        return (register & bit) != 0;
    }

    private boolean isLongMode() {
        return on(registers.efer(), ControlBits.EFER_LMA);
    }

    long wrapped(long linear) {
        return isLongMode() ? linear : linear & 0xFFFF_FFFFL;
    }

    /// The board's address behind a linear one.
    OptionalLong host(long linear) {
        OptionalLong physical = physical(linear);
        return physical.isEmpty() ? physical : ram(physical.getAsLong());
    }

    private OptionalLong ram(long guestPhysical) {
        long page = guestPhysical & -GuestMemory.PAGE_SIZE;
        return vm.memory().ram(page, (int) GuestMemory.PAGE_SIZE).stream()
                .mapToLong(host -> host + guestPhysical - page)
                .findFirst();
    }

    private OptionalLong physical(long linear) {
        if (!on(registers.cr0(), ControlBits.CR0_PG)) {
            return OptionalLong.of(linear);
        }
        if (isLongMode()) {
            boolean canonical = linear << 16 >> 16 == linear;
            return canonical
                    ? walk(linear, registers.cr3() & ADDRESS, 4, 9, true)
                    : OptionalLong.empty();
        }
        if (on(registers.cr4(), ControlBits.CR4_PAE)) {
            return walk(linear, registers.cr3() & 0xFFFF_FFE0L, 3, 9, true);
        }
        boolean large = on(registers.cr4(), ControlBits.CR4_PSE);
        return walk(linear, registers.cr3() & 0xFFFF_F000L, 2, 10, large);
    }

    /// @param indexBits of the linear address that choose an entry of a table
    /// @param mayBeLarge whether entries above the last level may map pages
    private OptionalLong walk(
            long linear, long root, int levels, int indexBits, boolean mayBeLarge) {
        int entryBytes = indexBits == 9 ? Long.BYTES : Integer.BYTES;
        long table = root;
        for (int level = levels - 1; ; level--) {
            int shift = PAGE_SHIFT + level * indexBits;
            long index = linear >>> shift & (1L << indexBits) - 1;
            OptionalLong place = ram(table + index * entryBytes);
            if (place.isEmpty()) {
                return OptionalLong.empty();
            }
            long entry =
                    entryBytes == Long.BYTES
                            ? board.readLong(place.getAsLong())
                            : board.readInt(place.getAsLong()) & 0xFFFF_FFFFL;
            if (!on(entry, PRESENT)) {
                return OptionalLong.empty();
            }
            boolean top = level == levels - 1 && levels > 2;
            if (level == 0 || mayBeLarge && !top && on(entry, LARGE)) {
                long within = (1L << shift) - 1;
                return OptionalLong.of(entry & ADDRESS & ~within | linear & within);
            }
            table = entry & ADDRESS;
        }
    }
}
