package nestbox.cpu.xsave;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.StateBlock;
import nestbox.cpu.sse.SseUnit;

/// The first 512 bytes of an XSAVE area, which are also the FXSAVE area. SDM Vol. 1, "Legacy Region
/// of an XSAVE Area", and Vol. 2A, "FXSAVE", Table 3-43.
///
/// Callers have checked that the memory can be accessed.
final class LegacyRegion {
    static final int SIZE = 512;
    private static final int POINTERS = 8;
    private static final int MXCSR = 24;
    private static final int REGISTERS = 32;
    private static final int XMM = 160;
    private static final int STEP = 16;
    private static final long LOW_32 = 0xFFFF_FFFFL;

    private LegacyRegion() {}

    /// @param wide whether pointers have 64 bits and no selectors (REX.W)
    static void saveX87(Cpu cpu, int segment, long at, boolean wide) {
        long status = cpu.get16(StateBlock.X87_STATUS);
        long tags = cpu.get8(StateBlock.X87_TAGS);
        long opcode = cpu.get16(StateBlock.X87_OPCODE);
        long words = cpu.get16(StateBlock.X87_CONTROL) | status << 16 | tags << 32 | opcode << 48;
        cpu.write64(segment, at, words);
        long ip = cpu.get64(StateBlock.X87_IP);
        long dp = cpu.get64(StateBlock.X87_DP);
        if (!wide) {
            ip = ip & LOW_32 | (long) cpu.get16(StateBlock.X87_CS) << 32;
            dp = dp & LOW_32 | (long) cpu.get16(StateBlock.X87_DS) << 32;
        }
        cpu.write64(segment, at + POINTERS, ip);
        cpu.write64(segment, at + POINTERS + 8, dp);
        for (int i = 0; i < 8; i++) {
            long register = stackRegister(cpu, i);
            long place = at + REGISTERS + i * STEP;
            cpu.write64(segment, place, SPACE.get(I64, register));
            cpu.write64(segment, place + 8, SPACE.get(I16, register + 8) & 0xFFFFL);
        }
    }

    static void restoreX87(Cpu cpu, int segment, long at, boolean wide) {
        long words = cpu.read64(segment, at);
        long ip = cpu.read64(segment, at + POINTERS);
        long dp = cpu.read64(segment, at + POINTERS + 8);
        cpu.set8(StateBlock.X87_TAGS, (int) (words >>> 32) & 0xFF);
        cpu.set16(StateBlock.X87_OPCODE, (int) (words >>> 48) & 0x7FF);
        cpu.set64(StateBlock.X87_IP, wide ? ip : ip & LOW_32);
        cpu.set64(StateBlock.X87_DP, wide ? dp : dp & LOW_32);
        cpu.set16(StateBlock.X87_CS, wide ? 0 : (int) (ip >>> 32) & 0xFFFF);
        cpu.set16(StateBlock.X87_DS, wide ? 0 : (int) (dp >>> 32) & 0xFFFF);
        cpu.fpu.restore((int) words & 0xFFFF, (int) (words >>> 16) & 0xFFFF);
        for (int i = 0; i < 8; i++) {
            long register = stackRegister(cpu, i);
            long place = at + REGISTERS + i * STEP;
            SPACE.set(I64, register, cpu.read64(segment, place));
            SPACE.set(I16, register + 8, (short) cpu.read16(segment, place + 8));
        }
    }

    private static long stackRegister(Cpu cpu, int i) {
        int top = cpu.get16(StateBlock.X87_STATUS) >>> 11;
        return cpu.x87Register(top + i & 7);
    }

    static void saveMxcsr(Cpu cpu, int segment, long at) {
        long mxcsr = cpu.get32(StateBlock.MXCSR) & LOW_32;
        cpu.write64(segment, at + MXCSR, mxcsr | (long) SseUnit.MXCSR_MASK << 32);
    }

    /// #GP(0) for reserved bits.
    static int checkedMxcsr(Cpu cpu, int segment, long at) {
        int value = cpu.read32(segment, at + MXCSR);
        if ((value & ~SseUnit.MXCSR_MASK) != 0) {
            throw cpu.generalProtection();
        }
        return value;
    }

    static void saveXmm(Cpu cpu, int segment, long at) {
        for (int i = 0; i < vectorRegisters(cpu); i++) {
            long register = cpu.vector(i);
            cpu.write64(segment, at + XMM + i * STEP, SPACE.get(I64, register));
            cpu.write64(segment, at + XMM + i * STEP + 8, SPACE.get(I64, register + 8));
        }
    }

    static void restoreXmm(Cpu cpu, int segment, long at) {
        for (int i = 0; i < vectorRegisters(cpu); i++) {
            long register = cpu.vector(i);
            SPACE.set(I64, register, cpu.read64(segment, at + XMM + i * STEP));
            SPACE.set(I64, register + 8, cpu.read64(segment, at + XMM + i * STEP + 8));
        }
    }

    /// Outside 64-bit mode, XMM8 to XMM15 are neither saved nor restored.
    static int vectorRegisters(Cpu cpu) {
        return cpu.isLongMode64() ? 16 : 8;
    }
}
