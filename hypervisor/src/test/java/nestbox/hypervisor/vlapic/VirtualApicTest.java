package nestbox.hypervisor.vlapic;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.Processors;
import nestbox.cpu.apic.ApicBus;
import nestbox.cpu.apic.ApicCore;
import nestbox.cpu.model.CpuModel;
import nestbox.hypervisor.vlapic.VirtualChipset.Contents;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/// Two vCPUs of a virtual machine, with interrupt controllers and timers of its own.
class VirtualApicTest {
    private static final long ENABLED = 0x1FF;
    private static final int EOI = 0xB0;
    private static final int SVR = 0xF0;
    private static final int ICR = 0x300;
    private static final int ICR_HIGH = 0x310;
    private static final int LVT_TIMER = 0x320;
    private static final int ICR_MSR = 0x830;
    private static final int TSC_DEADLINE = 2 << 17;
    private static final long X2APIC = 1 << 10;
    private static final long IOAPIC = 0xFEC0_0000L;

    private static final class Core implements ApicCore {
        final List<String> events = new ArrayList<>();
        boolean requested;

        @Override
        public void interruptRequest(boolean asserted) {
            requested = asserted;
        }

        @Override
        public void nmi() {
            events.add("nmi");
        }

        @Override
        public void smi() {
            events.add("smi");
        }

        @Override
        public void init() {
            events.add("init");
        }

        @Override
        public void startup(int vector) {
            events.add("startup " + vector);
        }

        @Override
        public void apicBaseChanged() {}
    }

    private final GuestMemory memory = new GuestMemory(1 << 20);
    private final VirtualClock clock = new VirtualClock();
    private final Processors processors =
            new Processors(2, CpuModel.server(), memory, new MmioSpace(), new PortSpace(), clock);
    private final ApicBus bus = new ApicBus();
    private final List<Core> cores = List.of(new Core(), new Core());
    private final List<VirtualApic> apics = List.of(apic(0), apic(1));
    private final PortSpace ports = new PortSpace();
    private final MmioSpace mmio = new MmioSpace();
    private final VirtualChipset chipset =
            new VirtualChipset(
                    clock, bus, apics.getFirst(), new Contents(Instant.EPOCH, 64 << 20, 0));
    private long tscOffset;

    private VirtualApic apic(int id) {
        VirtualApic.Place place =
                new VirtualApic.Place(
                        id, id == 0, processors.all().get(id).vmxRoot(), () -> tscOffset);
        return new VirtualApic(place, bus, clock, cores.get(id));
    }

    @BeforeEach
    void powerOn() {
        processors.reset();
        apics.forEach(VirtualApic::reset);
        chipset.map(ports::map, mmio);
        chipset.reset();
        apics.forEach(apic -> apic.page().write(SVR, 4, ENABLED));
    }

    @AfterEach
    void close() {
        processors.close();
        memory.close();
    }

    private VirtualApic first() {
        return apics.getFirst();
    }

    private VirtualApic second() {
        return apics.getLast();
    }

    private void redirect(int pin, long entry) {
        for (int half = 0; half < 2; half++) {
            mmio.write(IOAPIC, 4, 0x10 + 2 * pin + half);
            mmio.write(IOAPIC + 0x10, 4, entry >>> 32 * half & 0xFFFF_FFFFL);
        }
    }

    @Test
    void interruptsBetweenVcpus() {
        first().page().write(ICR_HIGH, 4, 1L << 24);
        first().page().write(ICR, 4, 0x55);
        assertThat(cores.getLast().requested).isTrue();
        assertThat(cores.getFirst().requested).isFalse();
        assertThat(second().acknowledge()).isEqualTo(0x55);
        assertThat(second().isPending()).isFalse();
        first().page().write(ICR, 4, 0x500);
        first().page().write(ICR, 4, 0x608);
        first().page().write(ICR, 4, 0x400);
        assertThat(cores.getLast().events).containsExactly("init", "startup 8", "nmi");
    }

    @Test
    void registersOfX2apicMode() {
        assertThat(second().readMsr(0x802)).isEmpty();
        assertThat(second().base(second().base() | X2APIC)).isTrue();
        assertThat(second().readMsr(0x802)).hasValue(1);
        assertThat(second().readMsr(0x830)).isPresent();
        assertThat(second().page().read(SVR, 4)).isEqualTo(-1);
        assertThat(second().writeMsr(ICR_MSR, 0x66L)).isTrue();
        assertThat(cores.getFirst().requested).isTrue();
        assertThat(first().acknowledge()).isEqualTo(0x66);
        assertThat(second().writeMsr(0x802, 5)).isFalse();
    }

    @Test
    void thePageOfRegistersStays() {
        assertThat(first().base(first().base() + 0x1000)).isFalse();
        assertThat(first().base() & -0x1000).isEqualTo(0xFEE0_0000L);
        assertThat(first().base() & 1 << 8).as("bootstrap").isNotZero();
        assertThat(second().base() & 1 << 8).isZero();
    }

    @Test
    void priorityHoldsBack() {
        first().taskPriority(5);
        first().post(0x51, false);
        assertThat(first().isPending()).isFalse();
        assertThat(cores.getFirst().requested).isFalse();
        first().post(0x61, false);
        assertThat(first().acknowledge()).isEqualTo(0x61);
        first().page().write(EOI, 4, 0);
        first().taskPriority(4);
        assertThat(cores.getFirst().requested).isTrue();
        assertThat(first().acknowledge()).isEqualTo(0x51);
    }

    /// The deadline is one of the guest's counter.
    @Test
    void theTimerCountsTheGuestsTsc() {
        tscOffset = -processors.bootstrap().vmxRoot().tsc() + 1_000_000;
        first().tscChanged();
        first().page().write(LVT_TIMER, 4, TSC_DEADLINE | 0x40);
        long hertz = tscHertz();
        first().deadline(1_000_000 + hertz / 1000);
        long start = clock.nanos();
        clock.advanceTo(start + 999_999);
        assertThat(first().isPending()).isFalse();
        clock.advanceTo(start + 1_000_001);
        assertThat(first().acknowledge()).isEqualTo(0x40);
        assertThat(first().deadline()).isZero();
        first().deadline(-1);
        clock.advanceTo(start + 1_000_000_000_000L);
        assertThat(first().isPending()).as("the end of time is far away").isFalse();
    }

    private long tscHertz() {
        int[] leaf = processors.bootstrap().vmxRoot().cpuid(0x15, 0);
        return (long) leaf[2] * leaf[1] / leaf[0];
    }

    @Test
    void devicesReachBothVcpus() {
        redirect(4, 0x31);
        redirect(3, 0x32 | 1L << 56);
        chipset.isaIrq(4).pulse();
        chipset.isaIrq(3).pulse();
        assertThat(first().acknowledge()).isEqualTo(0x31);
        assertThat(second().acknowledge()).isEqualTo(0x32);
    }

    @Test
    void aLevelComesAgainAfterItsEnd() {
        redirect(9, 0x39 | 1 << 15);
        var line = chipset.isaIrq(9);
        line.set(true);
        assertThat(first().acknowledge()).isEqualTo(0x39);
        assertThat(first().isPending()).isFalse();
        first().page().write(EOI, 4, 0);
        assertThat(first().acknowledge()).isEqualTo(0x39);
        line.set(false);
        first().page().write(EOI, 4, 0);
        assertThat(first().isPending()).isFalse();
    }

    /// As after power-on, when the 8259A pair delivers through LINT0.
    @Test
    void theTimerOfThePcInterrupts() {
        ports.write(0x43, 1, 0x34);
        ports.write(0x40, 1, 0xA9);
        ports.write(0x40, 1, 0x04);
        ports.write(0x20, 1, 0x11);
        ports.write(0x21, 1, 0x20);
        ports.write(0x21, 1, 4);
        ports.write(0x21, 1, 1);
        ports.write(0x21, 1, 0xFE);
        assertThat(first().isPending()).isFalse();
        clock.advanceTo(clock.nanos() + 1_100_000);
        assertThat(cores.getFirst().requested).isTrue();
        assertThat(first().acknowledge()).isEqualTo(0x20);
        assertThat(first().isPending()).isFalse();
    }

    @Test
    void theClockTellsTheTime() {
        clock.advanceTo(clock.nanos() + 3_000_000_000L);
        ports.write(0x70, 1, 9);
        assertThat(ports.read(0x71, 1)).as("1970, in BCD").isEqualTo(0x70);
        ports.write(0x70, 1, 0x34);
        int low = ports.read(0x71, 1);
        ports.write(0x70, 1, 0x35);
        assertThat(low | ports.read(0x71, 1) << 8).as("64 KiB above 16 MiB").isEqualTo(0x300);
    }
}
