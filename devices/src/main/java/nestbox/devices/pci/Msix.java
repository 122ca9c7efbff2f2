package nestbox.devices.pci;

import static nestbox.devices.pci.PciRegisters.CAPABILITY_MSIX;

import nestbox.platform.Mmio;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// The MSI-X capability, with vector table and pending bit array in a BAR of their own.
///
/// A vector that may not be sent, because it or the function is masked or the function isn't a bus
/// master, becomes pending and is sent as soon as it may.
final class Msix implements Mmio {
    record State(List<Integer> table, List<Boolean> pending) {
        State {
            table = List.copyOf(table);
            pending = List.copyOf(pending);
        }
    }

    static final int MAX_VECTORS = 2048;

    private static final int LENGTH = 12;
    private static final int FUNCTION_MASK = 1 << 14;
    private static final int ENABLE = 1 << 15;
    private static final int ENTRY_BYTES = 16;
    private static final int ENTRY_WORDS = 4;
    private static final int VECTOR_CONTROL = 3;
    private static final int MASKED = 1;
    private static final int MIN_BAR = 0x1000;

    private final PciFunction function;
    private final int vectors;
    private final int pendingOffset;
    private final int[] table;
    private final boolean[] pending;
    private final RegisterBlock.Register control;

    Msix(PciFunction function, RegisterBlock config, int vectors, int bar) {
        if (vectors < 1 || vectors > MAX_VECTORS) {
            throw new IllegalArgumentException(vectors + " MSI-X vectors");
        }
        this.function = function;
        this.vectors = vectors;
        table = new int[vectors * ENTRY_WORDS];
        pending = new boolean[vectors];
        pendingOffset = Math.max(MIN_BAR / 2, vectors * ENTRY_BYTES);
        int at = function.addCapability(CAPABILITY_MSIX, LENGTH);
        control =
                config.register("MSI-X Message Control", at + 2, 2)
                        .reset(vectors - 1)
                        .writable(FUNCTION_MASK | ENABLE)
                        .onWrite(function::interruptsChanged);
        config.register("MSI-X Table", at + 4, 4).reset(bar);
        config.register("MSI-X Pending Bit Array", at + 8, 4).reset(pendingOffset | bar);
        int bytes = pendingOffset + (vectors + 63) / 64 * 8;
        function.addBar(
                bar,
                BarKind.MEMORY_32,
                Math.max(MIN_BAR, Integer.highestOneBit(bytes - 1) * 2),
                this);
        reset();
    }

    void reset() {
        Arrays.fill(table, 0);
        for (int vector = 0; vector < vectors; vector++) {
            table[vector * ENTRY_WORDS + VECTOR_CONTROL] = MASKED;
        }
        Arrays.fill(pending, false);
    }

    int vectors() {
        return vectors;
    }

    boolean enabled() {
        return (control.value() & ENABLE) != 0;
    }

    void signal(int vector) {
        if (vector >= 0 && vector < vectors) {
            pending[vector] = true;
            sendIfPending(vector);
        }
    }

    void sendPending() {
        for (int vector = 0; vector < vectors; vector++) {
            sendIfPending(vector);
        }
    }

    private void sendIfPending(int vector) {
        if (pending[vector] && !isMasked(vector)) {
            PciMessage message = message(vector);
            pending[vector] = !function.sendMessage(message.address(), message.data());
        }
    }

    private boolean isMasked(int vector) {
        return (control.value() & (ENABLE | FUNCTION_MASK)) != ENABLE
                || (table[vector * ENTRY_WORDS + VECTOR_CONTROL] & MASKED) != 0;
    }

    List<PciMessage> enabledMessages() {
        return IntStream.range(0, vectors)
                .filter(vector -> !isMasked(vector))
                .mapToObj(this::message)
                .toList();
    }

    private PciMessage message(int vector) {
        int entry = vector * ENTRY_WORDS;
        long address = (long) table[entry + 1] << 32 | table[entry] & 0xFFFF_FFFCL;
        return new PciMessage(vector, address, table[entry + 2]);
    }

    @Override
    public long read(long offset, int size) {
        if (size == 8) {
            return read(offset, 4) | read(offset + 4, 4) << 32;
        }
        long value = (word((int) offset & ~3) & 0xFFFF_FFFFL) >>> 8 * (offset & 3);
        return value & (1L << 8 * size) - 1;
    }

    @Override
    public void write(long offset, int size, long value) {
        if (size == 8) {
            write(offset, 4, value);
            write(offset + 4, 4, value >>> 32);
            return;
        }
        int index = (int) (offset >>> 2);
        if (offset < 0 || index >= table.length) {
            return;
        }
        int shift = 8 * (int) (offset & 3);
        int mask = (int) ((1L << 8 * size) - 1 << shift);
        int merged = table[index] & ~mask | (int) (value << shift) & mask;
        table[index] = index % ENTRY_WORDS == VECTOR_CONTROL ? merged & MASKED : merged;
        sendIfPending(index / ENTRY_WORDS);
    }

    private int word(int offset) {
        if (offset >>> 2 < table.length) {
            return table[offset >>> 2];
        }
        int bits = 0;
        int first = (offset - pendingOffset) * 8;
        for (int i = 0; i < 32 && first >= 0 && first + i < vectors; i++) {
            bits |= pending[first + i] ? 1 << i : 0;
        }
        return bits;
    }

    State save() {
        List<Boolean> bits = new ArrayList<>();
        for (boolean bit : pending) {
            bits.add(bit);
        }
        return new State(Arrays.stream(table).boxed().toList(), bits);
    }

    void restore(State state) {
        switch (state) {
            case State(List<Integer> words, List<Boolean> bits) -> {
                for (int i = 0; i < table.length; i++) {
                    table[i] = words.get(i);
                }
                for (int i = 0; i < vectors; i++) {
                    pending[i] = bits.get(i);
                }
            }
        }
    }
}
