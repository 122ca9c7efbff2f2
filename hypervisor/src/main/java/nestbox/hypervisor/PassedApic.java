package nestbox.hypervisor;

import nestbox.cpu.apic.ApicBus;
import nestbox.cpu.apic.ApicMode;
import nestbox.cpu.apic.LocalApic;
import nestbox.platform.Mmio;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;

/// A processor's local APIC that is passed through: interrupts reach the guest without L0, and what
/// the guest writes reaches the APIC, but for interprocessor interrupts. These may start and stop
/// processors, which is L0's business, and must not leave the virtual machine.
final class PassedApic implements VcpuApic, Mmio {
    private static final long BASE_BSP = 1 << 8;
    private static final long ADDRESS = -1L << 12;
    private static final int ICR_MSR = 0x830;
    private static final long ID = 0x20;
    private static final long ICR = 0x300;
    private static final long ICR_HIGH = 0x310;
    private static final int FIXED = 0;
    private static final int LOWEST_PRIORITY = 1;
    private static final int NMI = 4;
    private static final int INIT = 5;
    private static final int STARTUP = 6;
    private static final int ASSERT = 1 << 14;
    private static final int LEVEL = 1 << 15;
    private static final int KEPT = 0xC7FF;

    private final Vcpu vcpu;
    private final LocalApic apic;
    private final ApicBus bus;
    private final Consumer<ApicMode> modeChanged;

    /// @param modeChanged told after each successful write to IA32_APIC_BASE
    PassedApic(Vcpu vcpu, LocalApic apic, ApicBus bus, Consumer<ApicMode> modeChanged) {
        this.vcpu = vcpu;
        this.apic = apic;
        this.bus = bus;
        this.modeChanged = modeChanged;
    }

    /// The guest's bootstrap processor need not be the board's.
    @Override
    public long base() {
        return apic.apicBase() & ~BASE_BSP | (vcpu.isBootstrap() ? BASE_BSP : 0);
    }

    /// The page of registers can't move: it is where EPT01 expects it.
    @Override
    public boolean base(long value) {
        long old = apic.apicBase();
        if (((value ^ old) & ADDRESS) != 0) {
            return false;
        }
        boolean done = apic.writeApicBase(value & ~BASE_BSP | old & BASE_BSP);
        modeChanged.accept(apic.mode());
        return done;
    }

    @Override
    public OptionalLong readMsr(int number) {
        long value = apic.readMsr(number);
        return value == LocalApic.FAULT ? OptionalLong.empty() : OptionalLong.of(value);
    }

    @Override
    public boolean writeMsr(int number, long value) {
        if (number == ICR_MSR && apic.mode() == ApicMode.X2APIC) {
            command(value);
            return true;
        }
        return apic.writeMsr(number, value);
    }

    @Override
    public long deadline() {
        return apic.tscDeadline();
    }

    @Override
    public void deadline(long tsc) {
        apic.setTscDeadline(tsc);
    }

    @Override
    public Mmio page() {
        return this;
    }

    @Override
    public void init() {
        apic.init();
    }

    @Override
    public long read(long offset, int size) {
        return apic.mode() == ApicMode.XAPIC ? apic.read(offset, size) : -1;
    }

    @Override
    public void write(long offset, int size, long value) {
        if (apic.mode() != ApicMode.XAPIC) {
            return;
        }
        if (offset == ICR && size >= Integer.BYTES) {
            command(apic.read(ICR_HIGH, Integer.BYTES) << 32 | value & 0xFFFF_FFFFL);
        } else if (offset != ID) {
            // An id that changes would send the board's interrupts elsewhere.
            apic.write(offset, size, value);
        }
    }

    // Interprocessor interrupts

    private void command(long command) {
        List<LocalApic> addressees = bus.addressees(apic, command);
        List<Vcpu> targets = new ArrayList<>();
        for (Vcpu each : vcpu.vm().vcpus()) {
            if (addressees.contains(each.root().apic())) {
                targets.add(each);
            }
        }
        switch ((int) command >>> 8 & 7) {
            case INIT -> {
                if ((command & LEVEL) == 0 || (command & ASSERT) != 0) {
                    targets.forEach(Vcpu::signalInit);
                }
            }
            case STARTUP -> targets.forEach(each -> each.signalStartup((int) command & 0xFF));
            case FIXED, LOWEST_PRIORITY, NMI -> {
                if (targets.size() == addressees.size()) {
                    send(command);
                } else {
                    targets.forEach(each -> send(command & KEPT | destination(each)));
                }
            }
            default -> {}
        }
    }

    private long destination(Vcpu to) {
        return apic.mode() == ApicMode.X2APIC
                ? (long) to.root().apic().id() << 32
                : (long) to.root().apic().id() << 56;
    }

    private void send(long command) {
        if (apic.mode() == ApicMode.X2APIC) {
            apic.writeMsr(ICR_MSR, command);
        } else {
            apic.write(ICR_HIGH, Integer.BYTES, command >>> 32);
            apic.write(ICR, Integer.BYTES, command & 0xFFFF_FFFFL);
        }
    }
}
