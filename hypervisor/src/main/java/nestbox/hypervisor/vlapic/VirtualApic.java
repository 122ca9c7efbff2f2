package nestbox.hypervisor.vlapic;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.apic.ApicBus;
import nestbox.cpu.apic.ApicConfiguration;
import nestbox.cpu.apic.ApicCore;
import nestbox.cpu.apic.ApicMode;
import nestbox.cpu.apic.LocalApic;
import nestbox.platform.Clock;
import nestbox.platform.IrqLine;
import nestbox.platform.Mmio;

import java.util.OptionalLong;
import java.util.function.LongSupplier;

/// The local APIC of a vCPU that doesn't have its processor's: another one like it, on a bus of the
/// virtual machine's own.
///
/// The vCPU hears of interrupts as [ApicCore], takes them with [#acknowledge] when its guest can be
/// interrupted, and brings the guest's accesses here.
public final class VirtualApic implements Mmio {
    private static final long ADDRESS = -1L << 12;
    private static final int ADDRESS_WIDTHS_LEAF = 0x8000_0008;
    private static final long MESSAGE_WINDOW = 0xFEE0_0000L;
    private static final int DESTINATION = 12;
    private static final int LEVEL = 3 << 14;

    private final LocalApic apic;
    private final ApicBus bus;

    /// What it belongs to.
    ///
    /// @param id APIC id, which is also what CPUID has to say
    /// @param root of the processor that runs the vCPU
    /// @param tscOffset what the guest's TSC is ahead of the processor's
    public record Place(int id, boolean bootstrap, VmxRoot root, LongSupplier tscOffset) {
        private ApicConfiguration configuration() {
            int physicalBits = root.cpuid(ADDRESS_WIDTHS_LEAF, 0)[0] & 0xFF;
            return new ApicConfiguration(
                    id, bootstrap, physicalBits, GuestTsc.crystal(root), true, true, true, false);
        }
    }

    /// @param bus of the virtual machine
    /// @param clock of the board
    /// @param vcpu what is told; its calls may come while any guest runs
    public VirtualApic(Place place, ApicBus bus, Clock clock, ApicCore vcpu) {
        GuestTsc tsc = new GuestTsc(place.root, clock, place.tscOffset);
        apic = new LocalApic(place.configuration(), bus, clock, tsc);
        this.bus = bus;
        apic.connect(vcpu);
    }

    // Interrupts

    /// Whether there is an interrupt that a guest with open interrupts would take now.
    public boolean isPending() {
        return apic.highestPending() >= 0 || apic.extIntPending();
    }

    /// Takes the interrupt, which is in service from now on.
    ///
    /// @return its vector
    public int acknowledge() {
        return apic.highestPending() >= 0 ? apic.acknowledge() : apic.acknowledgeExtInt();
    }

    /// An interrupt for this vCPU that its processor has taken.
    public void post(int vector, boolean level) {
        bus.message(MESSAGE_WINDOW | (long) apic.id() << DESTINATION, vector | (level ? LEVEL : 0));
    }

    /// Where the 8259A pair of the virtual machine is connected, if this is its bootstrap
    /// processor.
    public IrqLine lint0() {
        return apic.lint0();
    }

    /// Where NMIs of the virtual machine's devices come in.
    public IrqLine lint1() {
        return apic.lint1();
    }

    // Accesses

    /// CR8.
    public int taskPriority() {
        return apic.taskPriority();
    }

    public void taskPriority(int value) {
        apic.setTaskPriority(value);
    }

    /// RDMSR of IA32_APIC_BASE.
    public long base() {
        return apic.apicBase();
    }

    /// WRMSR to IA32_APIC_BASE. The page of registers can't move: it is where EPT expects it.
    ///
    /// @return false where it is #GP
    public boolean base(long value) {
        return ((value ^ apic.apicBase()) & ADDRESS) == 0 && apic.writeApicBase(value);
    }

    /// RDMSR of 0x800 to 0x8FF.
    ///
    /// @return nothing where it is #GP
    public OptionalLong readMsr(int number) {
        long value = apic.readMsr(number);
        return value == LocalApic.FAULT ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /// WRMSR to 0x800 to 0x8FF.
    ///
    /// @return false where it is #GP
    public boolean writeMsr(int number, long value) {
        return apic.writeMsr(number, value);
    }

    /// RDMSR of IA32_TSC_DEADLINE.
    public long deadline() {
        return apic.tscDeadline();
    }

    /// WRMSR to IA32_TSC_DEADLINE.
    public void deadline(long tsc) {
        apic.setTscDeadline(tsc);
    }

    /// To be called when the offset of the guest's TSC has changed.
    public void tscChanged() {
        apic.tscChanged();
    }

    /// The page of registers, which is open in xAPIC mode only.
    public Mmio page() {
        return this;
    }

    @Override
    public long read(long offset, int size) {
        return apic.mode() == ApicMode.XAPIC ? apic.read(offset, size) : -1;
    }

    @Override
    public void write(long offset, int size, long value) {
        if (apic.mode() == ApicMode.XAPIC) {
            apic.write(offset, size, value);
        }
    }

    // Resets

    /// As after INIT.
    public void init() {
        apic.init();
    }

    /// As after power-on, and then as firmware leaves it.
    public void reset() {
        apic.reset();
        apic.enterVirtualWireMode();
    }
}
