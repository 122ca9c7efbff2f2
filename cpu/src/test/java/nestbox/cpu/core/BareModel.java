package nestbox.cpu.core;

import nestbox.x86.Cpuid;
import nestbox.x86.Msr;

import java.util.Set;

/// A processor model of nothing but features, which may change while it is in use.
public record BareModel(Set<Cpuid> features) implements Features {
    @Override
    public int physicalAddressBits() {
        return 39;
    }

    @Override
    public int signature() {
        return 0x806E9;
    }

    @Override
    public int[] cpuid(int leaf, int subleaf, Cpu cpu) {
        return new int[4];
    }

    @Override
    public boolean has(Cpuid feature) {
        return features.contains(feature);
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
