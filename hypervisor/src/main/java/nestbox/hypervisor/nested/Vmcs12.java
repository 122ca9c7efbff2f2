package nestbox.hypervisor.nested;

import nestbox.cpu.entry.VmcsView;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

/// A VMCS of L1 that is cached: made current once, and not cleared since.
///
/// Fields that L1 shares with VMCS02 are there; what this has of them counts only while the VMCS is
/// loaded or written back.
final class Vmcs12 implements VmcsView {
    private static final VmcsField[] FIELDS = VmcsField.values();

    private final long[] values = new long[FIELDS.length];
    private final long region;
    private final long page02;
    private boolean shadow;

    /// The launch state: the number of L1's VMX operation in which it was launched, 0 if it is
    /// clear.
    private int launchedIn;

    /// @param region L1's guest-physical address
    /// @param page02 VMCS02 for it
    Vmcs12(long region, long page02) {
        this.region = region;
        this.page02 = page02;
    }

    /// L1's address of the region: its VMCS pointer.
    long region() {
        return region;
    }

    /// The region of VMCS02.
    long page02() {
        return page02;
    }

    /// Whether L1 has made it a shadow VMCS.
    boolean isShadow() {
        return shadow;
    }

    boolean isLaunched() {
        return launchedIn != 0;
    }

    int launchedIn() {
        return launchedIn;
    }

    void launched(int operation) {
        launchedIn = operation;
    }

    @Override
    public long read(VmcsField field) {
        return values[field.ordinal()];
    }

    /// Sets a field to as much of a value as it holds.
    void write(VmcsField field, long value) {
        values[field.ordinal()] = truncate(field, value);
    }

    static long truncate(VmcsField field, long value) {
        return switch (field.width()) {
            case BITS_16 -> value & 0xFFFF;
            case BITS_32 -> value & 0xFFFF_FFFFL;
            case BITS_64, NATURAL -> value;
        };
    }

    /// Takes all from L1's memory.
    void load(L1Memory memory) {
        shadow = (int) memory.readPhysical(region, 4) < 0;
        launchedIn = (int) memory.readPhysical(region + Vmcs12Layout.LAUNCH_STATE, 4);
        for (VmcsField field : FIELDS) {
            values[field.ordinal()] = readImage(memory, region, field);
        }
    }

    /// Writes all to L1's memory.
    void store(L1Memory memory) {
        memory.writePhysical(region + Vmcs12Layout.LAUNCH_STATE, 4, launchedIn);
        for (VmcsField field : FIELDS) {
            writeImage(memory, region, field, read(field));
        }
    }

    // Regions that aren't cached

    static long readImage(L1Memory memory, long region, VmcsField field) {
        return memory.readPhysical(region + Vmcs12Layout.offset(field), field.width().bytes());
    }

    static void writeImage(L1Memory memory, long region, VmcsField field, long value) {
        memory.writePhysical(
                region + Vmcs12Layout.offset(field), field.width().bytes(), truncate(field, value));
    }

    /// VMCLEAR of a region that isn't cached.
    static void clear(L1Memory memory, long region) {
        memory.writePhysical(region + Vmcs12Layout.LAUNCH_STATE, 4, 0);
    }

    static void abort(L1Memory memory, long region, int indicator) {
        memory.writePhysical(region + VmcsRegion.ABORT_INDICATOR, 4, indicator);
    }
}
