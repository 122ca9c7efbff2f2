package nestbox.hypervisor.nested;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The VMCSs that L1 has made active: a few, of which the one that was current longest ago is
/// written back when there is another. VMCS01 is the current VMCS.
final class Vmcs12Cache {
    static final int CAPACITY = 8;

    private final L1Memory memory;
    private final Vmcs02 vmcs02;
    private final Deque<Long> freePages = new ArrayDeque<>();

    /// By L1's address, the one that was current longest ago first.
    private final Map<Long, Vmcs12> cached = new LinkedHashMap<>(16, 0.75f, true);

    /// @param pages one for each VMCS02
    Vmcs12Cache(L1Memory memory, Vmcs02 vmcs02, List<Long> pages) {
        this.memory = memory;
        this.vmcs02 = vmcs02;
        freePages.addAll(pages);
    }

    /// The VMCS of a region, if it's cached.
    Optional<Vmcs12> find(long region) {
        return Optional.ofNullable(cached.get(region));
    }

    /// The VMCS of a region, which may take the place of another.
    Vmcs12 load(long region) {
        return find(region)
                .orElseGet(
                        () -> {
                            if (freePages.isEmpty()) {
                                Iterator<Vmcs12> all = cached.values().iterator();
                                Vmcs12 oldest = all.next();
                                all.remove();
                                release(oldest);
                            }
                            Vmcs12 vmcs = new Vmcs12(region, freePages.pop());
                            vmcs.load(memory);
                            vmcs02.create(vmcs);
                            cached.put(region, vmcs);
                            return vmcs;
                        });
    }

    private void release(Vmcs12 vmcs) {
        vmcs02.sync(vmcs);
        vmcs.store(memory);
        freePages.push(vmcs.page02());
    }

    /// VMCLEAR.
    void clear(long region) {
        Vmcs12 vmcs = cached.remove(region);
        if (vmcs == null) {
            Vmcs12.clear(memory, region);
        } else {
            vmcs.launched(0);
            release(vmcs);
        }
    }

    /// Writes one back that L1 has linked as a shadow VMCS: L2 will use what is in memory.
    void link(long region) {
        Vmcs12 vmcs = cached.remove(region);
        if (vmcs != null) {
            release(vmcs);
        }
    }

    /// Writes everything back.
    void close() {
        cached.values().forEach(this::release);
        cached.clear();
    }

    /// Forgets everything; L1's memory stays as it is.
    void drop() {
        cached.values().forEach(vmcs -> freePages.push(vmcs.page02()));
        cached.clear();
    }

    List<Vmcs12> all() {
        return new ArrayList<>(cached.values());
    }
}
