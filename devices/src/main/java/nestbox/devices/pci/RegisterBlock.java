package nestbox.devices.pci;

import nestbox.platform.Mmio;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.function.IntSupplier;

/// Little-endian registers, each declared once with its name, place, reset value, writable bits
/// and what follows a write.
///
/// Configuration space, its capabilities and the virtio structures are such blocks: a guest may
/// access them with any size at any offset, and the rules for that are here and nowhere else.
/// Bytes that belong to no register read as zero and drop writes.
public final class RegisterBlock implements Mmio {
    /// The values of all stored registers, in the order of their declaration.
    public record State(List<Integer> values) {
        public State {
            values = List.copyOf(values);
        }
    }

    private final Register[] byOffset;
    private final List<Register> registers = new ArrayList<>();

    /// @param size in bytes
    public RegisterBlock(int size) {
        byOffset = new Register[size];
    }

    /// Declares a register of 1, 2 or 4 bytes; read-only zero until its other properties are set.
    public Register register(String name, int offset, int width) {
        Register register = new Register(name, offset, width);
        for (int i = offset; i < offset + width; i++) {
            if (byOffset[i] != null) {
                throw new IllegalArgumentException(name + " overlaps " + byOffset[i].name);
            }
            byOffset[i] = register;
        }
        registers.add(register);
        return register;
    }

    public int size() {
        return byOffset.length;
    }

    public List<Register> registers() {
        return List.copyOf(registers);
    }

    public void reset() {
        for (Register register : registers) {
            register.value = register.resetValue;
        }
    }

    @Override
    public long read(long offset, int size) {
        long value = 0;
        int step;
        for (int i = 0; i < size; i += step) {
            Register register = at(offset + i);
            step = 1;
            if (register != null) {
                int skip = (int) (offset + i) - register.offset;
                step = Math.min(register.width - skip, size - i);
                value |= ((register.value() & 0xFFFF_FFFFL) >>> 8 * skip & ones(step)) << 8 * i;
            }
        }
        return value;
    }

    /// Stores to all registers that the access touches, then runs their hooks.
    @Override
    public void write(long offset, int size, long value) {
        for (int pass = 0; pass < 2; pass++) {
            int step;
            for (int i = 0; i < size; i += step) {
                Register register = at(offset + i);
                step = 1;
                if (register != null) {
                    int skip = (int) (offset + i) - register.offset;
                    step = Math.min(register.width - skip, size - i);
                    if (pass == 0) {
                        long bits = value >>> 8 * i & ones(step);
                        register.store((int) (bits << 8 * skip), (int) (ones(step) << 8 * skip));
                    } else {
                        register.written.run();
                    }
                }
            }
        }
    }

    public State save() {
        return new State(registers.stream().map(r -> r.value).toList());
    }

    /// Takes over saved values; runs no hooks.
    public void restore(State state) {
        switch (state) {
            case State(List<Integer> values) -> {
                if (values.size() != registers.size()) {
                    throw new IllegalArgumentException("state of another register block");
                }
                for (int i = 0; i < values.size(); i++) {
                    registers.get(i).value = values.get(i);
                }
            }
        }
    }

    private Register at(long offset) {
        return offset >= 0 && offset < byOffset.length ? byOffset[(int) offset] : null;
    }

    private static long ones(int bytes) {
        return bytes == 8 ? -1L : (1L << 8 * bytes) - 1;
    }

    /// One register. Most store what is written to their writable bits; one that is *computed*
    /// stores nothing and asks and tells its device instead.
    public static final class Register {
        private static final IntConsumer IGNORE = value -> {};

        private final String name;
        private final int offset;
        private final int width;
        private int value;
        private int resetValue;
        private int writable;
        private int clearable;
        private IntSupplier source = this::stored;
        private IntConsumer target = IGNORE;
        private Runnable written = () -> {};

        Register(String name, int offset, int width) {
            this.name = name;
            this.offset = offset;
            this.width = width;
        }

        public String name() {
            return name;
        }

        public int offset() {
            return offset;
        }

        public int width() {
            return width;
        }

        /// What a read gives.
        public int value() {
            return source.getAsInt();
        }

        /// Changes the value from the device's side: ignores the writable mask, runs no hook.
        public void set(int newValue) {
            value = newValue;
        }

        public Register reset(int value) {
            resetValue = value;
            this.value = value;
            return this;
        }

        /// Which bits a guest can write.
        public Register writable(int mask) {
            writable = mask;
            return this;
        }

        public int writable() {
            return writable;
        }

        /// Which bits a guest clears by writing one.
        public Register clearable(int mask) {
            clearable = mask;
            return this;
        }

        /// Runs after a write to any byte of the register.
        public Register onWrite(Runnable hook) {
            written = hook;
            return this;
        }

        /// Reads come from the device.
        public Register computed(IntSupplier source) {
            this.source = source;
            return this;
        }

        /// Writes go to the device, with zero in bytes that the guest didn't write.
        public Register accepts(IntConsumer target) {
            this.target = target;
            return this;
        }

        private int stored() {
            return value;
        }

        private void store(int bits, int mask) {
            int kept = value & ~(writable & mask);
            value = (kept | bits & writable & mask) & ~(bits & clearable & mask);
            target.accept(bits);
        }
    }
}
