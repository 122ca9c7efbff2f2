package nestbox.hypervisor.emulate;

import static nestbox.x86.PageFormat.*;
import static nestbox.x86.vmx.VmcsField.*;

import nestbox.platform.GuestMemory;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;

/// Walks a guest's paging structures as the processor does: 32-bit, PAE and 4-level paging, with
/// accessed and dirty flags. SDM Vol. 3A, chapter "Paging".
///
/// L0 needs it where hardware doesn't give the physical address: for all operands of an emulated
/// instruction but the one that exited, and for its bytes.
final class GuestPaging {
    private static final int MAX_LEVELS = 4;
    private static final int PHYSICAL_ADDRESS_LEAF = 0x8000_0008;
    private static final long PAE_RESERVED = 0x7FF0_0000_0000_0000L;
    private static final int FAILED = 1 << 31;
    private static final int RESERVED_BIT = FAILED | FAULT_PROTECTION | FAULT_RESERVED;

    private final GuestState guest;
    private final GuestMemory board;
    private final GuestPhysical physical;
    private final long reservedAddress;

    private final long[] places = new long[MAX_LEVELS];
    private final long[] entries = new long[MAX_LEVELS];
    private int levels;
    private long result;
    private boolean writable;
    private boolean user;
    private boolean executable;

    GuestPaging(GuestState guest, GuestMemory board, GuestPhysical physical) {
        this.guest = guest;
        this.board = board;
        this.physical = physical;
        int bits = guest.root().cpuid(PHYSICAL_ADDRESS_LEAF, 0)[0] & 0xFF;
        reservedAddress = ADDRESS & -(1L << bits);
    }

    /// Translates a linear address and sets accessed and dirty flags.
    ///
    /// @param implicit an access to a system structure, which is the supervisor's whatever the CPL
    /// @throws GuestException #PF
    long translate(long linear, Access access, boolean implicit) {
        if ((guest.read(GUEST_CR0) & ControlBits.CR0_PG) == 0) {
            return linear & 0xFFFF_FFFFL;
        }
        boolean asUser = !implicit && guest.cpl() == 3;
        int failure = walk(linear);
        if (failure == 0 && !isAllowed(access, asUser, implicit)) {
            failure = FAULT_PROTECTION;
        }
        if (failure != 0) {
            throw pageFault(linear, failure & ~FAILED, access, asUser);
        }
        for (int i = 0; i < levels; i++) {
            long flags = access == Access.WRITE && i == levels - 1 ? ACCESSED | DIRTY : ACCESSED;
            if ((entries[i] & flags) != flags) {
                setFlags(places[i], flags);
            }
        }
        return result;
    }

    private int walk(long linear) {
        levels = 0;
        writable = true;
        user = true;
        executable = true;
        if ((guest.read(GUEST_CR4) & ControlBits.CR4_PAE) == 0) {
            return walk32(linear);
        }
        if (guest.isLongMode()) {
            return walkDown(guest.read(GUEST_CR3) & ADDRESS, 39, linear);
        }
        long pdpte = guest.read(GUEST_PDPTE0.plus((int) (linear >>> 30) & 3));
        return (pdpte & PRESENT) == 0 ? FAILED : walkDown(pdpte & ADDRESS, 21, linear);
    }

    /// From a table of 8-byte entries down to the page.
    ///
    /// @param top shift of the linear address for the first table
    private int walkDown(long root, int top, long linear) {
        long table = root;
        for (int shift = top; ; shift -= 9) {
            int failure = step(table + (linear >>> shift & 0x1FF) * 8, 8);
            if (failure != 0) {
                return failure;
            }
            long entry = entries[levels - 1];
            if (top == 21 && (entry & PAE_RESERVED) != 0) {
                return RESERVED_BIT;
            }
            if (shift == 12 || (entry & PAGE_SIZE) != 0) {
                return shift == 39 ? RESERVED_BIT : leaf(entry, shift, linear);
            }
            table = entry & ADDRESS;
        }
    }

    private int leaf(long entry, int shift, long linear) {
        long offset = (1L << shift) - 1;
        long pat = 1 << 12;
        if (shift > 12 && (entry & ADDRESS & offset & ~pat) != 0) {
            return RESERVED_BIT;
        }
        result = entry & ADDRESS & ~offset | linear & offset;
        return 0;
    }

    private int walk32(long linear) {
        long directory = guest.read(GUEST_CR3) & 0xFFFF_F000L;
        int failure = step(directory + (linear >>> 22 & 0x3FF) * 4, 4);
        if (failure != 0) {
            return failure;
        }
        long entry = entries[0];
        if ((entry & PAGE_SIZE) != 0 && (guest.read(GUEST_CR4) & ControlBits.CR4_PSE) != 0) {
            // PSE-36: bits 20:13 are address bits 39:32.
            long high = entry << 19 & 0xFF_0000_0000L;
            if ((entry & 1 << 21) != 0 || (high & reservedAddress) != 0) {
                return RESERVED_BIT;
            }
            result = high | entry & 0xFFC0_0000L | linear & 0x3F_FFFF;
            return 0;
        }
        failure = step((entry & 0xFFFF_F000L) + (linear >>> 12 & 0x3FF) * 4, 4);
        if (failure != 0) {
            return failure;
        }
        result = entries[1] & 0xFFFF_F000L | linear & 0xFFF;
        return 0;
    }

    /// Reads one entry and takes account of its permissions.
    private int step(long place, int size) {
        long at = physical.ram(place, false);
        if (at == GuestPhysical.NOT_RAM) {
            return RESERVED_BIT;
        }
        long entry = size == 8 ? board.readLong(at) : board.readInt(at) & 0xFFFF_FFFFL;
        if ((entry & PRESENT) == 0) {
            return FAILED;
        }
        places[levels] = place;
        entries[levels++] = entry;
        writable &= (entry & WRITABLE) != 0;
        user &= (entry & USER) != 0;
        if (size == 8) {
            boolean disabled = (entry & EXECUTE_DISABLE) != 0;
            executable &= !disabled;
            if ((entry & reservedAddress) != 0 || disabled && !hasExecuteDisable()) {
                return RESERVED_BIT;
            }
        }
        return 0;
    }

    private boolean hasExecuteDisable() {
        return (guest.read(GUEST_EFER) & ControlBits.EFER_NXE) != 0;
    }

    /// SDM Vol. 3A, "Determination of Access Rights".
    private boolean isAllowed(Access access, boolean asUser, boolean implicit) {
        if (asUser && !user) {
            return false;
        }
        long cr4 = guest.read(GUEST_CR4);
        if (access == Access.FETCH) {
            return executable && (asUser || !user || (cr4 & ControlBits.CR4_SMEP) == 0);
        }
        boolean overridden = !implicit && (guest.flags() & RFlags.AC) != 0;
        if (!asUser && user && (cr4 & ControlBits.CR4_SMAP) != 0 && !overridden) {
            return false;
        }
        return access == Access.READ
                || writable
                || !asUser && (guest.read(GUEST_CR0) & ControlBits.CR0_WP) == 0;
    }

    private GuestException pageFault(long linear, int code, Access access, boolean asUser) {
        long cr4 = guest.read(GUEST_CR4);
        boolean tellsFetch =
                (cr4 & ControlBits.CR4_SMEP) != 0
                        || (cr4 & ControlBits.CR4_PAE) != 0 && hasExecuteDisable();
        int kind = access.faultBits() & (tellsFetch ? -1 : ~FAULT_FETCH);
        return GuestException.pageFault(code | kind | (asUser ? FAULT_USER : 0), linear);
    }

    /// Accessed and dirty flags are in the lowest byte.
    private void setFlags(long place, long flags) {
        long at = physical.ram(place, true);
        if (at == GuestPhysical.NOT_RAM) {
            physical.write(place, 1, physical.read(place, 1) | flags);
        } else {
            board.writeByte(at, board.readByte(at) | (int) flags);
        }
    }
}
