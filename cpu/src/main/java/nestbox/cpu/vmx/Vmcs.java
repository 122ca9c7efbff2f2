package nestbox.cpu.vmx;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.entry.VmcsView;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/// A virtual-machine control structure: a region of guest memory whose format is the processor's
/// own. SDM Vol. 3C, "Virtual Machine Control Structures".
///
/// The manual lets a processor keep the data of an active VMCS on the processor and write it back
/// at VMCLEAR. This one doesn't: every field is at a fixed offset in memory that is as near as a
/// cache would be, so there is nothing to write back. Hence a region that was cleared can be
/// copied or moved to another processor, and a snapshot of memory is complete. Software that
/// writes to an active region with ordinary stores, which the manual forbids, changes fields;
/// nothing here relies on them staying what they were.
public final class Vmcs implements VmcsView {
    private static final int CLEAR = 0;

    private final VmcsLayout layout;
    private final long address;

    /// Place in the address space reservation.
    private final long place;

    private Vmcs(VmcsLayout layout, long address, long place) {
        this.layout = layout;
        this.address = address;
        this.place = place;
    }

    /// The VMCS in a region.
    ///
    /// @param address physical, on a page boundary
    /// @return nothing if there is no RAM
    public static Optional<Vmcs> at(GuestMemory memory, VmcsLayout layout, long address) {
        long place = memory.host(address, VmcsRegion.SIZE);
        return place < 0 ? Optional.empty() : Optional.of(new Vmcs(layout, address, place));
    }

    /// Physical address of the region: the VMCS pointer.
    public long address() {
        return address;
    }

    public VmcsLayout layout() {
        return layout;
    }

    /// The first doubleword: revision identifier and shadow-VMCS indicator.
    public int revisionWord() {
        return SPACE.get(I32, place + VmcsRegion.REVISION);
    }

    public boolean isShadow() {
        return (revisionWord() & VmcsRegion.SHADOW) != 0;
    }

    public void abort(int indicator) {
        SPACE.set(I32, place + VmcsRegion.ABORT_INDICATOR, indicator);
    }

    public boolean isLaunched() {
        return launchedIn() != CLEAR;
    }

    /// The launch state: in which VMX operation of the processor, counted from 1, the VMCS was
    /// launched; 0 if it is clear.
    int launchedIn() {
        return SPACE.get(I32, place + VmcsLayout.LAUNCH_STATE);
    }

    /// VMCLEAR: the launch state becomes "clear".
    public void clear() {
        SPACE.set(I32, place + VmcsLayout.LAUNCH_STATE, CLEAR);
    }

    public void launched(int operation) {
        SPACE.set(I32, place + VmcsLayout.LAUNCH_STATE, operation);
    }

    /// A part of the region.
    MemorySegment contents(int start, int end) {
        return SPACE.asSlice(place + start, end - start);
    }

    @Override
    public long read(VmcsField field) {
        int offset = layout.offset(field);
        if (offset < 0) {
            return 0;
        }
        return switch (field.width()) {
            case BITS_16 -> SPACE.get(I16, place + offset) & 0xFFFFL;
            case BITS_32 -> SPACE.get(I32, place + offset) & 0xFFFF_FFFFL;
            case BITS_64, NATURAL -> SPACE.get(I64, place + offset);
        };
    }

    /// Sets a field to as much of a value as it holds; nothing happens if this VMCS doesn't have
    /// it.
    public void write(VmcsField field, long value) {
        int offset = layout.offset(field);
        if (offset < 0) {
            return;
        }
        switch (field.width()) {
            case BITS_16 -> SPACE.set(I16, place + offset, (short) value);
            case BITS_32 -> SPACE.set(I32, place + offset, (int) value);
            case BITS_64, NATURAL -> SPACE.set(I64, place + offset, value);
        }
    }
}
