package nestbox.cpu.system;

import nestbox.cpu.control.Segmentation;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.DescriptorTable;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.x86.RFlags;
import nestbox.x86.SystemOp;

/// Descriptor-table registers and the instructions that look at descriptors.
final class TableInstructions {
    private static final long RIGHTS = 0x00FF_FF00L;

    private TableInstructions() {}

    static Semantic of(SystemOp op) {
        return switch (op) {
            case SGDT -> (cpu, insn) -> store(cpu, insn, cpu.gdtr);
            case SIDT -> (cpu, insn) -> store(cpu, insn, cpu.idtr);
            case LGDT -> (cpu, insn) -> load(cpu, insn, cpu.gdtr);
            case LIDT -> (cpu, insn) -> load(cpu, insn, cpu.idtr);
            case SLDT ->
                    (cpu, insn) -> {
                        SystemInstructions.segmentation(cpu);
                        selector(cpu, insn, cpu.ldtr.selector);
                    };
            case STR ->
                    (cpu, insn) -> {
                        SystemInstructions.segmentation(cpu);
                        selector(cpu, insn, cpu.tr.selector);
                    };
            case LLDT -> (cpu, insn) -> loadSystem(cpu, insn, true);
            case LTR -> (cpu, insn) -> loadSystem(cpu, insn, false);
            case VERR -> (cpu, insn) -> verify(cpu, insn, false);
            case VERW -> (cpu, insn) -> verify(cpu, insn, true);
            case LAR -> (cpu, insn) -> look(cpu, insn, false);
            case LSL -> (cpu, insn) -> look(cpu, insn, true);
            case SMSW -> TableInstructions::smsw;
            default -> throw new AssertionError(op + " isn't about descriptors");
        };
    }

    private static void store(Cpu cpu, Insn insn, DescriptorTable table) {
        SystemInstructions.checkUserMode(cpu);
        int baseWidth = insn.codeSize == 8 ? 8 : 4;
        long linear = cpu.linear(insn, 2 + baseWidth, true);
        cpu.checkWritable(insn.segment, linear, 2 + baseWidth);
        cpu.write16(insn.segment, linear, table.limit);
        cpu.write(insn.segment, linear + 2, baseWidth, table.base);
    }

    private static void load(Cpu cpu, Insn insn, DescriptorTable table) {
        int baseWidth = insn.codeSize == 8 ? 8 : 4;
        long linear = cpu.linear(insn, 2 + baseWidth, false);
        int limit = cpu.read16(insn.segment, linear);
        long base = cpu.read(insn.segment, linear + 2, baseWidth);
        if (baseWidth == 8 && base << 16 >> 16 != base) {
            throw cpu.generalProtection();
        }
        table.set(insn.operandSize == 2 ? base & 0xFF_FFFF : base, limit);
    }

    private static void selector(Cpu cpu, Insn insn, int selector) {
        SystemInstructions.checkUserMode(cpu);
        if (insn.isMemory) {
            cpu.store(insn, 2, selector);
        } else {
            cpu.set(insn.destination, insn.operandSize, selector);
        }
    }

    private static void smsw(Cpu cpu, Insn insn) {
        SystemInstructions.checkUserMode(cpu);
        if (insn.isMemory) {
            cpu.store(insn, 2, cpu.cr0 & 0xFFFF);
        } else {
            cpu.set(insn.destination, insn.operandSize, cpu.cr0);
        }
    }

    private static void loadSystem(Cpu cpu, Insn insn, boolean local) {
        Segmentation segmentation = SystemInstructions.segmentation(cpu);
        if (cpu.cpl != 0) {
            throw cpu.generalProtection();
        }
        int selector = (int) cpu.loadRm(insn, insn.destination, 2);
        if (local) {
            segmentation.loadLdtr(selector);
        } else {
            segmentation.loadTr(selector);
        }
    }

    private static void zf(Cpu cpu, boolean set) {
        long flags = cpu.statusFlags();
        cpu.statusFlags(set ? flags | RFlags.ZF : flags & ~RFlags.ZF);
    }

    private static void verify(Cpu cpu, Insn insn, boolean write) {
        Segmentation segmentation = SystemInstructions.segmentation(cpu);
        int selector = (int) cpu.loadRm(insn, insn.destination, 2);
        zf(cpu, segmentation.verify(selector, write));
    }

    private static void look(Cpu cpu, Insn insn, boolean limit) {
        Segmentation segmentation = SystemInstructions.segmentation(cpu);
        int selector = (int) cpu.loadRm(insn, insn.source, 2);
        Long descriptor = segmentation.visible(selector, limit);
        zf(cpu, descriptor != null);
        if (descriptor != null) {
            long value = limit ? Segmentation.limitOf(descriptor) : descriptor >>> 32 & RIGHTS;
            cpu.set(insn.destination, insn.width, value);
        }
    }
}
