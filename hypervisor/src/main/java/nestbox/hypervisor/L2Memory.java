package nestbox.hypervisor;

import nestbox.hypervisor.emulate.GuestPhysical;
import nestbox.hypervisor.nested.Nested;

/// Guest-physical addresses of a nested guest, for instructions of it that L0 emulates: they go
/// through L1's EPT tables, then as L1's own.
record L2Memory(Nested nested, GuestPhysical l1) implements GuestPhysical {
    private long behind(long address, boolean write) {
        return nested.toL1(address, write).orElseThrow(() -> new RefusedAccess(address, write));
    }

    @Override
    public long ram(long address, boolean write) {
        return l1.ram(behind(address, write), write);
    }

    @Override
    public long read(long address, int width) {
        return l1.read(behind(address, false), width);
    }

    @Override
    public void write(long address, int width, long value) {
        l1.write(behind(address, true), width, value);
    }
}
