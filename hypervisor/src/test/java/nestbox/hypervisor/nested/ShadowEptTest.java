package nestbox.hypervisor.nested;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.entry.EptFormat;
import nestbox.hypervisor.memory.EptTables;
import nestbox.hypervisor.memory.PagePool;
import nestbox.hypervisor.nested.ShadowEpt.Verdict;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.EptEntry;
import nestbox.x86.vmx.EptPointer;
import nestbox.x86.vmx.EptViolationQualification;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Optional;
import java.util.SplittableRandom;

/// Shadow EPT against a model: whatever L1's tables are and however L1 changes them, an access of
/// L2 reaches the memory that both levels of tables give, or ends as they say.
class ShadowEptTest {
    private static final long TABLES = L1Machine.EPT12;
    private static final int TABLE_PAGES = 24;
    private static final long READ = EptViolationQualification.READ;
    private static final long WRITE = EptViolationQualification.WRITE;
    private static final long FETCH = EptViolationQualification.FETCH;
    private static final long PAGE =
            EptViolationQualification.LINEAR_ADDRESS_VALID | EptViolationQualification.TRANSLATION;

    /// What the model says of an access.
    private record Expected(Verdict verdict, long host) {}

    private final L1Machine l1 = new L1Machine();
    private final L1Memory memory = new L1Memory(l1.ept01, l1.memory);
    private final EptFormat format =
            new EptFormat(l1.nested.capabilities(), l1.root.facts().physicalAddressBits());
    private final PagePool pages = l1.pages.carve(40);
    private final ShadowEpt shadow =
            new ShadowEpt(l1.root, l1.ept01, pages, new EptWalk(memory, l1.memory, format));
    private SplittableRandom random = new SplittableRandom(0);

    private long table(int number) {
        return TABLES + number * GuestMemory.PAGE_SIZE;
    }

    /// An entry of some level: mostly valid, sometimes absent or wrong.
    private long entry(int shift) {
        int kind = random.nextInt(20);
        if (kind == 0) {
            return 0;
        }
        if (kind == 1) {
            return random.nextLong();
        }
        long permissions = kind < 5 ? random.nextInt(8) : 7;
        boolean leaf = shift == 12 || shift < 39 && kind > 14;
        if (!leaf) {
            return table(random.nextInt(TABLE_PAGES)) | permissions;
        }
        long size = 1L << shift;
        long target = random.nextLong(L1Machine.L1_RAM + (4 << 20)) & -size;
        long large = shift == 12 ? 0 : EptEntry.PAGE;
        long flags = random.nextInt(4) * EptEntry.ACCESSED;
        return target | permissions | 6 << EptEntry.MEMORY_TYPE | large | flags;
    }

    private int shift(int table) {
        return 39 - 9 * (table % 4);
    }

    private void change(int table, int index) {
        l1.writeLong(table(table) + 8 * index, entry(shift(table)));
    }

    private void changeSome() {
        for (int i = 0; i < 40; i++) {
            change(random.nextInt(TABLE_PAGES), random.nextInt(4));
        }
    }

    private long address() {
        return (long) random.nextInt(2) << 39
                | (long) random.nextInt(4) << 30
                | (long) random.nextInt(4) << 21
                | random.nextInt(4) << 12
                | random.nextInt(0x1000);
    }

    // The model

    private Expected model(EptPointer pointer, long address, long access) {
        long table = pointer.root();
        long permissions = 7;
        long last = 0;
        int shift = 39;
        while (true) {
            long at = table + (address >>> shift & 0x1FF) * 8;
            long entry = memory.readPhysical(at, 8);
            if ((entry & 7) == 0) {
                return new Expected(Verdict.VIOLATION, 0);
            }
            if (memory.page(at).isEmpty() || format.isMisconfigured(entry, shift, false)) {
                return new Expected(Verdict.MISCONFIGURATION, 0);
            }
            permissions &= entry;
            last = entry;
            if (shift == 12 || shift < 39 && (entry & EptEntry.PAGE) != 0) {
                break;
            }
            table = entry & EptEntry.ADDRESS;
            shift -= 9;
        }
        if ((access & 7 & ~permissions) != 0) {
            return new Expected(Verdict.VIOLATION, 0);
        }
        long offset = (1L << shift) - 1;
        long l1Address = last & EptEntry.ADDRESS & ~offset | address & offset;
        Optional<EptTables.Leaf> leaf = l1.ept01.leaf(l1Address);
        if (leaf.isEmpty() || (access & 7 & ~leaf.get().permissions()) != 0) {
            return new Expected(Verdict.EMULATE, 0);
        }
        return new Expected(Verdict.RESUME, leaf.get().host(l1Address));
    }

    /// What the processor does with the shadow: the host's address, or -1 for an EPT violation.
    private long translate(long pointer, long address, long access) {
        long table = EptPointer.of(pointer).root();
        long permissions = 7;
        for (int shift = 39; ; shift -= 9) {
            long entry = l1.memory.readLong(table + (address >>> shift & 0x1FF) * 8);
            permissions &= entry;
            if ((access & 7 & ~permissions) != 0 || (entry & 7) == 0) {
                return -1;
            }
            if (shift == 12 || (entry & EptEntry.PAGE) != 0) {
                long offset = (1L << shift) - 1;
                return entry & EptEntry.ADDRESS & ~offset | address & offset;
            }
            table = entry & EptEntry.ADDRESS;
        }
    }

    private void access(long pointer12, long address, long kind) {
        EptPointer pointer = EptPointer.of(pointer12);
        Expected expected = model(pointer, address, kind);
        long pointer02 = shadow.pointer(pointer12);
        long reached = translate(pointer02, address, kind);
        if (reached < 0) {
            Verdict verdict =
                    shadow.violation(pointer12, address, kind | PAGE, false, page -> true);
            assertThat(verdict).as("%x", address).isEqualTo(expected.verdict);
            if (verdict == Verdict.RESUME) {
                reached = translate(pointer02, address, kind);
            }
        }
        if (expected.verdict == Verdict.RESUME) {
            assertThat(reached).as("%x", address).isEqualTo(expected.host);
        } else {
            assertThat(reached).as("%x", address).isEqualTo(-1);
        }
        if (expected.verdict == Verdict.RESUME && pointer.accessedDirty() && kind == WRITE) {
            assertThat(isDirty(pointer, address)).as("dirty %x", address).isTrue();
        }
    }

    private boolean isDirty(EptPointer pointer, long address) {
        EptWalk walk = new EptWalk(memory, l1.memory, format);
        walk.walk(pointer, address, WRITE, false);
        return walk.isDirty();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void anAccessGetsWhereBothTablesLead(long seed) {
        random = new SplittableRandom(seed);
        for (int table = 0; table < TABLE_PAGES; table++) {
            for (int i = 0; i < 512; i++) {
                change(table, i);
            }
        }
        long[] kinds = {READ, WRITE, FETCH};
        for (int round = 0; round < 60; round++) {
            long pointer = table(4 * random.nextInt(6)) | 6 | 3 << 3 | (round & 1) << 6;
            for (int i = 0; i < 60; i++) {
                access(pointer, address(), kinds[random.nextInt(kinds.length)]);
            }
            changeSome();
            if (random.nextBoolean()) {
                shadow.invalidateAll();
            } else {
                // Tables are shared by all pointers here, so each has to be invalidated.
                for (int table = 0; table < TABLE_PAGES; table += 4) {
                    shadow.invalidate(table(table) | 6 | 3 << 3);
                }
            }
        }
        assertThat(shadow.fills()).isPositive();
        int used = shadow.pages();
        assertThat(used + pages.available()).isEqualTo(40);
        shadow.clear();
        assertThat(pages.available()).isEqualTo(40);
        l1.close();
    }
}
