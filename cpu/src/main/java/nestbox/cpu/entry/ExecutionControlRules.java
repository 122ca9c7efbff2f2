package nestbox.cpu.entry;

import static nestbox.x86.vmx.EptVpidCapability.*;
import static nestbox.x86.vmx.PinControl.*;
import static nestbox.x86.vmx.PrimaryControl.*;
import static nestbox.x86.vmx.SecondaryControl.*;
import static nestbox.x86.vmx.TertiaryControl.*;
import static nestbox.x86.vmx.VmcsField.*;

import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.EptPointer;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.VmFunctionControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

import java.util.List;
import java.util.StringJoiner;
import java.util.function.Predicate;

/// SDM Vol. 3C, "VM-Execution Control Fields".
public final class ExecutionControlRules {
    private static final int PAGE = 12;
    private static final int VTPR = 0x80;
    private static final int UNCACHEABLE_TYPE = 0;
    private static final int WRITE_BACK_TYPE = 6;

    /// PWT and PCD of the HLAT pointer.
    private static final long HLAT_CACHING = 0x18;

    private final RuleList list = new RuleList(EntryRule.Stage.CONTROLS);

    private ExecutionControlRules() {
        list.section("VM-Execution Control Fields");
        words();
        bitmaps();
        tprShadow();
        events();
        apicVirtualization();
        ept();
        eptFeatures();
    }

    static List<EntryRule> rules() {
        return new ExecutionControlRules().list.rules();
    }

    /// The settings that the capability registers allow.
    static void settings(RuleList list, String id, ControlWord word) {
        list.rule(
                id,
                word.field(),
                state -> describe(state, word),
                state ->
                        !state.isActive(word)
                                || isAllowed(
                                        state.get(word.field()),
                                        state.capabilities().allowed0(word),
                                        state.capabilities().allowed1(word)));
    }

    static boolean isAllowed(long value, long mustBe1, long mayBe1) {
        return (value & mustBe1) == mustBe1 && (value & ~mayBe1) == 0;
    }

    private static String describe(EntryState state, ControlWord word) {
        long value = state.get(word.field());
        long missing = state.capabilities().allowed0(word) & ~value;
        long excess = value & ~state.capabilities().allowed1(word);
        StringJoiner text = new StringJoiner("; ");
        if (missing != 0) {
            text.add("bits 0x%X must be 1".formatted(missing));
        }
        if (excess != 0) {
            text.add("bits 0x%X must be 0 on this processor".formatted(excess));
            for (VmxControl control : word.controls()) {
                if ((excess & control.mask()) != 0) {
                    text.add("there is no \"%s\"".formatted(control.title()));
                }
            }
        }
        return text.toString();
    }

    private void words() {
        settings(list, "controls.pin.allowed", ControlWord.PIN_BASED);
        settings(list, "controls.primary.allowed", ControlWord.PRIMARY);
        settings(list, "controls.secondary.allowed", ControlWord.SECONDARY);
        settings(list, "controls.tertiary.allowed", ControlWord.TERTIARY);
        list.rule(
                "controls.cr3-targets.count",
                CR3_TARGET_COUNT,
                state -> "up to %d".formatted(state.capabilities().cr3Targets()),
                state -> state.get(CR3_TARGET_COUNT) <= state.capabilities().cr3Targets());
    }

    /// A field must hold the address of a page if a control is 1.
    private void page(String id, VmcsField field, VmxControl control) {
        list.rule(
                id,
                field,
                state -> pageText(state, control),
                state -> state.off(control) || state.isPhysical(field, PAGE));
    }

    private static String pageText(EntryState state, VmxControl control) {
        return "a multiple of 0x1000 below 1 << %d, because \"%s\" is 1"
                .formatted(state.facts().physicalAddressBits(), control.title());
    }

    /// A control may be 1 only if another is.
    private void needs(String id, VmxControl control, VmxControl other) {
        list.rule(
                id,
                control.word().field(),
                "\"%s\" needs \"%s\"".formatted(control.title(), other.title()),
                state -> state.off(control) || state.on(other));
    }

    /// A control may be 1 only if another is 0.
    private void excludes(String id, VmxControl control, VmxControl other) {
        list.rule(
                id,
                control.word().field(),
                "\"%s\" and \"%s\" aren't both 1".formatted(control.title(), other.title()),
                state -> state.off(control) || state.off(other));
    }

    private void bitmaps() {
        page("controls.io-bitmap-a.address", IO_BITMAP_A, USE_IO_BITMAPS);
        page("controls.io-bitmap-b.address", IO_BITMAP_B, USE_IO_BITMAPS);
        page("controls.msr-bitmaps.address", MSR_BITMAPS, USE_MSR_BITMAPS);
    }

    private void tprShadow() {
        page("controls.virtual-apic.address", VIRTUAL_APIC_ADDRESS, USE_TPR_SHADOW);
        Predicate<EntryState> counts =
                state -> state.on(USE_TPR_SHADOW) && state.off(VIRTUAL_INTERRUPT_DELIVERY);
        list.rule(
                "controls.tpr-threshold.reserved",
                VmcsField.TPR_THRESHOLD,
                "0 to 15",
                state -> !counts.test(state) || state.get(VmcsField.TPR_THRESHOLD) >>> 4 == 0);
        list.rule(
                "controls.tpr-threshold.vtpr",
                VmcsField.TPR_THRESHOLD,
                state -> "up to bits 7:4 of VTPR, which are %d".formatted(taskPriorityClass(state)),
                state ->
                        !counts.test(state)
                                || state.on(VIRTUALIZE_APIC_ACCESSES)
                                || (state.get(VmcsField.TPR_THRESHOLD) & 0xF)
                                        <= taskPriorityClass(state));
    }

    private static long taskPriorityClass(EntryState state) {
        long register = state.get(VIRTUAL_APIC_ADDRESS) + VTPR;
        return state.facts().readPhysical(register, 4) >>> 4 & 0xF;
    }

    private void events() {
        needs("controls.virtual-nmis.nmi-exiting", VIRTUAL_NMIS, NMI_EXITING);
        needs("controls.nmi-window.virtual-nmis", NMI_WINDOW_EXITING, VIRTUAL_NMIS);
    }

    private void apicVirtualization() {
        page("controls.apic-access.address", APIC_ACCESS_ADDRESS, VIRTUALIZE_APIC_ACCESSES);
        needs("controls.x2apic.tpr-shadow", VIRTUALIZE_X2APIC_MODE, USE_TPR_SHADOW);
        needs("controls.apic-registers.tpr-shadow", APIC_REGISTER_VIRTUALIZATION, USE_TPR_SHADOW);
        needs("controls.interrupt-delivery.tpr-shadow", VIRTUAL_INTERRUPT_DELIVERY, USE_TPR_SHADOW);
        excludes("controls.x2apic.apic-accesses", VIRTUALIZE_X2APIC_MODE, VIRTUALIZE_APIC_ACCESSES);
        needs(
                "controls.interrupt-delivery.external-interrupts",
                VIRTUAL_INTERRUPT_DELIVERY,
                EXTERNAL_INTERRUPT_EXITING);
        needs(
                "controls.posted.interrupt-delivery",
                PROCESS_POSTED_INTERRUPTS,
                VIRTUAL_INTERRUPT_DELIVERY);
        needs(
                "controls.posted.acknowledge",
                PROCESS_POSTED_INTERRUPTS,
                ExitControl.ACKNOWLEDGE_INTERRUPT);
        list.rule(
                "controls.posted.vector",
                POSTED_INTERRUPT_NOTIFICATION_VECTOR,
                "0 to 255",
                state ->
                        state.off(PROCESS_POSTED_INTERRUPTS)
                                || state.get(POSTED_INTERRUPT_NOTIFICATION_VECTOR) <= 0xFF);
        list.rule(
                "controls.posted.descriptor",
                POSTED_INTERRUPT_DESCRIPTOR_ADDRESS,
                state ->
                        "a multiple of 64 below 1 << %d"
                                .formatted(state.facts().physicalAddressBits()),
                state ->
                        state.off(PROCESS_POSTED_INTERRUPTS)
                                || state.isPhysical(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, 6));
        interprocessorInterrupts();
        list.rule(
                "controls.vpid.zero",
                VIRTUAL_PROCESSOR_IDENTIFIER,
                "any but 0, because \"enable VPID\" is 1",
                state -> state.off(ENABLE_VPID) || state.get(VIRTUAL_PROCESSOR_IDENTIFIER) != 0);
    }

    private void interprocessorInterrupts() {
        needs("controls.ipi.tpr-shadow", IPI_VIRTUALIZATION, USE_TPR_SHADOW);
        list.rule(
                "controls.ipi.table",
                PID_POINTER_TABLE_ADDRESS,
                state -> "a multiple of 8 below 1 << %d".formatted(bits(state)),
                state ->
                        state.off(IPI_VIRTUALIZATION)
                                || state.isPhysical(PID_POINTER_TABLE_ADDRESS, 3));
        list.rule(
                "controls.ipi.last",
                LAST_PID_POINTER_INDEX,
                state -> "one whose entry is below 1 << %d".formatted(bits(state)),
                state ->
                        state.off(IPI_VIRTUALIZATION)
                                || state.fitsPhysical(
                                        state.get(PID_POINTER_TABLE_ADDRESS)
                                                + 8 * state.get(LAST_PID_POINTER_INDEX)));
    }

    private static int bits(EntryState state) {
        return state.facts().physicalAddressBits();
    }

    private void ept() {
        eptRule(
                "controls.eptp.memory-type",
                "bits 2:0 0 (uncacheable) or 6 (write-back)",
                ExecutionControlRules::hasMemoryType);
        eptRule(
                "controls.eptp.walk-length",
                "bits 5:3 3, a page walk of 4 levels",
                ExecutionControlRules::hasWalkLength);
        eptRule(
                "controls.eptp.accessed-dirty",
                "bit 6 clear: there are no accessed and dirty flags for EPT",
                ExecutionControlRules::hasAccessedDirty);
        eptRule(
                "controls.eptp.reserved",
                "bits 11:7 clear, and the rest a physical address",
                ExecutionControlRules::hasNoReservedBits);
        needs("controls.pml.ept", ENABLE_PML, ENABLE_EPT);
        page("controls.pml.address", PML_ADDRESS, ENABLE_PML);
        needs("controls.unrestricted.ept", UNRESTRICTED_GUEST, ENABLE_EPT);
        needs("controls.mode-based-execute.ept", MODE_BASED_EXECUTE_CONTROL, ENABLE_EPT);
    }

    private interface EptCondition {
        boolean holds(ProcessorFacts facts, long eptp);
    }

    private void eptRule(String id, String accepted, EptCondition condition) {
        list.rule(
                id,
                EPT_POINTER,
                accepted,
                state ->
                        state.off(ENABLE_EPT)
                                || condition.holds(state.facts(), state.get(EPT_POINTER)));
    }

    /// Whether an EPT pointer is one that VM entry, EPTP switching and INVEPT accept.
    public static boolean isEptPointer(ProcessorFacts facts, long eptp) {
        return hasMemoryType(facts, eptp)
                && hasWalkLength(facts, eptp)
                && hasAccessedDirty(facts, eptp)
                && hasNoReservedBits(facts, eptp);
    }

    private static boolean hasMemoryType(ProcessorFacts facts, long eptp) {
        return switch (EptPointer.of(eptp).memoryType()) {
            case UNCACHEABLE_TYPE -> facts.capabilities().has(UNCACHEABLE);
            case WRITE_BACK_TYPE -> facts.capabilities().has(WRITE_BACK);
            default -> false;
        };
    }

    private static boolean hasWalkLength(ProcessorFacts facts, long eptp) {
        return switch (EptPointer.of(eptp).walkLength()) {
            case 4 -> facts.capabilities().has(WALK_LENGTH_4);
            case 5 -> facts.capabilities().has(WALK_LENGTH_5);
            default -> false;
        };
    }

    private static boolean hasAccessedDirty(ProcessorFacts facts, long eptp) {
        return facts.capabilities().has(ACCESSED_DIRTY) || !EptPointer.of(eptp).accessedDirty();
    }

    private static boolean hasNoReservedBits(ProcessorFacts facts, long eptp) {
        long reserved = EptPointer.RESERVED_LOW;
        if (!facts.capabilities().has(SUPERVISOR_SHADOW_STACK)) {
            reserved |= EptPointer.SUPERVISOR_SHADOW_STACK;
        }
        return (eptp & reserved) == 0 && eptp >>> facts.physicalAddressBits() == 0;
    }

    private void eptFeatures() {
        list.rule(
                "controls.tsc-multiplier.zero",
                TSC_MULTIPLIER,
                "any but 0, because \"use TSC scaling\" is 1",
                state -> state.off(USE_TSC_SCALING) || state.get(TSC_MULTIPLIER) != 0);
        needs("controls.sub-page.ept", SUB_PAGE_WRITE_PERMISSIONS, ENABLE_EPT);
        page(
                "controls.sub-page.address",
                SUB_PAGE_PERMISSION_TABLE_POINTER,
                SUB_PAGE_WRITE_PERMISSIONS);
        needs("controls.hlat.ept", ENABLE_HLAT, ENABLE_EPT);
        list.rule(
                "controls.hlat.pointer",
                HLAT_POINTER,
                state -> "bits 2:0 and 11:5 clear, and below 1 << %d".formatted(bits(state)),
                state ->
                        state.off(ENABLE_HLAT)
                                || state.isPhysical(state.get(HLAT_POINTER) & ~HLAT_CACHING, PAGE));
        needs("controls.paging-write.ept", EPT_PAGING_WRITE_CONTROL, ENABLE_EPT);
        needs("controls.paging-verification.ept", GUEST_PAGING_VERIFICATION, ENABLE_EPT);
        settings(list, "controls.vm-functions.allowed", ControlWord.VM_FUNCTION);
        needs("controls.eptp-switching.ept", VmFunctionControl.EPTP_SWITCHING, ENABLE_EPT);
        page(
                "controls.eptp-switching.address",
                EPTP_LIST_ADDRESS,
                VmFunctionControl.EPTP_SWITCHING);
        page("controls.vmread-bitmap.address", VMREAD_BITMAP_ADDRESS, VMCS_SHADOWING);
        page("controls.vmwrite-bitmap.address", VMWRITE_BITMAP_ADDRESS, VMCS_SHADOWING);
        page(
                "controls.virtualization-exception.address",
                VIRTUALIZATION_EXCEPTION_ADDRESS,
                EPT_VIOLATION_VE);
        needs("controls.pt-guest-physical.ept", PT_USES_GUEST_PHYSICAL_ADDRESSES, ENABLE_EPT);
        needs(
                "controls.pt-guest-physical.load",
                PT_USES_GUEST_PHYSICAL_ADDRESSES,
                EntryControl.LOAD_RTIT_CTL);
        needs(
                "controls.pt-guest-physical.clear",
                PT_USES_GUEST_PHYSICAL_ADDRESSES,
                ExitControl.CLEAR_RTIT_CTL);
    }
}
