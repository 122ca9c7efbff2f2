package nestbox.cpu.x87;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.StateBlock;
import nestbox.cpu.fp.Extended;
import nestbox.cpu.fp.FloatException;
import nestbox.x86.ControlBits;
import nestbox.x86.Vector;

/// Control instructions: control and status words, tags, and the environment in memory.
///
/// The FN instructions don't wait for errors. SDM Vol. 1, "Saving the x87 FPU's State with
/// FSTENV/FNSTENV and FSAVE/FNSAVE", Figures 8-9 to 8-12.
final class Control {
    private static final int TAG_ZERO = 1;
    private static final int TAG_SPECIAL = 2;
    private static final int TAG_EMPTY = 3;
    private static final int REGISTER_BYTES = 10;
    private static final long RESERVED_ONES = 0xFFFF_0000L;

    private Control() {}

    static void fnop(Cpu cpu, Insn insn) {
        cpu.fpu.enter();
        cpu.fpu.track(insn);
    }

    /// FNENI, FNDISI and FNSETPM of the 8087 and 80287.
    static void ignored(Cpu cpu, Insn insn) {
        cpu.fpu.checkAvailable();
    }

    /// FWAIT looks at MP as well as TS. SDM Vol. 3A, Table 2-2.
    static void fwait(Cpu cpu, Insn insn) {
        long monitored = ControlBits.CR0_MP | ControlBits.CR0_TS;
        if ((cpu.cr0 & monitored) == monitored) {
            throw cpu.fault(Vector.NM, 0);
        }
        cpu.fpu.checkError();
    }

    static void fincstp(Cpu cpu, Insn insn) {
        fnop(cpu, insn);
        cpu.fpu.clearC1();
        cpu.fpu.top(cpu.fpu.top() + 1);
    }

    static void fdecstp(Cpu cpu, Insn insn) {
        fnop(cpu, insn);
        cpu.fpu.clearC1();
        cpu.fpu.top(cpu.fpu.top() - 1);
    }

    static void ffree(Cpu cpu, Insn insn) {
        fnop(cpu, insn);
        cpu.fpu.clearC1();
        cpu.fpu.free(insn.rm & 7);
    }

    /// FFREE and a pop.
    static void ffreep(Cpu cpu, Insn insn) {
        ffree(cpu, insn);
        cpu.fpu.pop();
    }

    static void fninit(Cpu cpu, Insn insn) {
        cpu.fpu.checkAvailable();
        cpu.fpu.initialize();
    }

    static void fnclex(Cpu cpu, Insn insn) {
        cpu.fpu.checkAvailable();
        cpu.fpu.status(cpu.fpu.status() & ~(FloatException.ALL | Fpu.STACK_FAULT));
    }

    static void fldcw(Cpu cpu, Insn insn) {
        cpu.fpu.enter();
        cpu.fpu.control((int) cpu.load(insn, 2));
    }

    static void fnstcw(Cpu cpu, Insn insn) {
        cpu.fpu.checkAvailable();
        cpu.store(insn, 2, cpu.get16(StateBlock.X87_CONTROL));
    }

    static void fnstsw(Cpu cpu, Insn insn) {
        cpu.fpu.checkAvailable();
        cpu.store(insn, 2, cpu.fpu.status());
    }

    static void fnstswAx(Cpu cpu, Insn insn) {
        cpu.fpu.checkAvailable();
        cpu.set16(StateBlock.RAX, cpu.fpu.status());
    }

    // Environment

    static void fnstenv(Cpu cpu, Insn insn) {
        cpu.fpu.checkAvailable();
        int word = wordSize(insn);
        long linear = cpu.linear(insn, 7 * word, true);
        cpu.mmu.checkWritable(insn.segment, linear, 7 * word);
        storeEnvironment(cpu, insn.segment, linear, word);
        int control = cpu.get16(StateBlock.X87_CONTROL);
        cpu.fpu.control(control | FloatException.ALL);
    }

    static void fldenv(Cpu cpu, Insn insn) {
        cpu.fpu.enter();
        int word = wordSize(insn);
        long linear = cpu.linear(insn, 7 * word, false);
        cpu.mmu.checkReadable(insn.segment, linear, 7 * word);
        loadEnvironment(cpu, insn.segment, linear, word);
    }

    static void fnsave(Cpu cpu, Insn insn) {
        Fpu fpu = cpu.fpu;
        fpu.checkAvailable();
        int word = wordSize(insn);
        int bytes = 7 * word + 8 * REGISTER_BYTES;
        long linear = cpu.linear(insn, bytes, true);
        cpu.mmu.checkWritable(insn.segment, linear, bytes);
        storeEnvironment(cpu, insn.segment, linear, word);
        for (int i = 0; i < 8; i++) {
            long place = linear + 7 * word + i * REGISTER_BYTES;
            cpu.write64(insn.segment, place, fpu.significand(i));
            cpu.write16(insn.segment, place + 8, fpu.signExponent(i));
        }
        fpu.initialize();
    }

    static void frstor(Cpu cpu, Insn insn) {
        Fpu fpu = cpu.fpu;
        fpu.enter();
        int word = wordSize(insn);
        int bytes = 7 * word + 8 * REGISTER_BYTES;
        long linear = cpu.linear(insn, bytes, false);
        cpu.mmu.checkReadable(insn.segment, linear, bytes);
        loadEnvironment(cpu, insn.segment, linear, word);
        for (int i = 0; i < 8; i++) {
            long place = linear + 7 * word + i * REGISTER_BYTES;
            long significand = cpu.read64(insn.segment, place);
            int signExponent = cpu.read16(insn.segment, place + 8);
            long register = cpu.x87Register(fpu.top() + i & 7);
            SPACE.set(I64, register, significand);
            SPACE.set(I16, register + 8, (short) signExponent);
        }
    }

    private static int wordSize(Insn insn) {
        return insn.operandSize == 2 ? 2 : 4;
    }

    private static void storeEnvironment(Cpu cpu, int segment, long linear, int word) {
        long ones = word == 4 ? RESERVED_ONES : 0;
        int opcode = cpu.get16(StateBlock.X87_OPCODE);
        long ip = cpu.get64(StateBlock.X87_IP);
        long dp = cpu.get64(StateBlock.X87_DP);
        int cs = cpu.get16(StateBlock.X87_CS);
        int ds = cpu.get16(StateBlock.X87_DS);
        cpu.write(segment, linear, word, cpu.get16(StateBlock.X87_CONTROL) | ones);
        cpu.write(segment, linear + word, word, cpu.fpu.status() | ones);
        cpu.write(segment, linear + 2 * word, word, tagWord(cpu) | ones);
        if (cpu.isRealOrVirtual()) {
            long linearIp = ip + (cs << 4);
            long linearDp = dp + (ds << 4);
            long high = word == 4 ? 0x0FFF_F000L : 0xF000;
            cpu.write(segment, linear + 3 * word, word, linearIp & 0xFFFF | ones);
            cpu.write(segment, linear + 4 * word, word, linearIp >>> 4 & high | opcode);
            cpu.write(segment, linear + 5 * word, word, linearDp & 0xFFFF | ones);
            cpu.write(segment, linear + 6 * word, word, linearDp >>> 4 & high);
        } else {
            long mask = word == 4 ? 0xFFFF_FFFFL : 0xFFFF;
            long csAndOpcode = word == 4 ? cs | (long) opcode << 16 : cs;
            cpu.write(segment, linear + 3 * word, word, ip & mask);
            cpu.write(segment, linear + 4 * word, word, csAndOpcode);
            cpu.write(segment, linear + 5 * word, word, dp & mask);
            cpu.write(segment, linear + 6 * word, word, ds | ones);
        }
    }

    private static void loadEnvironment(Cpu cpu, int segment, long linear, int word) {
        int control = cpu.read16(segment, linear);
        int status = cpu.read16(segment, linear + word);
        int tags = cpu.read16(segment, linear + 2 * word);
        long third = cpu.read(segment, linear + 3 * word, word);
        long fourth = cpu.read(segment, linear + 4 * word, word);
        long fifth = cpu.read(segment, linear + 5 * word, word);
        long sixth = cpu.read(segment, linear + 6 * word, word);
        int valid = 0;
        for (int i = 0; i < 8; i++) {
            valid |= (tags >>> 2 * i & 3) != TAG_EMPTY ? 1 << i : 0;
        }
        cpu.set8(StateBlock.X87_TAGS, valid);
        if (cpu.isRealOrVirtual()) {
            long high = word == 4 ? 0x0FFF_F000L : 0xF000;
            cpu.set64(StateBlock.X87_IP, third & 0xFFFF | (fourth & high) << 4);
            cpu.set64(StateBlock.X87_DP, fifth & 0xFFFF | (sixth & high) << 4);
            cpu.set16(StateBlock.X87_CS, 0);
            cpu.set16(StateBlock.X87_DS, 0);
            cpu.set16(StateBlock.X87_OPCODE, (int) fourth & 0x7FF);
        } else {
            cpu.set64(StateBlock.X87_IP, third);
            cpu.set64(StateBlock.X87_DP, fifth);
            cpu.set16(StateBlock.X87_CS, (int) fourth & 0xFFFF);
            cpu.set16(StateBlock.X87_DS, (int) sixth & 0xFFFF);
            cpu.set16(StateBlock.X87_OPCODE, (int) (fourth >>> 16) & 0x7FF);
        }
        cpu.fpu.restore(control, status);
    }

    /// Two bits for each physical register, from what they hold.
    static int tagWord(Cpu cpu) {
        int word = 0;
        for (int i = 0; i < 8; i++) {
            word |= tag(cpu, i) << 2 * i;
        }
        return word;
    }

    private static int tag(Cpu cpu, int register) {
        if ((cpu.get8(StateBlock.X87_TAGS) >>> register & 1) == 0) {
            return TAG_EMPTY;
        }
        long significand = SPACE.get(I64, cpu.x87Register(register));
        int exponent = SPACE.get(I16, cpu.x87Register(register) + 8) & Extended.EXPONENT;
        if (exponent == 0 && significand == 0) {
            return TAG_ZERO;
        }
        boolean normal = significand < 0 && exponent != 0 && exponent != Extended.EXPONENT;
        return normal ? 0 : TAG_SPECIAL;
    }
}
