package nestbox.cpu.simd;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.StateBlock;
import nestbox.x86.ControlBits;
import nestbox.x86.Vector;

/// What vector instructions check before they run, and where their operands are.
///
/// An operand becomes an offset in [nestbox.platform.NativeSpace]: a register's place in the state
/// block, or a copy of guest memory. Sources are asked for first, since that may fault; naming a
/// destination never faults, and for an MMX register it is the point where the x87 FPU is taken
/// over.
public final class VectorOperands {
    /// Size of an MMX register: which kind an instruction works on follows from it.
    static final int MMX = 8;

    private static final int STATUS_TOP = 0x3800;
    private static final int ALL_VALID = 0xFF;
    private static final int SIGN_AND_EXPONENT = 8;
    private static final short ALL_ONES = -1;

    private VectorOperands() {}

    // Availability

    /// @param bytes 8 for an instruction on MMX registers, 16 for one on XMM registers
    static void check(Cpu cpu, int bytes) {
        if (bytes == MMX) {
            checkMmx(cpu);
        } else {
            checkSse(cpu);
        }
    }

    /// #UD without the operating system's support, #NM when it switches state lazily. SDM Vol. 3A,
    /// "System Programming for Instruction Set Extensions and Processor Extended States".
    public static void checkSse(Cpu cpu) {
        boolean supported = (cpu.cr4 & ControlBits.CR4_OSFXSR) != 0;
        if (!supported || (cpu.cr0 & (ControlBits.CR0_EM | ControlBits.CR0_TS)) != 0) {
            throw unavailable(cpu, supported);
        }
    }

    /// SDM Vol. 3A, Table "Action Taken By MMX Instructions for Different Combinations of EM, MP
    /// and TS", and "Exceptions That Can Occur when Executing MMX Instructions".
    public static void checkMmx(Cpu cpu) {
        if ((cpu.cr0 & (ControlBits.CR0_EM | ControlBits.CR0_TS)) != 0) {
            throw unavailable(cpu, true);
        }
        cpu.fpu.checkError();
    }

    private static GuestFault unavailable(Cpu cpu, boolean supported) {
        boolean undefined = !supported || (cpu.cr0 & ControlBits.CR0_EM) != 0;
        return cpu.fault(undefined ? Vector.UD : Vector.NM, 0);
    }

    // Registers

    /// An MMX register to be read. SDM Vol. 3A, Table "Effects of MMX Instructions on x87 FPU
    /// State": TOP becomes 0 and all registers valid.
    static long mmx(Cpu cpu, int number) {
        takeOver(cpu, ALL_VALID);
        return cpu.x87Register(number & 7);
    }

    /// An MMX register to be written: the sign and exponent of the x87 register become ones.
    static long mmxDestination(Cpu cpu, int number) {
        long register = mmx(cpu, number);
        SPACE.set(I16, register + SIGN_AND_EXPONENT, ALL_ONES);
        return register;
    }

    static void emms(Cpu cpu, Insn insn) {
        checkMmx(cpu);
        takeOver(cpu, 0);
    }

    private static void takeOver(Cpu cpu, int tags) {
        cpu.set16(StateBlock.X87_STATUS, cpu.get16(StateBlock.X87_STATUS) & ~STATUS_TOP);
        cpu.set16(StateBlock.X87_TAGS, tags);
    }

    /// A register of that size to be written.
    static long destination(Cpu cpu, int number, int bytes) {
        return bytes == MMX ? mmxDestination(cpu, number) : cpu.vector(number);
    }

    /// A register of that size to be read.
    static long register(Cpu cpu, int number, int bytes) {
        return bytes == MMX ? mmx(cpu, number) : cpu.vector(number);
    }

    // Sources

    /// The operand that ModRM.rm names, of the same kind as the destination; 16 bytes of memory
    /// must be aligned.
    static long source(Cpu cpu, Insn insn) {
        return insn.width == MMX
                ? cpu.mmxSource(insn, insn.sourceWidth)
                : cpu.vectorSource(insn, insn.sourceWidth, true);
    }
}
