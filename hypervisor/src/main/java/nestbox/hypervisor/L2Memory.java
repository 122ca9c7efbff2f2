package nestbox.hypervisor;

import nestbox.hypervisor.emulate.GuestPhysical;
import nestbox.hypervisor.nested.Nested;

import java.util.OptionalLong;

/// Guest-physical addresses of a nested guest, for instructions of it that L0 emulates: they go
/// through L1's EPT tables, then as L1's own.
record L2Memory(Nested nested, GuestPhysical l1) implements GuestPhysical {
    @Override
    public long ram(long address, boolean write) {
        OptionalLong behind = nested.toL1(address, write);
        return behind.isEmpty() ? NOT_RAM : l1.ram(behind.getAsLong(), write);
    }

    @Override
    public long read(long address, int width) {
        OptionalLong behind = nested.toL1(address, false);
        return behind.isEmpty() ? -1 : l1.read(behind.getAsLong(), width);
    }

    @Override
    public void write(long address, int width, long value) {
        nested.toL1(address, true).ifPresent(behind -> l1.write(behind, width, value));
    }
}
