package nestbox.conformance.oracle;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Features;
import nestbox.cpu.model.Implemented;
import nestbox.x86.Cpuid;
import nestbox.x86.Msr;

/// A processor model with every feature that is implemented, so that every instruction is tested.
final class OracleModel implements Features {
    @Override
    public int physicalAddressBits() {
        return 40;
    }

    @Override
    public int signature() {
        return 0;
    }

    @Override
    public int[] cpuid(int leaf, int subleaf, Cpu cpu) {
        return new int[4];
    }

    @Override
    public boolean has(Cpuid feature) {
        return Implemented.FEATURES.contains(feature);
    }

    @Override
    public long msr(Msr msr, int number) {
        return 0;
    }

    @Override
    public boolean hasMsr(Msr msr) {
        return false;
    }

    @Override
    public boolean isWritable(Msr msr) {
        return false;
    }

    @Override
    public long miscEnableMask() {
        return 0;
    }

    @Override
    public long tscHertz() {
        return 1_000_000_000;
    }
}
