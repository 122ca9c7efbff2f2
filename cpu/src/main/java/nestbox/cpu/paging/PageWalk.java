package nestbox.cpu.paging;

import static nestbox.x86.PageFormat.*;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.vmx.Ept;
import nestbox.platform.GuestMemory;
import nestbox.platform.NativeSpace;
import nestbox.x86.ControlBits;

/// One walk of the paging structures: 32-bit, PAE and 4-level paging. SDM Vol. 3A, chapter
/// "Paging".
///
/// The result stays in the fields until the next walk. Accessed and dirty flags are set only when
/// the access is allowed.
final class PageWalk {
    private static final int MAX_LEVELS = 4;
    private static final int TOP_SHIFT = 39;

    /// The walk has to start again.
    private static final int RESTARTED = 1;

    private final Cpu cpu;
    private final GuestMemory memory;
    private final long reservedAddress;

    /// Physical address of the byte.
    long physical;

    /// Size of the page, as a shift.
    int shift;

    /// What the entries together allow, whatever the privilege.
    boolean writable;

    boolean user;
    boolean executable;
    boolean dirty;
    boolean global;

    /// The linear address that is walked for.
    private long linear;

    private final long[] entryPhysical = new long[MAX_LEVELS];
    private final long[] entryAddress = new long[MAX_LEVELS];
    private final long[] entries = new long[MAX_LEVELS];
    private int levels;
    private int leafSize;

    /// Size that a page counts as at most.
    private int mostShift;

    PageWalk(Cpu cpu, GuestMemory memory, int physicalBits) {
        this.cpu = cpu;
        this.memory = memory;
        reservedAddress = ADDRESS & -(1L << physicalBits);
    }

    /// What stands for a walk while paging is off.
    void withoutPaging(long address) {
        physical = address;
        shift = 12;
        writable = true;
        user = true;
        executable = true;
        dirty = true;
        levels = 0;
        cpu.vmx.ept.beginLinear();
    }

    /// Walks without setting flags.
    ///
    /// @return 0, or the page-fault error code bits P and RSVD of why there is no translation,
    ///     with bit 31 set
    int walk(long address) {
        linear = address;
        begin();
        if ((cpu.cr4 & ControlBits.CR4_PAE) == 0) {
            return walk32(linear);
        }
        return (cpu.efer & ControlBits.EFER_LMA) != 0 ? walkLong() : walkPae(linear);
    }

    private void begin() {
        writable = true;
        user = true;
        executable = true;
        levels = 0;
        mostShift = TOP_SHIFT;
        cpu.vmx.ept.beginLinear();
    }

    /// HLAT paging where it is due, unless it leads to ordinary paging. SDM Vol. 3A, "Restart of
    /// HLAT Paging".
    private int walkLong() {
        Ept ept = cpu.vmx.ept;
        if (ept.managesLinear(linear)) {
            int failure = walk4Level(ept.hlatTable(), true);
            if (failure != RESTARTED) {
                return failure == 0 ? 0 : failure | FAULT_HLAT;
            }
            int most = mostShift;
            begin();
            mostShift = most;
        }
        return walk4Level(cpu.cr3 & ADDRESS, false);
    }

    private static final int NO_TRANSLATION = 1 << 31;

    private int walk4Level(long root, boolean managed) {
        long table = root;
        for (int level = TOP_SHIFT; ; level -= 9) {
            int failure = step(table + (linear >>> level & 0x1FF) * 8, 8);
            if (failure != 0) {
                return failure;
            }
            long entry = entries[levels - 1];
            if (managed && (entry & RESTART) != 0) {
                mostShift = level;
                return RESTARTED;
            }
            boolean leaf = level == 12 || (entry & PAGE_SIZE) != 0;
            if (leaf) {
                return level == TOP_SHIFT ? reserved() : leaf(entry, linear, level);
            }
            table = entry & ADDRESS;
        }
    }

    private int walkPae(long linear) {
        long pdpte = cpu.pdpte[(int) (linear >>> 30) & 3];
        if ((pdpte & PRESENT) == 0) {
            return NO_TRANSLATION;
        }
        long table = pdpte & ADDRESS;
        for (int level = 21; ; level -= 9) {
            int failure = step(table + (linear >>> level & 0x1FF) * 8, 8);
            if (failure != 0) {
                return failure;
            }
            long entry = entries[levels - 1];
            if ((entry & 0x7FF0_0000_0000_0000L) != 0) {
                return reserved();
            }
            if (level == 12 || (entry & PAGE_SIZE) != 0) {
                return leaf(entry, linear, level);
            }
            table = entry & ADDRESS;
        }
    }

    private int walk32(long linear) {
        long directory = (cpu.cr3 & 0xFFFF_F000L) + (linear >>> 22 & 0x3FF) * 4;
        int failure = step(directory, 4);
        if (failure != 0) {
            return failure;
        }
        long entry = entries[0];
        if ((entry & PAGE_SIZE) != 0 && (cpu.cr4 & ControlBits.CR4_PSE) != 0) {
            // PSE-36: bits 20:13 are address bits 39:32; those above the width are reserved.
            long high = entry << 19 & 0xFF_0000_0000L;
            if ((entry & 1 << 21) != 0 || (high & reservedAddress) != 0) {
                return reserved();
            }
            setLeaf(entry, 22);
            physical = high | entry & 0xFFC0_0000L | linear & 0x3F_FFFF;
            return 0;
        }
        failure = step((entry & 0xFFFF_F000L) + (linear >>> 12 & 0x3FF) * 4, 4);
        if (failure != 0) {
            return failure;
        }
        entry = entries[1];
        setLeaf(entry, 12);
        physical = entry & 0xFFFF_F000L | linear & 0xFFF;
        return 0;
    }

    /// Reads one entry and takes account of its permissions.
    private int step(long address, int size) {
        Ept ept = cpu.vmx.ept;
        long at = ept.isActive() ? ept.structure(address, linear, false) : address;
        long host = memory.host(at, size);
        // Outside RAM the bus reads as ones: a present entry with reserved bits.
        long entry =
                host < 0
                        ? -1
                        : size == 8
                                ? NativeSpace.SPACE.get(NativeSpace.I64, host)
                                : NativeSpace.SPACE.get(NativeSpace.I32, host) & 0xFFFF_FFFFL;
        leafSize = size;
        if ((entry & PRESENT) == 0) {
            return NO_TRANSLATION;
        }
        if (host < 0) {
            return reserved();
        }
        entryPhysical[levels] = address;
        entryAddress[levels] = host;
        entries[levels++] = entry;
        writable &= (entry & WRITABLE) != 0;
        user &= (entry & USER) != 0;
        if (size == 8) {
            if ((entry & reservedAddress) != 0) {
                return reserved();
            }
            if ((entry & EXECUTE_DISABLE) != 0) {
                if ((cpu.efer & ControlBits.EFER_NXE) == 0) {
                    return reserved();
                }
                executable = false;
            }
        }
        return 0;
    }

    private int leaf(long entry, long linear, int level) {
        long offset = (1L << level) - 1;
        // Bits of a large page's address below its size are reserved, but for PAT (bit 12).
        if (level > 12 && (entry & ADDRESS & offset & ~(1L << 12)) != 0) {
            return reserved();
        }
        setLeaf(entry, level);
        physical = entry & ADDRESS & ~offset | linear & offset;
        return 0;
    }

    private void setLeaf(long entry, int level) {
        shift = Math.min(level, mostShift);
        dirty = (entry & DIRTY) != 0;
        global = (entry & GLOBAL) != 0;
    }

    private static int reserved() {
        return NO_TRANSLATION | FAULT_PROTECTION | FAULT_RESERVED;
    }

    /// Sets the accessed flags of the entries used, and the dirty flag of the last for a write.
    void setFlags(boolean write) {
        for (int i = 0; i < levels; i++) {
            long wanted = write && i == levels - 1 ? ACCESSED | DIRTY : ACCESSED;
            if ((entries[i] & wanted) != wanted) {
                if (cpu.vmx.ept.isActive()) {
                    cpu.vmx.ept.structure(entryPhysical[i], linear, true);
                }
                store(entryAddress[i], entries[i] | wanted);
            }
        }
        dirty |= write;
    }

    private void store(long host, long entry) {
        if ((memory.flags(memory.page(host)) & GuestMemory.HAS_CODE) != 0) {
            memory.writeInt(memory.address(host), (int) entry);
            return;
        }
        // Only the low byte changes, and a 4-byte store serves both sizes of entry.
        assert leafSize == 4 || leafSize == 8;
        NativeSpace.SPACE.set(NativeSpace.I32, host, (int) entry);
    }
}
