package nestbox.cpu.system;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;
import nestbox.x86.Msr;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// RDMSR and WRMSR: which registers there are, which bits they take, what a write does. SDM
/// Vol. 4, "Architectural MSRs".
public final class Msrs {
    private static final int BANK_REGISTERS = 4;
    /// C1E, and whether to leave out energy efficient turbo and race to halt. SDM Vol. 4, "MSRs in
    /// the 6th Generation Intel Core Processors".
    private static final long POWER_CTL_MASK = 1 << 1 | 1 << 19 | 1 << 20;

    private static final long ADDRESS_MASK_LOW = ~0xFFFL;

    private final Cpu cpu;

    /// Registers that only keep what is written, by number.
    private final Map<Integer, Long> kept = new HashMap<>();

    private long star;
    private long lstar;
    private long cstar;
    private long fmask;
    private long kernelGsBase;
    private long tscAux;
    private long sysenterCs;
    private long sysenterEsp;
    private long sysenterEip;
    private long xss;

    public Msrs(Cpu cpu) {
        this.cpu = cpu;
    }

    public void reset() {
        kept.clear();
        star = 0;
        lstar = 0;
        cstar = 0;
        fmask = 0;
        kernelGsBase = 0;
        tscAux = 0;
        sysenterCs = 0;
        sysenterEsp = 0;
        sysenterEip = 0;
        xss = 0;
    }

    public long star() {
        return star;
    }

    public long lstar() {
        return lstar;
    }

    public long fmask() {
        return fmask;
    }

    public long tscAux() {
        return tscAux;
    }

    public long xss() {
        return xss;
    }

    public long sysenterCs() {
        return sysenterCs;
    }

    public long sysenterEsp() {
        return sysenterEsp;
    }

    public long sysenterEip() {
        return sysenterEip;
    }

    /// SWAPGS.
    public void swapGs() {
        long base = cpu.segments[Insn.GS].base;
        cpu.segments[Insn.GS].base = kernelGsBase;
        cpu.set64(Cpu.SEGMENT_BASES + 8 * Insn.GS, kernelGsBase);
        kernelGsBase = base;
    }

    /// @throws nestbox.cpu.core.GuestFault #GP(0) for a register that isn't there
    public long read(int number) {
        if (number >>> 8 == 0x8) {
            return readApic(number);
        }
        Msr msr = find(number);
        return switch (msr) {
            case IA32_TIME_STAMP_COUNTER -> cpu.tsc.read();
            case IA32_MPERF, IA32_APERF -> cpu.tsc.now();
            case IA32_TSC_ADJUST -> cpu.tsc.adjust();
            case IA32_APIC_BASE -> cpu.apic.base();
            case IA32_TSC_DEADLINE -> cpu.apic.deadline();
            case IA32_EFER -> cpu.efer;
            case IA32_STAR -> star;
            case IA32_LSTAR -> lstar;
            case IA32_CSTAR -> cstar;
            case IA32_FMASK -> fmask;
            case IA32_FS_BASE -> cpu.segments[Insn.FS].base;
            case IA32_GS_BASE -> cpu.segments[Insn.GS].base;
            case IA32_KERNEL_GS_BASE -> kernelGsBase;
            case IA32_TSC_AUX -> tscAux;
            case IA32_SYSENTER_CS -> sysenterCs;
            case IA32_SYSENTER_ESP -> sysenterEsp;
            case IA32_SYSENTER_EIP -> sysenterEip;
            case IA32_XSS -> xss;
            case IA32_PRED_CMD, IA32_FLUSH_CMD, IA32_BIOS_UPDT_TRIG ->
                    throw cpu.generalProtection();
            default -> {
                Long value = kept.get(number);
                yield value != null ? value : initial(msr, number);
            }
        };
    }

    private long initial(Msr msr, int number) {
        return cpu.vmx.capability(msr).orElseGet(() -> cpu.features.msr(msr, number));
    }

    private long readApic(int number) {
        return cpu.apic.readMsr(number).orElseThrow(cpu::generalProtection);
    }

    /// @throws nestbox.cpu.core.GuestFault #GP(0) when the register isn't there, can't be written
    ///     or doesn't take the value
    public void write(int number, long value) {
        if (number >>> 8 == 0x8) {
            require(cpu.apic.writeMsr(number, value));
            return;
        }
        Msr msr = find(number);
        if (msr.isAddress()) {
            require(value << 16 >> 16 == value);
        }
        switch (msr) {
            case IA32_TIME_STAMP_COUNTER -> cpu.tsc.write(value);
            case IA32_TSC_ADJUST -> cpu.tsc.adjust(value);
            case IA32_APIC_BASE -> require(cpu.apic.base(value));
            case IA32_TSC_DEADLINE -> cpu.apic.deadline(value);
            case IA32_EFER -> cpu.controls.efer(value);
            case IA32_STAR -> star = value;
            case IA32_LSTAR -> lstar = value;
            case IA32_CSTAR -> cstar = value;
            case IA32_FMASK -> {
                require(value >>> 32 == 0);
                fmask = value;
            }
            case IA32_FS_BASE -> base(Insn.FS, value);
            case IA32_GS_BASE -> base(Insn.GS, value);
            case IA32_KERNEL_GS_BASE -> kernelGsBase = value;
            case IA32_TSC_AUX -> {
                require(value >>> 32 == 0);
                tscAux = value;
            }
            case IA32_SYSENTER_CS -> sysenterCs = value;
            case IA32_SYSENTER_ESP -> sysenterEsp = value;
            case IA32_SYSENTER_EIP -> sysenterEip = value;
            case IA32_XSS -> {
                long supported = cpu.features.has(Cpuid.HDC) ? ControlBits.XSS_HDC : 0;
                require((value & ~supported) == 0);
                xss = value;
            }
            default -> keep(msr, number, value);
        }
    }

    private void base(int segment, long value) {
        cpu.segments[segment].base = value;
        cpu.set64(Cpu.SEGMENT_BASES + 8 * segment, value);
    }

    private void require(boolean condition) {
        if (!condition) {
            throw cpu.generalProtection();
        }
    }

    private Msr find(int number) {
        Optional<Msr> msr = Msr.of(number);
        if (msr.isEmpty() || !exists(msr.get(), number)) {
            throw cpu.generalProtection();
        }
        return msr.get();
    }

    /// Whether the model has the register.
    private boolean exists(Msr msr, int number) {
        return switch (msr) {
            case IA32_TIME_STAMP_COUNTER,
                    IA32_APIC_BASE,
                    IA32_BIOS_SIGN_ID,
                    IA32_BIOS_UPDT_TRIG,
                    IA32_PLATFORM_ID,
                    IA32_SYSENTER_CS,
                    IA32_SYSENTER_ESP,
                    IA32_SYSENTER_EIP,
                    IA32_MISC_ENABLE,
                    IA32_PAT,
                    IA32_MTRRCAP,
                    IA32_MTRR_DEF_TYPE,
                    IA32_MTRR_FIX64K_00000,
                    IA32_MTRR_FIX16K_80000,
                    IA32_MTRR_FIX16K_A0000,
                    IA32_MTRR_FIX4K,
                    IA32_DEBUGCTL,
                    IA32_MCG_CAP,
                    IA32_MCG_STATUS,
                    IA32_P5_MC_ADDR,
                    IA32_P5_MC_TYPE,
                    IA32_EFER,
                    IA32_STAR,
                    IA32_LSTAR,
                    IA32_CSTAR,
                    IA32_FMASK,
                    IA32_FS_BASE,
                    IA32_GS_BASE,
                    IA32_KERNEL_GS_BASE ->
                    true;
            case IA32_MTRR_PHYSBASE, IA32_MTRR_PHYSMASK ->
                    (number - 0x200) / 2 < (cpu.features.msr(Msr.IA32_MTRRCAP, 0xFE) & 0xFF);
            case IA32_MC_CTL, IA32_MC_STATUS, IA32_MC_ADDR, IA32_MC_MISC ->
                    (number - 0x400) / BANK_REGISTERS
                            < (cpu.features.msr(Msr.IA32_MCG_CAP, 0x179) & 0xFF);
            case IA32_TSC_ADJUST -> cpu.features.has(Cpuid.TSC_ADJUST);
            case IA32_TSC_DEADLINE -> cpu.features.has(Cpuid.TSC_DEADLINE);
            case IA32_TSC_AUX -> cpu.features.has(Cpuid.RDTSCP);
            case IA32_XSS -> cpu.features.has(Cpuid.XSAVES);
            case IA32_SPEC_CTRL, IA32_PRED_CMD -> cpu.features.has(Cpuid.IBRS_IBPB);
            case IA32_UMWAIT_CONTROL -> cpu.features.has(Cpuid.WAITPKG);
            case IA32_PKG_HDC_CTL, IA32_PM_CTL1, IA32_THREAD_STALL -> cpu.features.has(Cpuid.HDC);
            case IA32_FLUSH_CMD -> cpu.features.has(Cpuid.L1D_FLUSH);
            case IA32_ARCH_CAPABILITIES -> cpu.features.has(Cpuid.ARCH_CAPABILITIES);
            default -> cpu.vmx.capability(msr).isPresent() || cpu.features.hasMsr(msr);
        };
    }

    /// Stores a value after the check of its reserved bits; registers not listed are read-only.
    private void keep(Msr msr, int number, long value) {
        long physical = (1L << cpu.features.physicalAddressBits()) - 1;
        boolean valid =
                switch (msr) {
                    case IA32_PAT -> areMemoryTypes(value, true);
                    case IA32_MTRR_FIX64K_00000,
                            IA32_MTRR_FIX16K_80000,
                            IA32_MTRR_FIX16K_A0000,
                            IA32_MTRR_FIX4K ->
                            areMemoryTypes(value, false);
                    case IA32_MTRR_DEF_TYPE ->
                            (value & ~0xCFFL) == 0 && isMemoryType(value & 0xFF, false);
                    case IA32_MTRR_PHYSBASE ->
                            (value & ~(physical & ADDRESS_MASK_LOW | 0xFF)) == 0
                                    && isMemoryType(value & 0xFF, false);
                    case IA32_MTRR_PHYSMASK ->
                            (value & ~(physical & ADDRESS_MASK_LOW | 0x800)) == 0;
                    case IA32_MISC_ENABLE -> (value & ~cpu.features.miscEnableMask()) == 0;
                    case IA32_DEBUGCTL -> (value & ~3L) == 0;
                    case IA32_MCG_STATUS -> (value & ~7L) == 0;
                    case IA32_MC_CTL, IA32_P5_MC_ADDR, IA32_P5_MC_TYPE -> true;
                    case IA32_MC_STATUS, IA32_MC_ADDR, IA32_MC_MISC -> value == 0;
                    case IA32_SPEC_CTRL -> (value & ~7L) == 0;
                    case IA32_UMWAIT_CONTROL -> (value & ~0xFFFF_FFFDL) == 0;
                    case IA32_PRED_CMD, IA32_FLUSH_CMD, IA32_PKG_HDC_CTL, IA32_PM_CTL1 ->
                            (value & ~1L) == 0;
                    case IA32_BIOS_UPDT_TRIG, IA32_BIOS_SIGN_ID -> true;
                    case MSR_POWER_CTL -> (value & ~POWER_CTL_MASK) == 0;
                    default -> cpu.features.isWritable(msr);
                };
        require(valid);
        boolean stored =
                switch (msr) {
                    // The loaded microcode's revision can only be read back.
                    case IA32_PRED_CMD, IA32_FLUSH_CMD, IA32_BIOS_UPDT_TRIG, IA32_BIOS_SIGN_ID ->
                            false;
                    default -> true;
                };
        if (stored) {
            kept.put(number, value);
        }
        // Memory types don't change what an access does here: all memory is coherent.
    }

    private static boolean areMemoryTypes(long bytes, boolean uncachedMinus) {
        for (int i = 0; i < 64; i += 8) {
            if (!isMemoryType(bytes >>> i & 0xFF, uncachedMinus)) {
                return false;
            }
        }
        return true;
    }

    /// UC, WC, WT, WP, WB, and UC− in the PAT only. SDM Vol. 3A, "Memory Type Range Registers".
    private static boolean isMemoryType(long type, boolean uncachedMinus) {
        return type == 0 || type == 1 || type >= 4 && type <= 6 || uncachedMinus && type == 7;
    }
}
