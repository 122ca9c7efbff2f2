package nestbox.cpu.model;

import nestbox.platform.Frequency;
import nestbox.x86.Cpuid;
import nestbox.x86.Msr;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A processor as its data sheet describes it: who it says it is, what it can do, what its
/// registers hold after reset.
///
/// It is data only. [CpuidLeaves] turns it into the answers of one processor's CPUID, reduced to
/// what is implemented.
///
/// @param name by which users choose it
/// @param features what the silicon has, whether implemented here or not
/// @param caches in the order of the subleaves of CPUID leaf 4
/// @param descriptors EAX, EBX, ECX and EDX of CPUID leaf 2
/// @param mwaitSubstates EDX of CPUID leaf 5: sub-states of each C-state for MWAIT
/// @param msrs what model-specific registers hold after reset and a boot firmware's lock; a
///     register that is not listed starts as zero
/// @param vmx virtual-machine extensions
public record CpuModel(
        String name,
        Identity identity,
        Set<Cpuid> features,
        Clocks clocks,
        AddressWidths addressWidths,
        List<Cache> caches,
        List<Integer> descriptors,
        int mwaitSubstates,
        int maxBasicLeaf,
        Map<Msr, Long> msrs,
        VmxSilicon vmx) {

    /// CPUID leaves 0, 1 and 0x80000002–4, and the loaded microcode.
    ///
    /// @param family as software computes it, with the extended family added
    /// @param model as software computes it, with the extended model
    public record Identity(
            String vendor, String brand, int family, int model, int stepping, int microcode) {
        /// EAX of CPUID leaf 1.
        public int signature() {
            int baseFamily = Math.min(family, 0xF);
            return family - baseFamily << 20
                    | model >> 4 << 16
                    | baseFamily << 8
                    | (model & 0xF) << 4
                    | stepping;
        }
    }

    /// CPUID leaves 0x15 and 0x16. The TSC runs at `crystalHertz * numerator / denominator`.
    public record Clocks(
            int crystalHertz,
            int numerator,
            int denominator,
            int baseMegahertz,
            int maxMegahertz,
            int busMegahertz) {
        /// Rate of the core crystal, which also drives the timers of the local APICs.
        public Frequency crystal() {
            return new Frequency(crystalHertz);
        }

        public Frequency tsc() {
            return new Frequency((long) crystalHertz * numerator / denominator);
        }
    }

    /// CPUID leaf 0x80000008.
    public record AddressWidths(int physical, int linear) {}

    public CpuModel {
        features = Set.copyOf(features);
        caches = List.copyOf(caches);
        descriptors = List.copyOf(descriptors);
        msrs = Map.copyOf(msrs);
    }

    /// What a model-specific register holds after reset.
    public long msr(Msr msr) {
        return msrs.getOrDefault(msr, 0L);
    }

    public static CpuModel kabylake() {
        return Models.KABYLAKE;
    }

    public static CpuModel server() {
        return Models.SERVER;
    }

    /// All models, the default first.
    public static List<CpuModel> all() {
        return List.of(kabylake(), server());
    }

    public static Optional<CpuModel> named(String name) {
        return all().stream().filter(model -> model.name.equals(name)).findFirst();
    }

    @Override
    public String toString() {
        return name + Arrays.asList(identity.brand);
    }
}
