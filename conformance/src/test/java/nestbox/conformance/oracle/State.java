package nestbox.conformance.oracle;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/// All that a case sets before the instruction, or observes after it.
///
/// It is one record of the helper's protocol (`struct record` in oracle.c), so that a million
/// cases pass through a pipe without being converted.
final class State {
    static final int SIZE = 1728;
    static final int INSTRUCTION_LIMIT = 15;
    static final int FXSAVE_SIZE = 512;

    /// In place of a vector: the helper's watchdog stopped the case.
    static final int TIMED_OUT = 255;

    private static final int LENGTH = 15;
    private static final int VECTOR = 0;
    private static final int ERROR_CODE = 4;
    private static final int FAULT_ADDRESS = 8;
    private static final int RIP = 16;
    private static final int RFLAGS = 24;
    private static final int FS_BASE = 32;
    private static final int GS_BASE = 40;
    private static final int GPR = 48;
    private static final int MEMORY = 176;
    private static final int STRAY_WRITE = MEMORY + Layout.MEMORY_SIZE;
    private static final int CODE32 = STRAY_WRITE + 4;
    private static final int FXSAVE = STRAY_WRITE + 16;
    private static final int FCW = FXSAVE;
    private static final int FSW = FXSAVE + 2;
    private static final int FTW = FXSAVE + 4;
    private static final int MXCSR = FXSAVE + 24;
    private static final int ST = FXSAVE + 32;
    private static final int XMM = FXSAVE + 160;

    private static final VarHandle SHORTS = view(short[].class);
    private static final VarHandle INTS = view(int[].class);
    private static final VarHandle LONGS = view(long[].class);

    private final byte[] bytes;

    State() {
        this(new byte[SIZE]);
    }

    private State(byte[] bytes) {
        this.bytes = bytes;
    }

    static State copyOf(byte[] from, int offset) {
        return new State(Arrays.copyOfRange(from, offset, offset + SIZE));
    }

    State copy() {
        return new State(bytes.clone());
    }

    private static VarHandle view(Class<?> type) {
        return MethodHandles.byteArrayViewVarHandle(type, ByteOrder.LITTLE_ENDIAN);
    }

    void writeTo(byte[] to, int offset) {
        System.arraycopy(bytes, 0, to, offset, SIZE);
    }

    private long longAt(int offset) {
        return (long) LONGS.get(bytes, offset);
    }

    private int intAt(int offset) {
        return (int) INTS.get(bytes, offset);
    }

    private int shortAt(int offset) {
        return Short.toUnsignedInt((short) SHORTS.get(bytes, offset));
    }

    byte[] instruction() {
        return Arrays.copyOf(bytes, bytes[LENGTH]);
    }

    void instruction(byte[] code) {
        System.arraycopy(code, 0, bytes, 0, code.length);
        bytes[LENGTH] = (byte) code.length;
    }

    int vector() {
        return intAt(VECTOR);
    }

    int errorCode() {
        return intAt(ERROR_CODE);
    }

    long faultAddress() {
        return longAt(FAULT_ADDRESS);
    }

    /// @param faultAddress CR2 for a page fault, 0 for any other
    void outcome(int vector, int errorCode, long faultAddress) {
        INTS.set(bytes, VECTOR, vector);
        INTS.set(bytes, ERROR_CODE, errorCode);
        LONGS.set(bytes, FAULT_ADDRESS, faultAddress);
    }

    long rip() {
        return longAt(RIP);
    }

    void rip(long value) {
        LONGS.set(bytes, RIP, value);
    }

    long rflags() {
        return longAt(RFLAGS);
    }

    void rflags(long value) {
        LONGS.set(bytes, RFLAGS, value);
    }

    long fsBase() {
        return longAt(FS_BASE);
    }

    void fsBase(long value) {
        LONGS.set(bytes, FS_BASE, value);
    }

    long gsBase() {
        return longAt(GS_BASE);
    }

    void gsBase(long value) {
        LONGS.set(bytes, GS_BASE, value);
    }

    long gpr(int register) {
        return longAt(GPR + 8 * register);
    }

    void gpr(int register, long value) {
        LONGS.set(bytes, GPR + 8 * register, value);
    }

    /// @param offset as [Layout#memoryOffset(long)] finds it
    byte memory(int offset) {
        return bytes[MEMORY + offset];
    }

    void memory(int offset, byte value) {
        bytes[MEMORY + offset] = value;
    }

    /// Writes what of the value lies in windows.
    void store(long address, byte[] value) {
        for (int i = 0; i < value.length; i++) {
            int offset = Layout.memoryOffset(address + i);
            if (offset >= 0) {
                memory(offset, value[i]);
            }
        }
    }

    /// Reads a value; zeros where it lies outside the windows.
    byte[] load(long address, int size) {
        byte[] value = new byte[size];
        for (int i = 0; i < size; i++) {
            int offset = Layout.memoryOffset(address + i);
            value[i] = offset < 0 ? 0 : memory(offset);
        }
        return value;
    }

    boolean strayWrite() {
        return intAt(STRAY_WRITE) != 0;
    }

    void strayWrite(boolean any) {
        INTS.set(bytes, STRAY_WRITE, any ? 1 : 0);
    }

    /// Whether the instruction runs in a 32-bit code segment, in compatibility mode.
    boolean code32() {
        return intAt(CODE32) != 0;
    }

    void code32(boolean is32) {
        INTS.set(bytes, CODE32, is32 ? 1 : 0);
    }

    byte fxsave(int offset) {
        return bytes[FXSAVE + offset];
    }

    void fxsave(int offset, byte value) {
        bytes[FXSAVE + offset] = value;
    }

    int fcw() {
        return shortAt(FCW);
    }

    void fcw(int value) {
        SHORTS.set(bytes, FCW, (short) value);
    }

    int fsw() {
        return shortAt(FSW);
    }

    void fsw(int value) {
        SHORTS.set(bytes, FSW, (short) value);
    }

    /// The abridged tag word: a bit per physical register, set when it isn't empty.
    int ftw() {
        return bytes[FTW] & 0xFF;
    }

    void ftw(int value) {
        bytes[FTW] = (byte) value;
    }

    int mxcsr() {
        return intAt(MXCSR);
    }

    void mxcsr(int value) {
        INTS.set(bytes, MXCSR, value);
    }

    long significand(int st) {
        return longAt(ST + 16 * st);
    }

    int signExponent(int st) {
        return shortAt(ST + 16 * st + 8);
    }

    /// @param st relative to the top of the stack
    void st(int st, int signExponent, long significand) {
        LONGS.set(bytes, ST + 16 * st, significand);
        SHORTS.set(bytes, ST + 16 * st + 8, (short) signExponent);
    }

    long xmm(int register, int half) {
        return longAt(XMM + 16 * register + 8 * half);
    }

    void xmm(int register, int half, long value) {
        LONGS.set(bytes, XMM + 16 * register + 8 * half, value);
    }
}
