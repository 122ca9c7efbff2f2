package nestbox.cpu.system;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;

/// INVLPG and INVPCID.
final class Invalidations {
    private Invalidations() {}

    /// A non-canonical address is a no-operation, and segment limits aren't checked.
    static void invlpg(Cpu cpu, Insn insn) {
        long offset = cpu.effectiveAddress(insn);
        long base = cpu.get64(Cpu.SEGMENT_BASES + 8 * insn.segment);
        cpu.mmu.invalidateEverywhere(
                cpu.isLongMode64() ? offset + base : offset + base & 0xFFFF_FFFFL);
    }

    /// SDM Vol. 2A, "INVPCID—Invalidate Process-Context Identifier".
    static void invpcid(Cpu cpu, Insn insn) {
        if (!cpu.features.has(Cpuid.INVPCID)) {
            throw cpu.undefined();
        }
        if (cpu.isVirtual8086()) {
            throw cpu.generalProtection();
        }
        long type = cpu.get(8 * insn.reg, cpu.isLongMode64() ? 8 : 4);
        long linear = cpu.linear(insn, 16, false);
        long pcid = cpu.read64(insn.segment, linear);
        long address = cpu.read64(insn.segment, linear + 8);
        boolean single = type == 0 || type == 1;
        boolean tagged = (cpu.cr4 & ControlBits.CR4_PCIDE) != 0;
        if (Long.compareUnsigned(type, 3) > 0
                || (pcid & ~0xFFFL) != 0
                || single && !tagged && pcid != 0
                || type == 0 && address << 16 >> 16 != address) {
            throw cpu.generalProtection();
        }
        switch ((int) type) {
            case 0 -> cpu.mmu.invalidate(cpu.vmx.tag(pcid), address);
            case 1 -> cpu.mmu.flush(cpu.vmx.tag(pcid));
            default -> cpu.mmu.flushAll();
        }
    }
}
