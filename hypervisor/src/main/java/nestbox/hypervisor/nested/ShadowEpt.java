package nestbox.hypervisor.nested;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.EptFormat;
import nestbox.hypervisor.memory.EptTables;
import nestbox.hypervisor.memory.PagePool;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.EptEntry;
import nestbox.x86.vmx.EptPointer;
import nestbox.x86.vmx.EptViolationQualification;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongPredicate;

/// The EPT tables that L2 runs on: for each of L1's EPT pointers a shadow, which joins L1's tables
/// with EPT01.
///
/// They belong to one vCPU, since L1 invalidates on one processor, too: a change in them never has
/// to reach another processor. The price is that vCPUs that share EPT tables have a shadow each.
final class ShadowEpt {
    /// How an EPT violation of L2 ends.
    enum Verdict {
        /// There is a translation now.
        RESUME,

        /// An EPT violation or misconfiguration of L1's tables.
        VIOLATION,
        MISCONFIGURATION,

        /// There is no place in L1's page-modification log.
        LOG_FULL,

        /// L1's tables allow the access, but EPT01 doesn't: it's L0's.
        EMULATE
    }

    private static final int MOST_POINTERS = 16;
    private static final long KEY = EptPointer.ADDRESS | EptPointer.ACCESSED_DIRTY;
    private static final long PERMISSIONS = EptFormat.permissions(true);
    private static final long EXECUTE_ALL = EptEntry.EXECUTE | EptEntry.EXECUTE_USER;
    private static final long TYPE = 7L << EptEntry.MEMORY_TYPE;
    private static final long PAGE_MASK = -GuestMemory.PAGE_SIZE;

    private final VmxRoot root;
    private final EptTables tables01;
    private final PagePool pages;
    private final EptWalk walk;

    /// By L1's EPT pointer, the one that was used longest ago first.
    private final Map<Long, ShadowTables> shadows = new LinkedHashMap<>(16, 0.75f, true);

    /// L1's page whose accesses are virtualized, and the host's page behind it; -1 for none.
    private long apicPage12 = -1;

    private long apicPage02 = -1;

    /// Of the last violation.
    private long l1Address;

    private long fills;

    ShadowEpt(VmxRoot root, EptTables tables01, PagePool pages, EptWalk walk) {
        this.root = root;
        this.tables01 = tables01;
        this.pages = pages;
        this.walk = walk;
    }

    private static long key(long pointer12) {
        return pointer12 & KEY;
    }

    /// The shadow to run L2 with.
    private ShadowTables shadow(long pointer12) {
        ShadowTables shadow = shadows.get(key(pointer12));
        if (shadow == null) {
            if (shadows.size() == MOST_POINTERS) {
                closeOldest();
            }
            Optional<Long> page = pages.take();
            while (page.isEmpty() && closeOldest()) {
                page = pages.take();
            }
            shadow = new ShadowTables(pages, EptPointer.of(pointer12), page.orElseThrow());
            shadows.put(key(pointer12), shadow);
        }
        return shadow;
    }

    /// The EPT pointer to run L2 with, with what L1 has invalidated thrown away.
    long pointer(long pointer12) {
        ShadowTables shadow = shadow(pointer12);
        shadow.refresh();
        flush(shadow);
        return shadow.pointer();
    }

    private void flush(ShadowTables shadow) {
        if (shadow.takeFlushNeeded()) {
            root.inveptSingle(shadow.pointer());
        }
    }

    private boolean closeOldest() {
        Iterator<ShadowTables> all = shadows.values().iterator();
        if (!all.hasNext()) {
            return false;
        }
        close(all.next());
        all.remove();
        return true;
    }

    private void close(ShadowTables shadow) {
        shadow.close();
        root.inveptSingle(shadow.pointer());
    }

    /// Throws away all shadows.
    void clear() {
        shadows.values().forEach(this::close);
        shadows.clear();
    }

    /// INVEPT of one of L1's EPT pointers.
    void invalidate(long pointer12) {
        for (ShadowTables shadow : shadows.values()) {
            if (shadow.pointer12().root() == EptPointer.of(pointer12).root()) {
                shadow.markStale();
            }
        }
    }

    /// INVEPT of all.
    void invalidateAll() {
        shadows.values().forEach(ShadowTables::markStale);
    }

    /// Sets the APIC-access page of the L2 that is going to run: accesses to it are the processor's
    /// to virtualize, whatever EPT01 says.
    ///
    /// @param page12 L1's address, or -1
    /// @param page02 the host's
    void apicAccess(long page12, long page02) {
        if (page12 != apicPage12 || page02 != apicPage02) {
            apicPage12 = page12;
            apicPage02 = page02;
            // A translation that was special isn't any more.
            shadows.values().forEach(ShadowTables::clear);
        }
    }

    // Violations

    /// Finds out whose an EPT violation is, and maps the page if it's nobody's.
    ///
    /// @param access the exit qualification
    /// @param log is told of a page that becomes dirty, and says whether it has noted it
    Verdict violation(
            long pointer12, long l2Physical, long access, boolean modeBased, LongPredicate log) {
        EptPointer pointer = EptPointer.of(pointer12);
        switch (walk.walk(pointer, l2Physical, access, modeBased)) {
            case VIOLATION -> {
                return Verdict.VIOLATION;
            }
            case MISCONFIGURATION -> {
                return Verdict.MISCONFIGURATION;
            }
            case TRANSLATED -> {}
        }
        boolean write = (walk.effective(access) & EptViolationQualification.WRITE) != 0;
        if (write && !walk.isDirty() && !log.test(l2Physical & PAGE_MASK)) {
            return Verdict.LOG_FULL;
        }
        walk.setFlags(write);
        l1Address = walk.l1Physical(l2Physical);
        Optional<EptTables.Leaf> leaf01 = leaf01();
        if (leaf01.isEmpty() || !EptFormat.allows(leaf01.get().permissions(), access, false)) {
            return Verdict.EMULATE;
        }
        map(shadow(pointer12), l2Physical, leaf01.get());
        return Verdict.RESUME;
    }

    /// What EPT01 has for the address that the walk has found.
    private Optional<EptTables.Leaf> leaf01() {
        if ((l1Address & PAGE_MASK) == apicPage12) {
            return Optional.of(
                    new EptTables.Leaf(apicPage02 | EptTables.RAM, EptFormat.PAGE_SHIFT));
        }
        return tables01.leaf(l1Address);
    }

    private void map(ShadowTables shadow, long l2Physical, EptTables.Leaf leaf01) {
        int shift = Math.min(walk.shift(), leaf01.shift());
        boolean nearApic = (l1Address ^ apicPage12) >>> shift == 0;
        if (nearApic && apicPage12 >= 0) {
            shift = EptFormat.PAGE_SHIFT;
        }
        long host = leaf01.host(l1Address) & -(1L << shift);
        long entry = host | attributes(leaf01);
        while (!shadow.map(walk, l2Physical, shift, entry)) {
            reclaim(shadow);
        }
        flush(shadow);
        fills++;
    }

    /// Permissions, memory type and flags of a page of L2.
    private long attributes(EptTables.Leaf leaf01) {
        long permissions01 = leaf01.permissions();
        if ((permissions01 & EptEntry.EXECUTE) != 0) {
            permissions01 |= EXECUTE_ALL;
        }
        long permissions = walk.permissions() & permissions01 & PERMISSIONS;
        if (!walk.isDirty()) {
            // So that the first write is noticed.
            permissions &= ~EptEntry.WRITE;
        }
        long type01 = leaf01.entry() & TYPE;
        long type = type01 == 0 ? 0 : walk.entry() & (TYPE | EptEntry.IGNORE_PAT);
        return permissions | type | EptEntry.ACCESSED | EptEntry.DIRTY;
    }

    /// Makes room: other shadows go first, then all of the current one, which leaves enough for a
    /// walk.
    private void reclaim(ShadowTables current) {
        Iterator<ShadowTables> all = shadows.values().iterator();
        while (all.hasNext()) {
            ShadowTables shadow = all.next();
            if (shadow != current) {
                close(shadow);
                all.remove();
                return;
            }
        }
        current.clear();
    }

    // What is known of the last violation

    /// L1's guest-physical address.
    long l1Address() {
        return l1Address;
    }

    /// L1's entry at which the walk ended.
    long entry() {
        return walk.entry();
    }

    /// The exit qualification as L1's tables make it.
    long qualification(long access, boolean modeBased) {
        long own = 0xFL << EptViolationQualification.PERMISSIONS;
        return walk.effective(access) & ~own | EptFormat.reported(walk.permissions(), modeBased);
    }

    // Looks

    int pages() {
        return shadows.values().stream().mapToInt(ShadowTables::used).sum();
    }

    int pointers() {
        return shadows.size();
    }

    long fills() {
        return fills;
    }
}
