package nestbox.cpu.xsave;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.core.StateBlock;
import nestbox.cpu.fp.BinaryUnit;
import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;
import nestbox.x86.StateSave;
import nestbox.x86.Vector;

/// FXSAVE, FXRSTOR and the XSAVE family. SDM Vol. 1, "Managing State Using the XSAVE Feature Set".
///
/// Everything that can fault is looked at first: alignment, the whole of the memory, the header,
/// MXCSR. Then state moves, one [Component] after the other.
public final class StateSaves {
    private static final int HEADER = 512;
    private static final int HEADER_END = 576;
    private static final int XCOMP_BV = HEADER + 8;
    private static final long COMPACTED = 1L << 63;

    private StateSaves() {}

    /// The meaning of each of these instructions.
    public static Semantic of(StateSave op) {
        return switch (op) {
            case FXSAVE -> StateSaves::fxsave;
            case FXRSTOR -> StateSaves::fxrstor;
            case XSAVE -> StateSaves::xsave;
            case XSAVEOPT -> StateSaves::xsaveopt;
            case XSAVEC -> StateSaves::xsavec;
            case XSAVES -> StateSaves::xsaves;
            case XRSTOR -> StateSaves::xrstor;
            case XRSTORS -> StateSaves::xrstors;
        };
    }

    /// XINUSE, the components that aren't in their initial configuration, MXCSR counting as a part
    /// of SSE; XGETBV with ECX = 1 reports those of XCR0.
    public static long inUse(Cpu cpu) {
        long bits = Component.allInUse(cpu);
        return Component.isMxcsrInitial(cpu) ? bits : bits | ControlBits.XCR0_SSE;
    }

    private static boolean isWide(Insn insn) {
        return insn.operandSize == 8;
    }

    // FXSAVE and FXRSTOR

    private static long legacyArea(Cpu cpu, Insn insn, boolean write) {
        if ((cpu.cr0 & (ControlBits.CR0_EM | ControlBits.CR0_TS)) != 0) {
            throw cpu.fault(Vector.NM, 0);
        }
        return area(cpu, insn, LegacyRegion.SIZE, 16, write);
    }

    private static long area(Cpu cpu, Insn insn, int bytes, int alignment, boolean write) {
        long linear = cpu.linear(insn, bytes, write);
        if ((linear & alignment - 1) != 0) {
            throw cpu.generalProtection();
        }
        if (write) {
            cpu.mmu.checkWritable(insn.segment, linear, bytes);
        } else {
            cpu.mmu.checkReadable(insn.segment, linear, bytes);
        }
        return linear;
    }

    private static void fxsave(Cpu cpu, Insn insn) {
        long at = legacyArea(cpu, insn, true);
        LegacyRegion.saveX87(cpu, insn.segment, at, isWide(insn));
        LegacyRegion.saveMxcsr(cpu, insn.segment, at);
        if ((cpu.cr4 & ControlBits.CR4_OSFXSR) != 0) {
            LegacyRegion.saveXmm(cpu, insn.segment, at);
        }
    }

    private static void fxrstor(Cpu cpu, Insn insn) {
        long at = legacyArea(cpu, insn, false);
        boolean sse = (cpu.cr4 & ControlBits.CR4_OSFXSR) != 0;
        if (sse) {
            cpu.set32(StateBlock.MXCSR, LegacyRegion.checkedMxcsr(cpu, insn.segment, at));
            LegacyRegion.restoreXmm(cpu, insn.segment, at);
        }
        LegacyRegion.restoreX87(cpu, insn.segment, at, isWide(insn));
    }

    // XSAVE

    /// #UD without the feature or without CR4.OSXSAVE, #NM under CR0.TS.
    private static void check(Cpu cpu, Cpuid feature) {
        if (!cpu.features.has(feature) || (cpu.cr4 & ControlBits.CR4_OSXSAVE) == 0) {
            throw cpu.undefined();
        }
        if ((cpu.cr0 & ControlBits.CR0_TS) != 0) {
            throw cpu.fault(Vector.NM, 0);
        }
    }

    /// The components that EDX:EAX ask for.
    private static long requested(Cpu cpu, long enabled) {
        long mask =
                cpu.get32(StateBlock.RAX) & 0xFFFF_FFFFL | (long) cpu.get32(StateBlock.RDX) << 32;
        return mask & enabled;
    }

    /// Bytes that an area with these components has: in standard format each has its place, in
    /// compacted format they follow each other.
    private static int sizeOf(long components, boolean compacted) {
        int size = HEADER_END;
        int standard = HEADER_END;
        for (Component component : Component.ALL) {
            standard += component.size;
            if ((components & component.bit) != 0) {
                size = compacted ? size + component.size : standard;
            }
        }
        return size;
    }

    private static void xsave(Cpu cpu, Insn insn) {
        check(cpu, Cpuid.XSAVE);
        saveStandard(cpu, insn, requested(cpu, cpu.xcr0));
    }

    private static void xsaveopt(Cpu cpu, Insn insn) {
        check(cpu, Cpuid.XSAVEOPT);
        saveStandard(cpu, insn, requested(cpu, cpu.xcr0));
    }

    private static void saveStandard(Cpu cpu, Insn insn, long requested) {
        boolean all = insn.row.op() == StateSave.XSAVE;
        long area = area(cpu, insn, sizeOf(requested, false), 64, true);
        int segment = insn.segment;
        long inUse = Component.allInUse(cpu);
        long header = cpu.read64(segment, area + HEADER);
        if ((requested & (ControlBits.XCR0_SSE | ControlBits.XCR0_AVX)) != 0) {
            LegacyRegion.saveMxcsr(cpu, segment, area);
        }
        saveComponents(cpu, insn, area, all ? requested : requested & inUse, -1);
        cpu.write64(segment, area + HEADER, header & ~requested | inUse & requested);
    }

    /// @param layout the components that have a place in the area
    private static void saveComponents(
            Cpu cpu, Insn insn, long area, long components, long layout) {
        long at = area + HEADER_END;
        for (Component component : Component.ALL) {
            if ((components & component.bit) != 0) {
                component.save(cpu, insn.segment, area, at, isWide(insn));
            }
            if ((layout & component.bit) != 0) {
                at += component.size;
            }
        }
    }

    private static void xsavec(Cpu cpu, Insn insn) {
        check(cpu, Cpuid.XSAVEC);
        saveCompacted(cpu, insn, requested(cpu, cpu.xcr0));
    }

    private static void xsaves(Cpu cpu, Insn insn) {
        check(cpu, Cpuid.XSAVES);
        supervisor(cpu);
        saveCompacted(cpu, insn, requested(cpu, cpu.xcr0 | cpu.msrs.xss()));
    }

    private static void supervisor(Cpu cpu) {
        if (cpu.cpl != 0) {
            throw cpu.generalProtection();
        }
    }

    private static void saveCompacted(Cpu cpu, Insn insn, long requested) {
        long area = area(cpu, insn, sizeOf(requested, true), 64, true);
        int segment = insn.segment;
        long saved = requested & inUse(cpu);
        if ((saved & ControlBits.XCR0_SSE) != 0) {
            LegacyRegion.saveMxcsr(cpu, segment, area);
        }
        saveComponents(cpu, insn, area, saved, requested);
        cpu.write64(segment, area + HEADER, saved);
        cpu.write64(segment, area + XCOMP_BV, requested | COMPACTED);
    }

    // XRSTOR

    private static void xrstor(Cpu cpu, Insn insn) {
        check(cpu, Cpuid.XSAVE);
        int segment = insn.segment;
        long area = area(cpu, insn, HEADER_END, 64, false);
        long layout = cpu.read64(segment, area + XCOMP_BV);
        long requested = requested(cpu, cpu.xcr0);
        if ((layout & COMPACTED) != 0 && cpu.features.has(Cpuid.XSAVEC)) {
            restoreCompacted(cpu, insn, area, requested, cpu.xcr0);
            return;
        }
        long present = cpu.read64(segment, area + HEADER);
        if ((present & ~cpu.xcr0) != 0
                || (layout | cpu.read64(segment, area + XCOMP_BV + 8)) != 0) {
            throw cpu.generalProtection();
        }
        cpu.mmu.checkReadable(segment, area, sizeOf(requested & present, false));
        if ((requested & (ControlBits.XCR0_SSE | ControlBits.XCR0_AVX)) != 0) {
            cpu.set32(StateBlock.MXCSR, LegacyRegion.checkedMxcsr(cpu, segment, area));
        }
        restoreComponents(cpu, insn, area, requested, present, -1);
    }

    private static void xrstors(Cpu cpu, Insn insn) {
        check(cpu, Cpuid.XSAVES);
        supervisor(cpu);
        long area = area(cpu, insn, HEADER_END, 64, false);
        long enabled = cpu.xcr0 | cpu.msrs.xss();
        if ((cpu.read64(insn.segment, area + XCOMP_BV) & COMPACTED) == 0) {
            throw cpu.generalProtection();
        }
        restoreCompacted(cpu, insn, area, requested(cpu, enabled), enabled);
    }

    private static void restoreCompacted(
            Cpu cpu, Insn insn, long area, long requested, long enabled) {
        int segment = insn.segment;
        long present = cpu.read64(segment, area + HEADER);
        long layout = cpu.read64(segment, area + XCOMP_BV) & ~COMPACTED;
        long reserved = 0;
        for (long at = XCOMP_BV + 8; at < HEADER_END; at += 8) {
            reserved |= cpu.read64(segment, area + at);
        }
        if (reserved != 0 || (layout & ~enabled) != 0 || (present & ~layout) != 0) {
            throw cpu.generalProtection();
        }
        cpu.mmu.checkReadable(segment, area, sizeOf(layout, true));
        if ((requested & ControlBits.XCR0_SSE) != 0) {
            boolean saved = (present & ControlBits.XCR0_SSE) != 0;
            int mxcsr = BinaryUnit.RESET_MXCSR;
            if (saved) {
                mxcsr = LegacyRegion.checkedMxcsr(cpu, segment, area);
            }
            cpu.set32(StateBlock.MXCSR, mxcsr);
        }
        restoreComponents(cpu, insn, area, requested, present, layout);
    }

    private static void restoreComponents(
            Cpu cpu, Insn insn, long area, long requested, long present, long layout) {
        long at = area + HEADER_END;
        for (Component component : Component.ALL) {
            if ((requested & component.bit) != 0) {
                if ((present & component.bit) != 0) {
                    component.restore(cpu, insn.segment, area, at, isWide(insn));
                } else {
                    component.initialize(cpu);
                }
            }
            if ((layout & component.bit) != 0) {
                at += component.size;
            }
        }
    }
}
