package nestbox.cpu.control;

import nestbox.cpu.core.Segment;

/// A descriptor as it was read from a table. SDM Vol. 3A, "Segment Descriptors", "System
/// Descriptor Types" and "Gate Descriptors".
///
/// @param low first 8 bytes
/// @param high the next 8 bytes of a 16-byte descriptor in IA-32e mode, else 0
/// @param address linear address that it was read from
record Descriptor(long low, long high, long address) {
    static final int TSS_16_AVAILABLE = 1;
    static final int LDT = 2;
    static final int TSS_16_BUSY = 3;
    static final int CALL_GATE_16 = 4;
    static final int TASK_GATE = 5;
    static final int INTERRUPT_GATE_16 = 6;
    static final int TRAP_GATE_16 = 7;
    static final int TSS_AVAILABLE = 9;
    static final int TSS_BUSY = 11;
    static final int CALL_GATE = 12;
    static final int INTERRUPT_GATE = 14;
    static final int TRAP_GATE = 15;

    /// Access rights in the form of [Segment#rights].
    int rights() {
        return (int) (low >>> 40) & 0xF0FF;
    }

    /// The four type bits.
    int type() {
        return (int) (low >>> 40) & 0xF;
    }

    boolean isSystem() {
        return (low >>> 44 & 1) == 0;
    }

    boolean isPresent() {
        return (low >>> 47 & 1) != 0;
    }

    int dpl() {
        return (int) (low >>> 45) & 3;
    }

    boolean isCode() {
        return !isSystem() && (type() & Segment.CODE) != 0;
    }

    boolean isConforming() {
        return (type() & Segment.EXPAND_DOWN_OR_CONFORMING) != 0;
    }

    boolean isLong() {
        return (low >>> 53 & 1) != 0;
    }

    boolean isBig() {
        return (low >>> 54 & 1) != 0;
    }

    long base() {
        return low >>> 16 & 0xFF_FFFF | low >>> 32 & 0xFF00_0000L | high << 32;
    }

    long limit() {
        long limit = low & 0xFFFF | low >>> 32 & 0xF_0000;
        return (low >>> 55 & 1) != 0 ? limit << 12 | 0xFFF : limit;
    }

    // Gates

    int gateSelector() {
        return (int) (low >>> 16) & 0xFFFF;
    }

    long gateOffset() {
        return low & 0xFFFF | low >>> 32 & 0xFFFF_0000L | high << 32;
    }

    int gateOffset16() {
        return (int) low & 0xFFFF;
    }

    int parameterCount() {
        return (int) (low >>> 32) & 0x1F;
    }

    int interruptStackTable() {
        return (int) (low >>> 32) & 7;
    }

    /// Puts the descriptor into a segment register.
    void into(Segment segment, int selector) {
        segment.set(selector, base(), limit(), rights());
    }
}
