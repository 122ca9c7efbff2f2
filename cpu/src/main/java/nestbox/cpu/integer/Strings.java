package nestbox.cpu.integer;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Modes;
import nestbox.cpu.core.Restart;
import nestbox.cpu.core.Semantic;
import nestbox.x86.RFlags;
import nestbox.x86.StringOp;

import java.lang.foreign.MemorySegment;

/// String instructions, with and without repeat prefix. SDM Vol. 2A, "REP/REPE/REPZ/REPNE/REPNZ".
///
/// A repeated instruction that has done a part (a chunk, or up to a fault) has its registers
/// updated to where it got and starts again from there: interrupts come in between as on silicon.
public final class Strings {
    /// Iterations after which events are looked at.
    private static final int CHUNK = 1 << 14;

    private Strings() {}

    public static Semantic of(StringOp op) {
        return switch (op) {
            case MOVS -> (cpu, insn) -> repeat(cpu, insn, Strings::movs);
            case CMPS -> (cpu, insn) -> repeatWhile(cpu, insn, Strings::cmps);
            case STOS -> (cpu, insn) -> repeat(cpu, insn, Strings::stos);
            case LODS -> (cpu, insn) -> repeat(cpu, insn, Strings::lods);
            case SCAS -> (cpu, insn) -> repeatWhile(cpu, insn, Strings::scas);
            case INS -> (cpu, insn) -> repeat(cpu, insn, PortAccess::ins);
            case OUTS -> (cpu, insn) -> repeat(cpu, insn, PortAccess::outs);
            case IN -> PortAccess::in;
            case OUT -> PortAccess::out;
        };
    }

    /// One or more iterations, which take the time of an instruction.
    @FunctionalInterface
    interface Step {
        /// @param most how many iterations may be done
        /// @return how many were done, at least 1
        long run(Cpu cpu, Insn insn, long most);
    }

    private static boolean isRepeated(Insn insn) {
        return insn.rep || insn.repne;
    }

    private static void repeat(Cpu cpu, Insn insn, Step step) {
        if (!isRepeated(insn)) {
            step.run(cpu, insn, 1);
            return;
        }
        long left = chunk(cpu);
        while (true) {
            long count = cpu.get64(Cpu.RCX) & insn.addressMask;
            if (count == 0) {
                return;
            }
            if (left <= 0) {
                throw giveWay(cpu);
            }
            boolean all = Long.compareUnsigned(count, left) <= 0;
            long done = step.run(cpu, insn, all ? count : left);
            setCount(cpu, insn, count - done);
            cpu.spend(1);
            left -= done;
        }
    }

    /// CMPS and SCAS end when ZF says so as well.
    private static void repeatWhile(Cpu cpu, Insn insn, Step step) {
        if (!isRepeated(insn)) {
            step.run(cpu, insn, 1);
            return;
        }
        for (int left = chunk(cpu); ; left--) {
            long count = cpu.get64(Cpu.RCX) & insn.addressMask;
            if (count == 0) {
                return;
            }
            if (left == 0) {
                throw giveWay(cpu);
            }
            step.run(cpu, insn, 1);
            setCount(cpu, insn, count - 1);
            cpu.spend(1);
            if (cpu.zf() == insn.repne) {
                return;
            }
        }
    }

    /// How many iterations are done before events are looked at: one while debug traps may follow.
    private static int chunk(Cpu cpu) {
        return (cpu.mode & Modes.SINGLE) != 0 ? 1 : CHUNK;
    }

    private static GuestFault giveWay(Cpu cpu) {
        cpu.betweenIterations = true;
        return cpu.fault.of(Restart.VECTOR, 0);
    }

    private static void setCount(Cpu cpu, Insn insn, long count) {
        cpu.set(Cpu.RCX, insn.addressSize, count);
    }

    private static boolean isBackward(Cpu cpu) {
        return (cpu.get64(Cpu.FLAGS_REST) & RFlags.DF) != 0;
    }

    /// Moves an index register on by some elements.
    static void advance(Cpu cpu, Insn insn, int register, long bytes) {
        long by = isBackward(cpu) ? -bytes : bytes;
        cpu.set(register, insn.addressSize, cpu.get64(register) + by);
    }

    /// Linear address of DS:[RSI], with segment override.
    static long source(Cpu cpu, Insn insn, int width) {
        long offset = cpu.get64(Cpu.RSI) & insn.addressMask;
        return cpu.linear(insn.segment, insn.flat, offset, width, false);
    }

    /// Linear address of ES:[RDI]. ES is flat when all segments are.
    static long destination(Cpu cpu, Insn insn, int width, boolean write) {
        long offset = cpu.get64(Cpu.RDI) & insn.addressMask;
        return cpu.linear(Insn.ES, cpu.isEsFlat(), offset, width, write);
    }

    /// How many elements lie in the page from an address on, going forward.
    private static long elementsInPage(long linear, int width) {
        return (4096 - (linear & 4095)) / width;
    }

    /// How many iterations can be done at once: forward, flat, within what the index registers can
    /// hold.
    private static long atOnce(Cpu cpu, Insn insn, long most, int register) {
        if (isBackward(cpu) || !cpu.isEsFlat() || !insn.flat || insn.addressSize == 2) {
            return 1;
        }
        long index = cpu.get64(register) & insn.addressMask;
        boolean wraps = insn.addressSize == 4 && index + most * insn.width > insn.addressMask;
        return wraps ? 1 : most;
    }

    private static long movs(Cpu cpu, Insn insn, long most) {
        int width = insn.width;
        long from = source(cpu, insn, width);
        long to = destination(cpu, insn, width, true);
        long count = Math.min(atOnce(cpu, insn, most, Cpu.RSI), atOnce(cpu, insn, most, Cpu.RDI));
        count = Math.min(count, Math.min(elementsInPage(from, width), elementsInPage(to, width)));
        // Overlapping forward copies repeat a pattern: element by element only.
        boolean overlaps = to - from > 0 && to - from < count * width;
        if (count > 1 && !overlaps) {
            long source = cpu.readable(insn.segment, from, (int) count * width);
            long target = cpu.writable(Insn.ES, to, (int) count * width);
            boolean aliased = Math.abs(target - source) < count * width && target != source;
            if (source >= 0 && target >= 0 && !aliased) {
                MemorySegment.copy(SPACE, source, SPACE, target, count * width);
                advance(cpu, insn, Cpu.RSI, count * width);
                advance(cpu, insn, Cpu.RDI, count * width);
                return count;
            }
        }
        cpu.write(Insn.ES, to, width, cpu.read(insn.segment, from, width));
        advance(cpu, insn, Cpu.RSI, width);
        advance(cpu, insn, Cpu.RDI, width);
        return 1;
    }

    private static long stos(Cpu cpu, Insn insn, long most) {
        int width = insn.width;
        long value = cpu.get(Cpu.RAX, width);
        long to = destination(cpu, insn, width, true);
        long count = Math.min(atOnce(cpu, insn, most, Cpu.RDI), elementsInPage(to, width));
        if (count > 1) {
            long target = cpu.writable(Insn.ES, to, (int) count * width);
            if (target >= 0) {
                fill(target, count, width, value);
                advance(cpu, insn, Cpu.RDI, count * width);
                return count;
            }
        }
        cpu.write(Insn.ES, to, width, value);
        advance(cpu, insn, Cpu.RDI, width);
        return 1;
    }

    private static void fill(long target, long count, int width, long value) {
        long bytes = count * width;
        long repeated = (value & 0xFF) * 0x0101_0101_0101_0101L;
        boolean uniform = Arithmetic.unsigned(repeated, width) == value;
        if (uniform) {
            SPACE.asSlice(target, bytes).fill((byte) value);
            return;
        }
        for (long at = 0; at < bytes; at += width) {
            switch (width) {
                case 2 -> SPACE.set(I16, target + at, (short) value);
                case 4 -> SPACE.set(I32, target + at, (int) value);
                default -> SPACE.set(I64, target + at, value);
            }
        }
    }

    private static long lods(Cpu cpu, Insn insn, long most) {
        int width = insn.width;
        long linear = source(cpu, insn, width);
        cpu.set(Cpu.RAX, width, cpu.read(insn.segment, linear, width));
        advance(cpu, insn, Cpu.RSI, width);
        return 1;
    }

    private static long cmps(Cpu cpu, Insn insn, long most) {
        int width = insn.width;
        long left = cpu.read(insn.segment, source(cpu, insn, width), width);
        long right = cpu.read(Insn.ES, destination(cpu, insn, width, false), width);
        Arithmetic.sub(cpu, left, right, width);
        advance(cpu, insn, Cpu.RSI, width);
        advance(cpu, insn, Cpu.RDI, width);
        return 1;
    }

    private static long scas(Cpu cpu, Insn insn, long most) {
        int width = insn.width;
        long right = cpu.read(Insn.ES, destination(cpu, insn, width, false), width);
        Arithmetic.sub(cpu, cpu.get(Cpu.RAX, width), right, width);
        advance(cpu, insn, Cpu.RDI, width);
        return 1;
    }
}
