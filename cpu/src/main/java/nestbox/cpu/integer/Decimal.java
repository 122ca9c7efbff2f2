package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;

/// Decimal adjustment. SDM Vol. 2A, "DAA", "DAS", "AAA", "AAS", "AAM", "AAD".
final class Decimal {
    private Decimal() {}

    static void daa(Cpu cpu) {
        int al = cpu.get8(Cpu.RAX);
        boolean low = (al & 0xF) > 9 || cpu.af();
        boolean high = al > 0x99 || cpu.cf();
        int result = al + (low ? 6 : 0) + (high ? 0x60 : 0);
        cpu.set8(Cpu.RAX, result);
        cpu.flagsOfResult(result, 1, high, false, low);
    }

    static void das(Cpu cpu) {
        int al = cpu.get8(Cpu.RAX);
        boolean carry = cpu.cf();
        boolean low = (al & 0xF) > 9 || cpu.af();
        boolean high = al > 0x99 || carry;
        int result = al - (low ? 6 : 0) - (high ? 0x60 : 0);
        cpu.set8(Cpu.RAX, result);
        cpu.flagsOfResult(result, 1, high || low && al < 6, false, low);
    }

    /// AAA and AAS.
    static void adjust(Cpu cpu, int direction) {
        int ax = cpu.get16(Cpu.RAX);
        boolean adjusts = (ax & 0xF) > 9 || cpu.af();
        int result = adjusts ? ax + direction * 0x106 : ax;
        cpu.set16(Cpu.RAX, result & 0xFF0F);
        cpu.flagsOfResult(result & 0xF, 1, adjusts, false, adjusts);
    }

    static void aam(Cpu cpu, Insn insn) {
        int base = (int) insn.immediate & 0xFF;
        if (base == 0) {
            throw AluOperations.divideError(cpu);
        }
        int al = cpu.get8(Cpu.RAX);
        cpu.set16(Cpu.RAX, al / base << 8 | al % base);
        cpu.flagsOfLogic(al % base, 1);
    }

    static void aad(Cpu cpu, Insn insn) {
        int base = (int) insn.immediate & 0xFF;
        int al = cpu.get8(Cpu.RAX) + cpu.get8(Cpu.RAX + 1) * base & 0xFF;
        cpu.set16(Cpu.RAX, al);
        cpu.flagsOfLogic(al, 1);
    }
}
