package nestbox.cpu.system;

import static nestbox.x86.ControlBits.*;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;

/// Writes to CR0, CR3, CR4, IA32_EFER and XCR0, with the rules on what they may become and what
/// they invalidate. SDM Vol. 2B, "MOV—Move to/from Control Registers"; Vol. 3A, "Operations that
/// Invalidate TLBs and Paging-Structure Caches".
public final class ControlRegisters {
    private static final long PDPTE_RESERVED_LOW = 0x1E6;

    private final Cpu cpu;
    private final long cr4Defined;
    private final long cr3Reserved;

    public ControlRegisters(Cpu cpu) {
        this.cpu = cpu;
        cr4Defined = definedCr4();
        cr3Reserved = -(1L << cpu.features.physicalAddressBits());
    }

    private long definedCr4() {
        return CR4_PVI
                | CR4_PCE
                | bit(Cpuid.VME, CR4_VME)
                | bit(Cpuid.TSC, CR4_TSD)
                | bit(Cpuid.DE, CR4_DE)
                | bit(Cpuid.PSE, CR4_PSE)
                | bit(Cpuid.PAE, CR4_PAE)
                | bit(Cpuid.MCE, CR4_MCE)
                | bit(Cpuid.PGE, CR4_PGE)
                | bit(Cpuid.FXSR, CR4_OSFXSR)
                | bit(Cpuid.SSE, CR4_OSXMMEXCPT)
                | bit(Cpuid.UMIP, CR4_UMIP)
                | bit(Cpuid.VMX, CR4_VMXE)
                | bit(Cpuid.SMX, CR4_SMXE)
                | bit(Cpuid.FSGSBASE, CR4_FSGSBASE)
                | bit(Cpuid.PCID, CR4_PCIDE)
                | bit(Cpuid.XSAVE, CR4_OSXSAVE)
                | bit(Cpuid.SMEP, CR4_SMEP)
                | bit(Cpuid.SMAP, CR4_SMAP);
    }

    private long bit(Cpuid feature, long bit) {
        return cpu.features.has(feature) ? bit : 0;
    }

    /// The bits that CR4 may have set.
    public long cr4Defined() {
        return cr4Defined;
    }

    public void cr0(long value) {
        long old = cpu.cr0;
        boolean paging = (value & CR0_PG) != 0;
        boolean invalid =
                value >>> 32 != 0
                        || paging && (value & CR0_PE) == 0
                        || (value & CR0_NW) != 0 && (value & CR0_CD) == 0
                        || !cpu.vmx.allowsCr0(value);
        if (invalid) {
            throw cpu.generalProtection();
        }
        long set = value & CR0_DEFINED | CR0_ET;
        boolean toggles = ((old ^ set) & CR0_PG) != 0;
        boolean longMode = cpu.isLongMode();
        if (toggles) {
            longMode = checkPagingToggle(paging);
        }
        boolean pae = paging && (cpu.cr4 & CR4_PAE) != 0 && !longMode;
        if (pae && ((old ^ set) & (CR0_PG | CR0_CD | CR0_NW)) != 0) {
            loadPdptes(cpu.cr3);
        }
        cpu.cr0 = set;
        if (toggles) {
            cpu.efer = longMode ? cpu.efer | EFER_LMA : cpu.efer & ~EFER_LMA;
        }
        if (((old ^ set) & (CR0_PG | CR0_WP | CR0_PE)) != 0) {
            cpu.mmu.flushAll();
        }
        cpu.stateChanged();
    }

    /// @return whether IA-32e mode is active afterwards
    private boolean checkPagingToggle(boolean on) {
        boolean code64 = cpu.segments[Insn.CS].isLong();
        if (on) {
            boolean longMode = (cpu.efer & EFER_LME) != 0;
            if (longMode && ((cpu.cr4 & CR4_PAE) == 0 || code64)) {
                throw cpu.generalProtection();
            }
            return longMode;
        }
        if (cpu.isLongMode() && code64 || (cpu.cr4 & CR4_PCIDE) != 0) {
            throw cpu.generalProtection();
        }
        return false;
    }

    public void cr3(long value) {
        boolean tagged = (cpu.cr4 & CR4_PCIDE) != 0;
        boolean keep = tagged && value < 0;
        long root = tagged ? value & ~CR3_NO_FLUSH : value;
        if (cpu.isLongMode() && (root & cr3Reserved) != 0) {
            throw cpu.generalProtection();
        }
        if ((cpu.cr0 & CR0_PG) != 0 && (cpu.cr4 & CR4_PAE) != 0 && !cpu.isLongMode()) {
            loadPdptes(root);
        }
        cpu.cr3 = root;
        switchSpace(!keep);
    }

    /// The part of a task switch that loads CR3.
    public void loadCr3FromTask(long value) {
        if ((cpu.cr4 & CR4_PAE) != 0) {
            loadPdptes(value);
        }
        cpu.cr3 = value;
        switchSpace(true);
    }

    private void switchSpace(boolean flush) {
        cpu.mmu.switchTo(spaceTag());
        if (flush) {
            cpu.mmu.flushCurrent();
        }
    }

    /// What cached translations are tagged with: the PCID, 0 when PCIDs are off, with what VMX
    /// adds.
    public long spaceTag() {
        return cpu.vmx.tag((cpu.cr4 & CR4_PCIDE) != 0 ? cpu.cr3 & CR3_PCID : 0);
    }

    /// SDM Vol. 3A, "PDPTE Registers".
    private void loadPdptes(long root) {
        long[] loaded = new long[4];
        for (int i = 0; i < 4; i++) {
            loaded[i] = cpu.mmu.readGuestPhysical((root & 0xFFFF_FFE0L) + 8 * i, 8);
            boolean reserved = (loaded[i] & (PDPTE_RESERVED_LOW | cr3Reserved)) != 0;
            if ((loaded[i] & 1) != 0 && reserved) {
                throw cpu.generalProtection();
            }
        }
        System.arraycopy(loaded, 0, cpu.pdpte, 0, 4);
    }

    public void cr4(long value) {
        long old = cpu.cr4;
        long changed = old ^ value;
        boolean tags = (changed & value & CR4_PCIDE) != 0;
        boolean invalid =
                (value & ~cr4Defined) != 0
                        || !cpu.vmx.allowsCr4(value)
                        || cpu.isLongMode() && (value & CR4_PAE) == 0
                        || tags && (!cpu.isLongMode() || (cpu.cr3 & CR3_PCID) != 0);
        if (invalid) {
            throw cpu.generalProtection();
        }
        boolean pae = (cpu.cr0 & CR0_PG) != 0 && (value & CR4_PAE) != 0 && !cpu.isLongMode();
        if (pae && (changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)) != 0) {
            loadPdptes(cpu.cr3);
        }
        cpu.cr4 = value;
        long translation = CR4_PGE | CR4_PAE | CR4_PSE | CR4_PCIDE | CR4_SMEP | CR4_SMAP;
        if ((changed & translation) != 0) {
            cpu.mmu.flushAll();
            cpu.mmu.switchTo(spaceTag());
        }
        cpu.stateChanged();
    }

    /// The bits that IA32_EFER may have set.
    public long eferDefined() {
        return bit(Cpuid.SYSCALL_SYSRET, EFER_SCE)
                | bit(Cpuid.INTEL_64, EFER_LME | EFER_LMA)
                | bit(Cpuid.EXECUTE_DISABLE, EFER_NXE);
    }

    public void efer(long value) {
        boolean toggles = ((cpu.efer ^ value) & EFER_LME) != 0;
        if ((value & ~eferDefined()) != 0 || toggles && (cpu.cr0 & CR0_PG) != 0) {
            throw cpu.generalProtection();
        }
        long old = cpu.efer;
        cpu.efer = value & ~EFER_LMA | old & EFER_LMA;
        if (((old ^ value) & EFER_NXE) != 0) {
            cpu.mmu.flushAll();
        }
        cpu.stateChanged();
    }

    /// XSETBV to XCR0. SDM Vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features".
    public void xcr0(long value) {
        long supported = XCR0_X87 | XCR0_SSE | bit(Cpuid.AVX, XCR0_AVX);
        boolean avxWithoutSse = (value & (XCR0_AVX | XCR0_SSE)) == XCR0_AVX;
        if ((value & XCR0_X87) == 0 || (value & ~supported) != 0 || avxWithoutSse) {
            throw cpu.generalProtection();
        }
        cpu.xcr0 = value;
    }

    /// LMSW: the low four bits of CR0; PE can't be cleared.
    public void lmsw(long value) {
        long low = value & 0xF | cpu.cr0 & ControlBits.CR0_PE;
        cr0(cpu.cr0 & ~0xFL | low);
    }
}
