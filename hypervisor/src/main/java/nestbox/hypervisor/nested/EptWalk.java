package nestbox.hypervisor.nested;

import nestbox.cpu.entry.EptFormat;
import nestbox.hypervisor.NestedState.EptStep;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.EptEntry;
import nestbox.x86.vmx.EptPointer;
import nestbox.x86.vmx.EptViolationQualification;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/// A walk through L1's EPT tables, from an address of L2 to one of L1, as the processor would do it
/// if L1 were not a guest itself.
///
/// The outcome of the last walk stays until the next one.
final class EptWalk {
    /// How a walk ends.
    enum Outcome {
        TRANSLATED,
        VIOLATION,
        MISCONFIGURATION
    }

    private static final long NOWHERE = -1;
    private static final long PAGE_MASK = GuestMemory.PAGE_SIZE - 1;

    private final L1Memory memory;
    private final GuestMemory board;
    private final EptFormat format;

    /// Host-physical addresses of the entries used.
    private final long[] slots = new long[EptFormat.LEVELS];

    private final long[] entries = new long[EptFormat.LEVELS];
    private int depth;
    private int shift;
    private long permissions;
    private boolean accessedDirty;

    EptWalk(L1Memory memory, GuestMemory board, EptFormat format) {
        this.memory = memory;
        this.board = board;
        this.format = format;
    }

    /// Walks, and changes nothing.
    ///
    /// @param pointer L1's EPT pointer
    /// @param access bits of [EptViolationQualification]
    Outcome walk(EptPointer pointer, long l2Physical, long access, boolean modeBased) {
        depth = 0;
        permissions = EptFormat.permissions(true);
        accessedDirty = pointer.accessedDirty();
        shift = EptFormat.TOP_SHIFT;
        long table = pointer.root();
        while (true) {
            long slot = slot(EptFormat.slot(table, shift, l2Physical));
            long entry = slot == NOWHERE ? -1 : board.readLong(slot);
            slots[depth] = slot;
            entries[depth++] = entry;
            if (!EptFormat.isPresent(entry, modeBased)) {
                permissions = 0;
                return Outcome.VIOLATION;
            }
            if (slot == NOWHERE || format.isMisconfigured(entry, shift, modeBased)) {
                return Outcome.MISCONFIGURATION;
            }
            permissions &= entry;
            if (EptFormat.isLeaf(entry, shift)) {
                return EptFormat.allows(permissions, effective(access), modeBased)
                        ? Outcome.TRANSLATED
                        : Outcome.VIOLATION;
            }
            table = entry & EptEntry.ADDRESS;
            shift -= EptFormat.INDEX_BITS;
        }
    }

    private long slot(long l1Physical) {
        OptionalLong page = memory.page(l1Physical);
        return page.isPresent() ? page.getAsLong() + (l1Physical & PAGE_MASK) : NOWHERE;
    }

    /// With accessed and dirty flags, accesses to L2's paging structures count as writes.
    long effective(long access) {
        long kinds =
                EptViolationQualification.LINEAR_ADDRESS_VALID
                        | EptViolationQualification.TRANSLATION;
        boolean structure = (access & kinds) == EptViolationQualification.LINEAR_ADDRESS_VALID;
        return structure && accessedDirty
                ? access | EptViolationQualification.READ | EptViolationQualification.WRITE
                : access;
    }

    // The outcome

    /// What the entries together allow, as bits of an entry.
    long permissions() {
        return permissions;
    }

    /// Size of the page, as a shift.
    int shift() {
        return shift;
    }

    /// The last entry.
    long entry() {
        return entries[depth - 1];
    }

    /// The entry that was used of the table whose entries translate from this shift on.
    long entry(int level) {
        return entries[index(level)];
    }

    /// Host-physical address of that entry.
    long slotOf(int level) {
        return slots[index(level)];
    }

    private static int index(int level) {
        return (EptFormat.TOP_SHIFT - level) / EptFormat.INDEX_BITS;
    }

    /// Whether writes may go ahead without another look.
    boolean isDirty() {
        return !accessedDirty || (entry() & EptEntry.DIRTY) != 0;
    }

    /// L1's guest-physical address.
    long l1Physical(long l2Physical) {
        long offset = (1L << shift) - 1;
        return entry() & EptEntry.ADDRESS & ~offset | l2Physical & offset;
    }

    /// Sets the accessed flags of the entries used, and the dirty flag for a write.
    void setFlags(boolean write) {
        if (!accessedDirty) {
            return;
        }
        for (int i = 0; i < depth; i++) {
            long flags =
                    write && i == depth - 1
                            ? EptEntry.ACCESSED | EptEntry.DIRTY
                            : EptEntry.ACCESSED;
            if ((entries[i] & flags) != flags) {
                entries[i] |= flags;
                board.writeLong(slots[i], entries[i]);
            }
        }
    }

    /// The entries for an address, from the top, up to the last that is there.
    List<EptStep> steps(EptPointer pointer, long l2Physical) {
        List<EptStep> steps = new ArrayList<>();
        long table = pointer.root();
        int level = EptFormat.TOP_SHIFT;
        while (true) {
            long at = EptFormat.slot(table, level, l2Physical);
            long entry = memory.readPhysical(at, Long.BYTES);
            steps.add(new EptStep(at, level, entry));
            if (!EptFormat.isPresent(entry, true) || EptFormat.isLeaf(entry, level)) {
                return steps;
            }
            table = entry & EptEntry.ADDRESS;
            level -= EptFormat.INDEX_BITS;
        }
    }
}
