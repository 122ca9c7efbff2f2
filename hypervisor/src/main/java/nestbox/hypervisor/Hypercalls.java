package nestbox.hypervisor;

import nestbox.cpu.VmxRoot;
import nestbox.hypervisor.emulate.GuestException;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.VmcsField;

/// VMCALL of a virtual machine: what the Service VM can ask of L0. R8 holds the number, RDI and RSI
/// the parameters, RAX gets the result.
final class Hypercalls {
    private static final int RAX = 0;
    private static final int RDI = 7;
    private static final int R8 = 8;
    private static final long FIRST = 0x8000_0000L;
    private static final long API_VERSION = FIRST;
    private static final long INVALID = -22;
    private static final int MAJOR = 1;
    private static final int MINOR = 0;

    private final Vcpu vcpu;
    private final VmxRoot root;

    Hypercalls(Vcpu vcpu) {
        this.vcpu = vcpu;
        root = vcpu.root();
    }

    Resume call() {
        if (!vcpu.vm().plan().vm().isService()) {
            throw GuestException.undefined();
        }
        if (AccessRights.dpl(root.vmread(VmcsField.GUEST_SS_ACCESS_RIGHTS)) != 0) {
            throw GuestException.generalProtection();
        }
        root.register(RAX, result(root.register(R8), root.register(RDI)));
        return Resume.NEXT_INSTRUCTION;
    }

    private long result(long number, long parameter) {
        return number == API_VERSION ? apiVersion(parameter) : INVALID;
    }

    /// Writes the two numbers of the version to a guest-physical address.
    private long apiVersion(long address) {
        boolean aligned = (address & 7) == 0;
        return aligned
                ? vcpu.vm()
                        .memory()
                        .ram(address, 2 * Integer.BYTES)
                        .map(
                                host -> {
                                    vcpu.vm()
                                            .machine()
                                            .memory()
                                            .writeLong(host, (long) MINOR << 32 | MAJOR);
                                    return 0L;
                                })
                        .orElse(INVALID)
                : INVALID;
    }
}
