package nestbox.app.l0;

import nestbox.console.subject.ExitCount;
import nestbox.console.subject.GuestRead;
import nestbox.console.subject.NestedState;
import nestbox.console.subject.Register;
import nestbox.console.subject.ThreadState;
import nestbox.console.subject.Vcpu;
import nestbox.console.subject.VcpuState;
import nestbox.console.subject.VmcsDump;
import nestbox.console.subject.VmcsKind;
import nestbox.cpu.Registers;
import nestbox.hypervisor.LinearRead;
import nestbox.hypervisor.NestedState.ActiveVmcs;
import nestbox.hypervisor.NestedState.Which;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.VmcsField;

import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A vCPU of L0 for the shell.
record VcpuSubject(nestbox.hypervisor.Vcpu vcpu) implements Vcpu {
    @Override
    public int id() {
        return vcpu.id();
    }

    @Override
    public int pcpu() {
        return vcpu.pcpu();
    }

    @Override
    public VcpuState state() {
        return switch (vcpu.state()) {
            case INIT -> VcpuState.INIT;
            case RUNNING -> VcpuState.RUNNING;
            case ZOMBIE -> VcpuState.ZOMBIE;
            case OFFLINE -> VcpuState.OFFLINE;
        };
    }

    /// Every vCPU has its processor to itself, so none waits for one.
    @Override
    public ThreadState thread() {
        return vcpu.isRunning() ? ThreadState.RUNNING : ThreadState.BLOCKED;
    }

    @Override
    public long register(Register register) {
        Registers registers = vcpu.inspection().registers();
        return switch (register) {
            case RIP -> registers.rip();
            case RFLAGS -> registers.rflags();
            case CR0 -> registers.cr0();
            case CR2 -> registers.cr2();
            case CR3 -> registers.cr3();
            case CR4 -> registers.cr4();
            case RAX -> registers.general().get(0);
            case RCX -> registers.general().get(1);
            case RDX -> registers.general().get(2);
            case RBX -> registers.general().get(3);
            case RSP -> registers.general().get(4);
            case RBP -> registers.general().get(5);
            case RSI -> registers.general().get(6);
            case RDI -> registers.general().get(7);
            case R8, R9, R10, R11, R12, R13, R14, R15 ->
                    registers.general().get(8 + register.compareTo(Register.R8));
        };
    }

    @Override
    public GuestRead read(long guestVirtualAddress, int length) {
        return switch (vcpu.inspection().read(guestVirtualAddress, length)) {
            case LinearRead.Bytes(byte[] bytes) -> new GuestRead.Bytes(bytes);
            case LinearRead.Fault(long address) -> new GuestRead.Fault(0, address);
        };
    }

    @Override
    public Optional<NestedState> nested() {
        return vcpu.nestedState().map(VcpuSubject::nested);
    }

    private static NestedState nested(nestbox.hypervisor.NestedState state) {
        Optional<ActiveVmcs> current = state.vmcss().stream().filter(ActiveVmcs::current).findAny();
        return new NestedState(
                state.operating(),
                state.inL2(),
                current.stream().mapToLong(ActiveVmcs::region).findAny(),
                current.stream().mapToLong(ActiveVmcs::eptPointer).findAny(),
                state.vmcss().size(),
                state.shadowPointers(),
                state.entries(),
                sum(state.reflected()));
    }

    private static long sum(Map<ExitReason, Long> counts) {
        return counts.values().stream().mapToLong(Long::longValue).sum();
    }

    @Override
    public Optional<VmcsDump> vmcs(VmcsKind kind) {
        Optional<ActiveVmcs> current =
                vcpu.nestedState().stream()
                        .flatMap(state -> state.vmcss().stream())
                        .filter(ActiveVmcs::current)
                        .findAny();
        return switch (kind) {
            case VMCS01 -> {
                long address = vcpu.inspection().vmcs01();
                yield Optional.of(new VmcsDump(address, vcpu.inspection().contents(address)));
            }
            case VMCS12 -> current.map(vmcs -> new VmcsDump(vmcs.region(), fields(Which.VMCS12)));
            case VMCS02 -> current.map(vmcs -> new VmcsDump(vmcs.region02(), fields(Which.VMCS02)));
        };
    }

    private Map<VmcsField, Long> fields(Which which) {
        return vcpu.fields(which);
    }

    @Override
    public List<ExitCount> exits() {
        Map<ExitReason, Long> ofL1 = vcpu.exits().ofL1();
        Map<ExitReason, Long> ofL2 = vcpu.exits().ofL2();
        Map<ExitReason, Long> reflected =
                vcpu.nestedState().map(nestbox.hypervisor.NestedState::reflected).orElse(Map.of());
        Set<ExitReason> reasons = EnumSet.noneOf(ExitReason.class);
        reasons.addAll(ofL1.keySet());
        reasons.addAll(ofL2.keySet());
        return reasons.stream()
                .map(
                        reason ->
                                new ExitCount(
                                        reason,
                                        ofL1.getOrDefault(reason, 0L),
                                        ofL2.getOrDefault(reason, 0L)
                                                - reflected.getOrDefault(reason, 0L),
                                        reflected.getOrDefault(reason, 0L)))
                .toList();
    }
}
