package nestbox.hypervisor.vlapic;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.apic.TscClock;
import nestbox.platform.Clock;
import nestbox.platform.Frequency;

import java.util.function.LongSupplier;

/// The time-stamp counter that a vCPU reads: its processor's, with the offset of the VMCS.
final class GuestTsc implements TscClock {
    private static final int TSC_LEAF = 0x15;

    private final VmxRoot root;
    private final Clock clock;
    private final LongSupplier offset;
    private final Frequency rate;

    GuestTsc(VmxRoot root, Clock clock, LongSupplier offset) {
        this.root = root;
        this.clock = clock;
        this.offset = offset;
        int[] ratio = root.cpuid(TSC_LEAF, 0);
        rate = new Frequency(crystal(root).hertz() * ratio[1] / ratio[0]);
    }

    /// The clock that the TSC and the APIC timer are derived from. SDM Vol. 3B, "Nominal Core
    /// Crystal Clock Frequency".
    static Frequency crystal(VmxRoot root) {
        return new Frequency(Integer.toUnsignedLong(root.cpuid(TSC_LEAF, 0)[2]));
    }

    @Override
    public long tsc() {
        return root.tsc() + offset.getAsLong();
    }

    @Override
    public long nanosAt(long tsc) {
        long now = clock.nanos();
        long ticks = tsc - tsc();
        long wait = ticks <= 0 ? 0 : rate.nanos(ticks);
        return wait > Long.MAX_VALUE - now ? Long.MAX_VALUE : now + wait;
    }
}
