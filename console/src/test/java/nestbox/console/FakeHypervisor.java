package nestbox.console;

import nestbox.console.subject.CpuidResult;
import nestbox.console.subject.ExitCount;
import nestbox.console.subject.GuestRead;
import nestbox.console.subject.IoapicPin;
import nestbox.console.subject.IrqCount;
import nestbox.console.subject.LogLevels;
import nestbox.console.subject.NestedState;
import nestbox.console.subject.PassThroughEntry;
import nestbox.console.subject.Register;
import nestbox.console.subject.Subject;
import nestbox.console.subject.ThreadState;
import nestbox.console.subject.Vcpu;
import nestbox.console.subject.VcpuState;
import nestbox.console.subject.Version;
import nestbox.console.subject.Vm;
import nestbox.console.subject.VmState;
import nestbox.console.subject.VmcsDump;
import nestbox.console.subject.VmcsKind;
import nestbox.scenario.LoadOrder;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.UUID;

/// A hypervisor that is nothing but what a test says. Its memory is a page at 0 and one at 1 MiB.
public final class FakeHypervisor implements Subject {
    public static final UUID SERVICE_VM = UUID.fromString("dbbbd434-7a57-4216-a12c-2201f1ab0240");
    public static final int PAGE = 4096;
    public static final long HIGH_PAGE = 0x10_0000;

    public final List<FakeVm> machines = new ArrayList<>();
    public final Map<Long, byte[]> memory =
            new HashMap<>(Map.of(0L, new byte[PAGE], HIGH_PAGE, new byte[PAGE]));
    public final Map<Integer, Long> msrs = new HashMap<>();
    public final List<IrqCount> irqs = new ArrayList<>();
    public final List<PassThroughEntry> passThrough = new ArrayList<>();
    public final List<IoapicPin> ioapic = new ArrayList<>();
    public LogLevels levels = new LogLevels(3, 5, 5);
    public int reboots;

    /// The tutorial's machine: a Service VM with pCPUs 1 to 3.
    public static FakeHypervisor tutorial() {
        FakeHypervisor hypervisor = new FakeHypervisor();
        FakeVm service = new FakeVm(0, "ACRN SOS VM", Optional.of(SERVICE_VM));
        for (int i = 0; i < 3; i++) {
            service.processors.add(new FakeVcpu(i, i + 1));
        }
        hypervisor.machines.add(service);
        return hypervisor;
    }

    public FakeVm service() {
        return machines.getFirst();
    }

    public void quadword(long address, long value) {
        byte[] page = memory.get(address & -PAGE);
        ByteBuffer.wrap(page)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong((int) (address & PAGE - 1), value);
    }

    @Override
    public Version version() {
        return new Version(
                "2.5",
                "2021-06-30 12:00:00",
                "acrn-2021w26.5-180000p",
                true,
                "none",
                "nested",
                "nuc7i5dnhe",
                "someone",
                "",
                1,
                0);
    }

    @Override
    public int vmLimit() {
        return 8;
    }

    @Override
    public int processors() {
        return 4;
    }

    @Override
    public int consoleProcessor() {
        return 0;
    }

    @Override
    public List<Vm> vms() {
        return List.copyOf(machines);
    }

    @Override
    public Optional<byte[]> hostMemory(long address, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            byte[] page = memory.get(address + i & -PAGE);
            if (page == null) {
                return Optional.empty();
            }
            bytes[i] = page[(int) (address + i & PAGE - 1)];
        }
        return Optional.of(bytes);
    }

    @Override
    public List<IrqCount> irqs() {
        return irqs;
    }

    @Override
    public List<PassThroughEntry> passThrough() {
        return passThrough;
    }

    @Override
    public List<IoapicPin> ioapic() {
        return ioapic;
    }

    @Override
    public LogLevels logLevels() {
        return levels;
    }

    @Override
    public void logLevels(LogLevels chosen) {
        levels = chosen;
    }

    @Override
    public CpuidResult cpuid(int pcpu, int leaf, int subleaf) {
        return new CpuidResult(leaf, 0x756E_6547, subleaf, 0xFFFF_FFFF);
    }

    @Override
    public OptionalLong readMsr(int pcpu, int index) {
        Long value = msrs.get(index);
        return value == null ? OptionalLong.empty() : OptionalLong.of(value + pcpu);
    }

    @Override
    public boolean writeMsr(int pcpu, int index, long value) {
        return msrs.replace(index, value) != null;
    }

    @Override
    public void reboot() {
        reboots++;
    }

    /// A VM with fields for everything.
    public static final class FakeVm implements Vm {
        public final List<FakeVcpu> processors = new ArrayList<>();
        public final List<IoapicPin> pins = new ArrayList<>();
        public VmState state = VmState.RUNNING;
        public boolean console = true;
        public Optional<String> elsewhere = Optional.empty();
        public OptionalLong eptPointer = OptionalLong.empty();
        private final int id;
        private final String name;
        private final Optional<UUID> uuid;

        public FakeVm(int id, String name, Optional<UUID> uuid) {
            this.id = id;
            this.name = name;
            this.uuid = uuid;
        }

        @Override
        public int id() {
            return id;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public Optional<UUID> uuid() {
            return uuid;
        }

        @Override
        public VmState state() {
            return state;
        }

        @Override
        public LoadOrder loadOrder() {
            return LoadOrder.SERVICE;
        }

        @Override
        public List<Vcpu> vcpus() {
            return List.copyOf(processors);
        }

        @Override
        public List<IoapicPin> vioapic() {
            return pins;
        }

        @Override
        public boolean hasConsole() {
            return console;
        }

        @Override
        public Optional<String> consoleElsewhere() {
            return elsewhere;
        }

        @Override
        public OptionalLong eptPointer() {
            return eptPointer;
        }
    }

    /// A vCPU whose guest-virtual memory is one page of ascending quadwords at 0xFFFF888000000000.
    public static final class FakeVcpu implements Vcpu {
        public static final long MAPPED = 0xFFFF_8880_0000_0000L;

        public final Map<Register, Long> registers = new EnumMap<>(Register.class);
        public final Map<VmcsKind, VmcsDump> structures = new EnumMap<>(VmcsKind.class);
        public final List<ExitCount> exits = new ArrayList<>();
        public VcpuState state = VcpuState.RUNNING;
        public ThreadState thread = ThreadState.RUNNING;
        public Optional<NestedState> nested = Optional.empty();
        private final int id;
        private final int pcpu;

        public FakeVcpu(int id, int pcpu) {
            this.id = id;
            this.pcpu = pcpu;
        }

        @Override
        public int id() {
            return id;
        }

        @Override
        public int pcpu() {
            return pcpu;
        }

        @Override
        public VcpuState state() {
            return state;
        }

        @Override
        public ThreadState thread() {
            return thread;
        }

        @Override
        public long register(Register register) {
            return registers.getOrDefault(register, 0L);
        }

        @Override
        public GuestRead read(long address, int length) {
            long offset = address - MAPPED;
            if (offset < 0 || offset + length > PAGE) {
                long mappedEnd = MAPPED + PAGE;
                return new GuestRead.Fault(0, offset >= 0 && offset < PAGE ? mappedEnd : address);
            }
            ByteBuffer page = ByteBuffer.allocate(PAGE).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < PAGE / Long.BYTES; i++) {
                page.putLong(i);
            }
            byte[] bytes = new byte[length];
            page.get((int) offset, bytes);
            return new GuestRead.Bytes(bytes);
        }

        @Override
        public Optional<NestedState> nested() {
            return nested;
        }

        @Override
        public Optional<VmcsDump> vmcs(VmcsKind kind) {
            return Optional.ofNullable(structures.get(kind));
        }

        @Override
        public List<ExitCount> exits() {
            return exits;
        }
    }

    /// A shell on this hypervisor, as a terminal sees it.
    public static final class Terminal {
        public final StringBuilder shown = new StringBuilder();
        public final Shell shell;

        public Terminal(Subject subject) {
            shell = new Shell(subject, shown::append);
        }

        public OptionalInt type(String text) {
            OptionalInt console = OptionalInt.empty();
            for (int i = 0; i < text.length(); i++) {
                console = shell.type((byte) text.charAt(i));
            }
            return console;
        }
    }
}
