package nestbox.hypervisor.nested;

import nestbox.cpu.VmxRoot;

import java.util.LinkedHashMap;
import java.util.Map;

/// VPIDs for L2: L1's numbers mean nothing to the processor, which gets the few that the vCPU has.
final class Vpids {
    /// For guests without a VPID of L1's.
    private static final int UNTAGGED = 1;

    private static final int FIRST = 2;

    private final Parent parent;
    private final VmxRoot root;

    /// Contexts by L1's VPID, the one that was used longest ago first.
    private final Map<Integer, Integer> contexts = new LinkedHashMap<>(16, 0.75f, true);

    Vpids(Parent parent) {
        this.parent = parent;
        root = parent.root();
    }

    /// The VPID to run L2 with. If it was another guest's, nothing of that is left.
    int of(int vpid12) {
        Integer context = contexts.get(vpid12);
        if (context == null) {
            context = FIRST + contexts.size();
            if (context == Parent.CONTEXTS) {
                Map.Entry<Integer, Integer> oldest = contexts.entrySet().iterator().next();
                context = oldest.getValue();
                contexts.remove(oldest.getKey());
            }
            contexts.put(vpid12, context);
            root.invvpidSingle(parent.vpid(context));
        }
        return parent.vpid(context);
    }

    /// The VPID for a guest that L1 runs without one.
    int untagged() {
        return parent.vpid(UNTAGGED);
    }

    /// Without a VPID, VM entries and VM exits forget what was cached for guest and hypervisor.
    void crossUntagged() {
        root.invvpidSingle(parent.vpid(UNTAGGED));
        root.invvpidSingle(parent.vpid(0));
    }

    /// INVVPID of one context.
    void invalidate(int vpid12) {
        Integer context = contexts.get(vpid12);
        if (context != null) {
            root.invvpidSingle(parent.vpid(context));
        }
    }

    void invalidate(int vpid12, long linear) {
        Integer context = contexts.get(vpid12);
        if (context != null) {
            root.invvpidAddress(parent.vpid(context), linear);
        }
    }

    /// INVVPID of all contexts.
    void invalidateAll() {
        contexts.values().forEach(context -> root.invvpidSingle(parent.vpid(context)));
    }

    void reset() {
        invalidateAll();
        contexts.clear();
    }
}
