package nestbox.hypervisor;

import nestbox.cpu.apic.ApicBus;
import nestbox.cpu.apic.ApicCore;
import nestbox.hypervisor.vlapic.VirtualApic;
import nestbox.platform.Mmio;

import java.util.OptionalLong;

/// A local APIC that L0 emulates, of a vCPU that doesn't have its processor's.
final class EmulatedApic implements VcpuApic {
    private static final int END_OF_INTERRUPT = 0xB0;

    private final Vcpu vcpu;
    private final int id;
    private final VirtualApic apic;

    EmulatedApic(Vcpu vcpu, ApicBus bus) {
        this.vcpu = vcpu;
        // A device model numbers the processors of its virtual machine by itself.
        id = vcpu.vm().deviceModel().isPresent() ? vcpu.id() : vcpu.root().apic().id();
        apic =
                new VirtualApic(
                        new VirtualApic.Place(id, vcpu.isBootstrap(), vcpu.root(), () -> 0),
                        bus,
                        vcpu.vm().machine().clock(),
                        new Core());
    }

    int id() {
        return id;
    }

    VirtualApic device() {
        return apic;
    }

    /// An interrupt that came to the processor: none should, since messages of devices and
    /// processors of the virtual machine come to this APIC.
    void dropPhysical() {
        vcpu.root().apic().write(END_OF_INTERRUPT, Integer.BYTES, 0);
    }

    // What the guest does

    @Override
    public long base() {
        return apic.base();
    }

    @Override
    public boolean base(long value) {
        return apic.base(value);
    }

    @Override
    public OptionalLong readMsr(int number) {
        return apic.readMsr(number);
    }

    @Override
    public boolean writeMsr(int number, long value) {
        return apic.writeMsr(number, value);
    }

    @Override
    public long deadline() {
        return apic.deadline();
    }

    @Override
    public void deadline(long tsc) {
        apic.deadline(tsc);
    }

    @Override
    public Mmio page() {
        return apic.page();
    }

    @Override
    public void init() {
        apic.init();
    }

    /// What the APIC tells the vCPU.
    private final class Core implements ApicCore {
        @Override
        public void interruptRequest(boolean asserted) {
            if (asserted) {
                vcpu.kick();
            }
        }

        @Override
        public void nmi() {
            vcpu.signalNmi();
        }

        @Override
        public void smi() {
            // There is no system-management mode.
        }

        @Override
        public void init() {
            vcpu.signalInit();
        }

        @Override
        public void startup(int vector) {
            vcpu.signalStartup(vector);
        }

        @Override
        public void apicBaseChanged() {
            // EPT leaves the page to L0 in every mode.
        }
    }
}
