package nestbox.hypervisor;

import nestbox.cpu.VmxRoot;
import nestbox.scenario.GuestFlag;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.vmx.VmcsField;

/// What CPUID says to a virtual machine: the processor's own answer, without what L0 doesn't pass
/// on, and L0's leaves.
final class CpuidPolicy {
    private static final int FEATURES = 1;
    private static final int EXTENDED_FEATURES = 7;
    private static final int TOPOLOGY = 0xB;
    private static final int FREQUENCY = 0x16;
    private static final int HYPERVISOR = 0x4000_0000;
    private static final int IDENTITY = 0x4000_0001;
    private static final int TIMING = 0x4000_0010;
    private static final int SERVICE_VM = 1;

    // Leaf 1, ECX
    private static final int DTES64 = 1 << 2;
    private static final int MONITOR = 1 << 3;
    private static final int DS_CPL = 1 << 4;
    private static final int VMX = 1 << 5;
    private static final int SMX = 1 << 6;
    private static final int SDBG = 1 << 11;
    private static final int PDCM = 1 << 15;
    private static final int OSXSAVE = 1 << 27;
    private static final int HYPERVISOR_PRESENT = 1 << 31;
    private static final int DS = 1 << 21;
    private static final int MTRR = 1 << 12;

    // Leaf 7, EBX, ECX and EDX
    private static final int HIDDEN_EBX = 1 << 2 | 1 << 12 | 1 << 14 | 1 << 15 | 1 << 25;
    private static final int HIDDEN_ECX = 1 << 7 | 1 << 30;
    private static final int HIDDEN_EDX = 1 << 20;

    /// "ACRNACRNACRN" in EBX, ECX and EDX: guests know the interface by this name.
    private static final int SIGNATURE = 0x4E52_4341;

    private static final long MWAIT_ENABLED = 1 << 18;

    private final boolean nested;
    private final boolean service;
    private final boolean hidesMtrr;
    private final int apicId;

    CpuidPolicy(boolean nested, boolean service, boolean hidesMtrr, int apicId) {
        this.apicId = apicId;
        this.nested = nested;
        this.service = service;
        this.hidesMtrr = hidesMtrr;
    }

    static CpuidPolicy of(Vcpu vcpu) {
        Vm vm = vcpu.vm();
        return new CpuidPolicy(
                vm.has(GuestFlag.NVMX_ENABLED),
                vm.plan().vm().isService(),
                vm.has(GuestFlag.HIDE_MTRR),
                vcpu.apicId());
    }

    /// @return EAX, EBX, ECX and EDX
    int[] answer(VmxRoot root, int leaf, int subleaf) {
        return switch (leaf) {
            case 0 -> {
                int[] answer = root.cpuid(0, 0);
                answer[0] = Math.max(answer[0], FREQUENCY);
                yield answer;
            }
            case FEATURES -> features(root);
            case TOPOLOGY -> {
                int[] answer = root.cpuid(TOPOLOGY, subleaf);
                answer[3] = apicId;
                yield answer;
            }
            case EXTENDED_FEATURES -> extendedFeatures(root, subleaf);
            case FREQUENCY -> frequency(root);
            case 0xA, 0xF, 0x10, 0x14, 0x1B, 0x1F -> new int[4];
            case HYPERVISOR -> new int[] {TIMING, SIGNATURE, SIGNATURE, SIGNATURE};
            case IDENTITY -> new int[] {service ? SERVICE_VM : 0, 0, 0, 0};
            case TIMING -> new int[] {(int) kilohertz(root), 0, 0, 0};
            default -> (leaf & 0xFFFF_FF00) == HYPERVISOR ? new int[4] : root.cpuid(leaf, subleaf);
        };
    }

    private int[] features(VmxRoot root) {
        int[] answer = root.cpuid(FEATURES, 0);
        answer[1] = answer[1] & 0xFF_FFFF | apicId << 24;
        answer[2] &= ~(DTES64 | DS_CPL | SMX | SDBG | PDCM | OSXSAVE);
        if (!nested) {
            answer[2] &= ~VMX;
        }
        long enable = root.readMsr(Msr.IA32_MISC_ENABLE.number()).orElse(0);
        if ((enable & MWAIT_ENABLED) == 0) {
            answer[2] &= ~MONITOR;
        }
        if ((root.vmread(VmcsField.GUEST_CR4) & ControlBits.CR4_OSXSAVE) != 0) {
            answer[2] |= OSXSAVE;
        }
        answer[2] |= HYPERVISOR_PRESENT;
        answer[3] &= ~(DS | (hidesMtrr ? MTRR : 0));
        return answer;
    }

    private static int[] extendedFeatures(VmxRoot root, int subleaf) {
        if (subleaf != 0) {
            return new int[4];
        }
        int[] answer = root.cpuid(EXTENDED_FEATURES, 0);
        answer[0] = 0;
        answer[1] &= ~HIDDEN_EBX;
        answer[2] &= ~HIDDEN_ECX;
        answer[3] &= ~HIDDEN_EDX;
        return answer;
    }

    private static int[] frequency(VmxRoot root) {
        int[] answer = root.cpuid(FREQUENCY, 0);
        if (root.cpuid(0, 0)[0] < FREQUENCY) {
            int megahertz = (int) (kilohertz(root) / 1000);
            return new int[] {megahertz, megahertz, 100, 0};
        }
        return answer;
    }

    /// Of the TSC, from leaf 15H. SDM Vol. 2A, "CPUID".
    private static long kilohertz(VmxRoot root) {
        int[] ratio = root.cpuid(0x15, 0);
        if (ratio[0] == 0) {
            return 0;
        }
        long crystal = Integer.toUnsignedLong(ratio[2]);
        return crystal * Integer.toUnsignedLong(ratio[1]) / Integer.toUnsignedLong(ratio[0]) / 1000;
    }
}
