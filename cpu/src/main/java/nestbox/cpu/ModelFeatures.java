package nestbox.cpu;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Features;
import nestbox.cpu.model.CpuModel;
import nestbox.cpu.model.CpuidLeaves;
import nestbox.cpu.model.CpuidState;
import nestbox.cpu.model.VmxSilicon;
import nestbox.x86.Cpuid;
import nestbox.x86.Msr;

import java.util.Optional;

/// A processor model as the processor asks it.
final class ModelFeatures implements Features {
    /// Fast strings, thermal control, SpeedStep, MONITOR, limit CPUID, xTPR disable, XD disable.
    private static final long MISC_ENABLE =
            1 | 1 << 3 | 1 << 7 | 1 << 11 | 1 << 12 | 1 << 16 | 1 << 18 | 1 << 22 | 1 << 23
                    | 1L << 34 | 1L << 38;

    private final CpuModel model;
    private final CpuidLeaves leaves;

    ModelFeatures(CpuModel model, CpuidLeaves leaves) {
        this.model = model;
        this.leaves = leaves;
    }

    @Override
    public int physicalAddressBits() {
        return model.addressWidths().physical();
    }

    @Override
    public int signature() {
        return model.identity().signature();
    }

    @Override
    public int[] cpuid(int leaf, int subleaf, Cpu cpu) {
        return leaves.read(leaf, subleaf, new State(cpu));
    }

    @Override
    public Optional<VmxSilicon> vmx() {
        return has(Cpuid.VMX) ? Optional.of(model.vmx()) : Optional.empty();
    }

    @Override
    public boolean has(Cpuid feature) {
        return leaves.has(feature);
    }

    @Override
    public long msr(Msr msr, int number) {
        return model.msr(msr);
    }

    @Override
    public boolean hasMsr(Msr msr) {
        return model.msrs().containsKey(msr);
    }

    @Override
    public boolean isWritable(Msr msr) {
        return false;
    }

    @Override
    public long miscEnableMask() {
        return MISC_ENABLE;
    }

    @Override
    public long tscHertz() {
        CpuModel.Clocks clocks = model.clocks();
        return (long) clocks.crystalHertz() * clocks.numerator() / clocks.denominator();
    }

    private record State(Cpu cpu) implements CpuidState {
        @Override
        public long cr4() {
            return cpu.cr4;
        }

        @Override
        public long xcr0() {
            return cpu.xcr0;
        }

        @Override
        public long xss() {
            return cpu.msrs.xss();
        }

        @Override
        public long miscEnable() {
            return cpu.msrs.read(Msr.IA32_MISC_ENABLE.number());
        }

        @Override
        public boolean apicEnabled() {
            return (cpu.apic.base() & 1 << 11) != 0;
        }

        @Override
        public boolean in64BitMode() {
            return cpu.isLongMode64();
        }
    }
}
