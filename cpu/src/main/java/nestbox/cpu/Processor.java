package nestbox.cpu;

import nestbox.cpu.apic.ApicBus;
import nestbox.cpu.apic.ApicConfiguration;
import nestbox.cpu.apic.ApicCore;
import nestbox.cpu.apic.LocalApic;
import nestbox.cpu.apic.TscClock;
import nestbox.cpu.core.Bus;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Segment;
import nestbox.cpu.model.CpuModel;
import nestbox.cpu.model.CpuidLeaves;
import nestbox.cpu.model.Topology;
import nestbox.cpu.vmx.FailedEntries;
import nestbox.platform.Clock;
import nestbox.platform.IrqLine;
import nestbox.platform.trace.TraceListener;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.PinControl;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;

/// One logical processor with its local APIC, as a board sees it.
public final class Processor {
    private static final String[] REGISTERS = {
        "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
        "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"
    };
    private static final String[] SEGMENTS = {"ES", "CS", "SS", "DS", "FS", "GS"};

    private final Cpu cpu;
    private final LocalApic apic;
    private final VmxRoot root;

    Processor(
            int number, Bus bus, CpuModel model, Topology topology, ApicBus apicBus, Clock clock) {
        CpuidLeaves leaves = new CpuidLeaves(model, topology, number);
        cpu = new Cpu(number, bus, new ModelFeatures(model, leaves), clock);
        TscClock tsc =
                new TscClock() {
                    @Override
                    public long tsc() {
                        return cpu.tsc.now();
                    }

                    @Override
                    public long nanosAt(long value) {
                        return cpu.tsc.nanosAt(value);
                    }
                };
        apic = new LocalApic(ApicConfiguration.of(leaves, number == 0), apicBus, clock, tsc);
        cpu.apic = new ApicPort(apic);
        cpu.tsc.onWrite(apic::tscChanged);
        apic.connect(new Core());
        root = new VmxRoot(cpu, apic);
        reset();
    }

    /// RESET, then what a PC's firmware leaves in the local APIC.
    public void reset() {
        cpu.reset();
        apic.enterVirtualWireMode();
    }

    /// Puts the processor where a boot loader starts a program.
    public void start(StartState state) {
        cpu.gdtr.set(state.gdt(), state.gdtLimit());
        cpu.idtr.set(0, 0);
        int rights = state.longMode() ? 0xA09B : 0xC09B;
        cpu.segments[Insn.CS].set(state.code(), 0, 0xFFFF_FFFFL, rights);
        for (int number : new int[] {Insn.ES, Insn.SS, Insn.DS, Insn.FS, Insn.GS}) {
            cpu.segments[number].set(state.data(), 0, 0xFFFF_FFFFL, 0xC093);
        }
        cpu.tr.set(0, 0, 0xFFFF, 0x8B);
        cpu.cr0 = ControlBits.CR0_PE | ControlBits.CR0_ET | ControlBits.CR0_NE;
        if (state.longMode()) {
            cpu.cr4 = ControlBits.CR4_PAE;
            cpu.cr3 = state.cr3();
            cpu.efer = ControlBits.EFER_LME | ControlBits.EFER_LMA;
            cpu.cr0 |= ControlBits.CR0_PG | ControlBits.CR0_WP;
        }
        cpu.set64(Cpu.RAX, state.eax());
        cpu.set64(Cpu.RBX, state.ebx());
        cpu.set64(Cpu.RSI, state.rsi());
        cpu.rip(state.entry());
        cpu.mmu.flushAll();
        cpu.stateChanged();
    }

    /// The local APIC, for wiring: LINT0 takes the 8259's request.
    public LocalApic apic() {
        return apic;
    }

    /// Connects FERR#, which a PC leads to IRQ 13.
    public void connectFloatError(IrqLine line) {
        cpu.fpu.connectError(line);
    }

    /// IGNNE#, which a PC asserts on a write to port F0.
    public void ignoreFloatError() {
        cpu.fpu.ignoreError();
    }

    /// Instructions retired since power-on.
    public long executed() {
        return cpu.executed();
    }

    /// The processor brand string, as CPUID has it in leaves 80000002H to 80000004H.
    public String brand() {
        ByteBuffer text = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
        for (int leaf = 0x8000_0002; leaf <= 0x8000_0004; leaf++) {
            for (int part : root.cpuid(leaf, 0)) {
                text.putInt(part);
            }
        }
        return new String(text.array(), StandardCharsets.US_ASCII).replace("\0", "").strip();
    }

    /// Whether a triple fault has shut the processor down. A guest's activity state "shutdown" is
    /// something else: its hypervisor has put it there and waits for a VM exit.
    public boolean isShutDown() {
        return cpu.activity == Activity.SHUTDOWN && !cpu.vmx.isNonRoot();
    }

    public boolean isActive() {
        return cpu.activity == Activity.ACTIVE;
    }

    /// Whether a maskable interrupt could still wake it from a halt.
    public boolean canBeInterrupted() {
        return cpu.activity == Activity.ACTIVE
                || cpu.activity == Activity.HLT
                        && ((cpu.get64(Cpu.FLAGS_REST) & RFlags.IF) != 0
                                || cpu.waiting.isEndedByMaskedInterrupts()
                                || cpu.vmx.on(PinControl.EXTERNAL_INTERRUPT_EXITING));
    }

    /// Why the processor shut down, for the user.
    public String shutdownReason() {
        return cpu.delivery.shutdownReason();
    }

    /// What this processor's guests in VMX non-root operation exited for, and what it took.
    public Map<ExitReason, ExitTally> vmExits() {
        Map<ExitReason, ExitTally> exits = new EnumMap<>(ExitReason.class);
        cpu.vmx.counts.forEach(
                (reason, count, instructions, nanos) ->
                        exits.put(reason, new ExitTally(count, instructions, nanos)));
        return exits;
    }

    /// Which VM entries failed, if any did, and why: the field, what it held, what would have been
    /// accepted, the rule and the section of the manual.
    public Optional<VmEntryFailures> vmEntryFailures() {
        FailedEntries failed = cpu.vmx.failures;
        return failed.notable()
                .map(what -> new VmEntryFailures(cpu.number, failed.count(), failed.nanos(), what));
    }

    /// Tells a listener about VM entries and VM exits from now on, whatever RESET does.
    public void trace(TraceListener listener) {
        cpu.vmx.trace(listener);
    }

    /// VMX root operation, for a hypervisor in Java.
    public VmxRoot vmxRoot() {
        return root;
    }

    /// The A20 gate's position, for address bit 20.
    public void a20(boolean open) {
        cpu.mmu.a20(open);
    }

    public void close() {
        cpu.close();
    }

    Cpu cpu() {
        return cpu;
    }

    /// What the registers hold now: those of a guest in VMX non-root operation while it runs.
    public Registers registers() {
        List<Long> general = new ArrayList<>();
        for (int i = 0; i < REGISTERS.length; i++) {
            general.add(cpu.get64(8 * i));
        }
        return new Registers(
                general, cpu.rip(), cpu.rflags(), cpu.cr0, cpu.cr2, cpu.cr3, cpu.cr4, cpu.efer);
    }

    /// The registers as text, a few lines.
    public String dump() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < REGISTERS.length; i++) {
            text.append("%-3s %016X%s".formatted(REGISTERS[i], cpu.get64(8 * i), separator(i, 4)));
        }
        text.append(
                "RIP %016X  RFLAGS %08X  CPL %d  %s%n"
                        .formatted(cpu.rip(), cpu.rflags(), cpu.cpl, modeName()));
        for (int i = 0; i < SEGMENTS.length; i++) {
            Segment segment = cpu.segments[i];
            text.append(
                    "%s %04X base %016X limit %08X rights %05X%s"
                            .formatted(
                                    SEGMENTS[i],
                                    segment.selector,
                                    segment.base,
                                    segment.limit,
                                    segment.rights,
                                    separator(i, 2)));
        }
        text.append(
                "CR0 %08X  CR2 %016X  CR3 %016X  CR4 %08X  EFER %04X%n"
                        .formatted(cpu.cr0, cpu.cr2, cpu.cr3, cpu.cr4, cpu.efer));
        text.append(
                "GDTR %016X+%04X  IDTR %016X+%04X  TR %04X base %016X%n"
                        .formatted(
                                cpu.gdtr.base,
                                cpu.gdtr.limit,
                                cpu.idtr.base,
                                cpu.idtr.limit,
                                cpu.tr.selector,
                                cpu.tr.base));
        return text.toString();
    }

    private static String separator(int index, int columns) {
        return index % columns == columns - 1 ? System.lineSeparator() : "  ";
    }

    private String modeName() {
        StringJoiner name = new StringJoiner(", ");
        if (!cpu.isProtected()) {
            name.add("real-address mode");
        } else if ((cpu.get64(Cpu.FLAGS_REST) & RFlags.VM) != 0) {
            name.add("virtual-8086 mode");
        } else if (cpu.isLongMode()) {
            name.add(cpu.isLongMode64() ? "64-bit mode" : "compatibility mode");
        } else {
            name.add("protected mode");
        }
        if ((cpu.cr0 & ControlBits.CR0_PG) == 0) {
            name.add("no paging");
        }
        return name.toString();
    }

    /// What the local APIC tells the processor.
    private final class Core implements ApicCore {
        @Override
        public void interruptRequest(boolean asserted) {
            if (asserted) {
                cpu.attention();
            }
        }

        @Override
        public void nmi() {
            cpu.delivery.requestNmi();
        }

        @Override
        public void smi() {
            // There is no system-management mode: as with SMIs disabled in the chipset.
        }

        @Override
        public void init() {
            cpu.delivery.requestInit();
        }

        @Override
        public void startup(int vector) {
            cpu.delivery.requestStartup(vector);
        }

        @Override
        public void apicBaseChanged() {
            cpu.mmu.flushAll();
        }
    }
}
