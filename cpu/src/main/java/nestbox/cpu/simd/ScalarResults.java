package nestbox.cpu.simd;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.StateBlock;
import nestbox.x86.RFlags;

/// The integer SIMD instructions whose result is in flags or general registers: PTEST, the string
/// comparisons and CRC32.
final class ScalarResults {
    private static final int XMM0 = 0;

    private ScalarResults() {}

    static void ptest(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        long src = VectorOperands.source(cpu, insn);
        long dst = cpu.vector(insn.reg);
        long common = 0;
        long onlyInSource = 0;
        for (int i = 0; i < insn.width; i += 8) {
            common |= Packed.load(dst + i) & Packed.load(src + i);
            onlyInSource |= ~Packed.load(dst + i) & Packed.load(src + i);
        }
        cpu.statusFlags((common == 0 ? RFlags.ZF : 0) | (onlyInSource == 0 ? RFlags.CF : 0));
    }

    // String comparison; memory operands need no alignment

    static void pcmpestri(Cpu cpu, Insn insn) {
        index(cpu, insn, explicit(cpu, insn));
    }

    static void pcmpestrm(Cpu cpu, Insn insn) {
        StringCompare.mask(cpu.vector(XMM0), explicit(cpu, insn), (int) insn.immediate);
    }

    static void pcmpistri(Cpu cpu, Insn insn) {
        index(cpu, insn, implicit(cpu, insn));
    }

    static void pcmpistrm(Cpu cpu, Insn insn) {
        StringCompare.mask(cpu.vector(XMM0), implicit(cpu, insn), (int) insn.immediate);
    }

    private static void index(Cpu cpu, Insn insn, int positions) {
        cpu.set32(StateBlock.RCX, StringCompare.index(positions, (int) insn.immediate));
    }

    private static int explicit(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        int imm = (int) insn.immediate;
        long src = cpu.vectorSource(insn, 16, false);
        int firstLength = StringCompare.explicitLength(length(cpu, insn, StateBlock.RAX), imm);
        int secondLength = StringCompare.explicitLength(length(cpu, insn, StateBlock.RDX), imm);
        return compare(cpu, insn, firstLength, src, secondLength);
    }

    /// EAX or EDX; with REX.W, RAX or RDX.
    private static long length(Cpu cpu, Insn insn, int register) {
        return insn.operandSize == 8 ? cpu.get64(register) : cpu.get32(register);
    }

    private static int implicit(Cpu cpu, Insn insn) {
        VectorOperands.checkSse(cpu);
        int imm = (int) insn.immediate;
        long src = cpu.vectorSource(insn, 16, false);
        int firstLength = StringCompare.implicitLength(cpu.vector(insn.reg), imm);
        int secondLength = StringCompare.implicitLength(src, imm);
        return compare(cpu, insn, firstLength, src, secondLength);
    }

    private static int compare(Cpu cpu, Insn insn, int firstLength, long src, int secondLength) {
        int imm = (int) insn.immediate;
        long first = cpu.vector(insn.reg);
        int positions = StringCompare.positions(first, firstLength, src, secondLength, imm);
        int elements = StringCompare.elements(imm);
        cpu.statusFlags(
                (positions != 0 ? RFlags.CF : 0)
                        | (secondLength < elements ? RFlags.ZF : 0)
                        | (firstLength < elements ? RFlags.SF : 0)
                        | ((positions & 1) != 0 ? RFlags.OF : 0));
        return positions;
    }

    static void crc32(Cpu cpu, Insn insn) {
        long value = cpu.loadRm(insn, insn.source, insn.sourceWidth);
        int crc = Polynomials.crc32(cpu.get32(insn.destination), value, insn.sourceWidth);
        cpu.set32(insn.destination, crc);
    }
}
