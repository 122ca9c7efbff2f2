package nestbox.hypervisor.nested;

import nestbox.cpu.VmxRoot;
import nestbox.hypervisor.NestedState;
import nestbox.hypervisor.NestedState.ActiveVmcs;
import nestbox.hypervisor.NestedState.EptStep;
import nestbox.hypervisor.NestedState.Which;
import nestbox.x86.vmx.EptPointer;
import nestbox.x86.vmx.VmcsField;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Looks into a vCPU's VMX operation. Which VMCS is current is the same before and after.
final class Inspection {
    private final Operation operation;
    private final VmxRoot root;

    Inspection(Operation operation) {
        this.operation = operation;
        root = operation.root();
    }

    NestedState state() {
        Counters counters = operation.counters();
        ShadowEpt shadow = operation.shadowEpt();
        return new NestedState(
                operation.isOperating(),
                operation.isInL2(),
                operation.vmxonPointer(),
                operation.cache().all().stream().map(this::active).toList(),
                shadow.pointers(),
                shadow.pages(),
                shadow.fills(),
                counters.entries(),
                counters.failedEntries(),
                counters.instructions(),
                counters.reflected(),
                counters.handled());
    }

    private ActiveVmcs active(Vmcs12 vmcs) {
        return new ActiveVmcs(
                vmcs.region(),
                vmcs.page02(),
                vmcs.read(VmcsField.EPT_POINTER),
                operation.current().filter(current -> current == vmcs).isPresent(),
                vmcs.isLaunched(),
                vmcs.isShadow());
    }

    /// The fields of one of the VMCSs; for VMCS12 and VMCS02 of the current one.
    ///
    /// @return nothing if there isn't one
    Map<VmcsField, Long> fields(Which which) {
        Optional<Vmcs12> vmcs = operation.current();
        if (which != Which.VMCS01 && vmcs.isEmpty()) {
            return Map.of();
        }
        long before = root.vmptrst();
        root.vmptrld(which == Which.VMCS01 ? operation.parent().vmcs01() : vmcs.get().page02());
        Map<VmcsField, Long> fields = new EnumMap<>(VmcsField.class);
        for (VmcsField field : VmcsField.values()) {
            boolean there =
                    which == Which.VMCS12
                            ? operation.capabilities().has(field)
                            : root.capabilities().has(field);
            if (there) {
                boolean ours = which == Which.VMCS12 && isIn12(field);
                fields.put(field, ours ? vmcs.get().read(field) : root.vmread(field));
            }
        }
        root.vmptrld(before);
        return fields;
    }

    private boolean isIn12(VmcsField field) {
        return switch (MergeRule.of(field).place()) {
            case KEPT, ABSENT -> true;
            case LENT -> operation.isInL2();
            case SHARED -> false;
        };
    }

    /// L1's EPT entries for an address of L2.
    List<EptStep> walk(long l2Physical) {
        return operation
                .current()
                .map(vmcs -> EptPointer.of(vmcs.read(VmcsField.EPT_POINTER)))
                .map(pointer -> operation.walk().steps(pointer, l2Physical))
                .orElse(List.of());
    }
}
