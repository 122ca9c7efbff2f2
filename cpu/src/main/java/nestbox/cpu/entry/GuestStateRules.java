package nestbox.cpu.entry;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.EntryFailureQualification;
import nestbox.x86.vmx.Interruptibility;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.MiscCapability;
import nestbox.x86.vmx.PendingDebug;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

import java.util.List;
import java.util.function.Predicate;

/// SDM Vol. 3C, "Checks on Guest RIP, RFLAGS, and SSP", "Checks on Guest Non-Register State" and
/// "Checks on Guest Page-Directory-Pointer-Table Entries".
public final class GuestStateRules {
    private static final int CS = 1;
    private static final int SS = 2;
    private static final long DEBUGCTL_BTF = 2;
    private static final Activity[] ACTIVITIES = Activity.values();
    private static final int PDPTES = 4;
    private static final long PDPTE_PRESENT = 1;
    private static final long PDPTE_RESERVED = 0x1E6;
    private static final long PDPTE_TABLE = 0xFFFF_FFE0L;

    private final RuleList list = new RuleList(EntryRule.Stage.GUEST_STATE);

    private GuestStateRules() {
        list.section("Checks on Guest RIP, RFLAGS, and SSP");
        instructionPointer();
        flags();
        list.section("Checks on Guest Non-Register State");
        activity();
        interruptibility();
        pendingDebug();
        link();
        list.section("Checks on Guest Page-Directory-Pointer-Table Entries");
        pdptes();
    }

    static List<EntryRule> rules() {
        return new GuestStateRules().list.rules();
    }

    private static boolean is64Bit(EntryState state) {
        return state.on(EntryControl.IA_32E_MODE_GUEST)
                && (state.rights(CS) & AccessRights.LONG) != 0;
    }

    private void instructionPointer() {
        list.rule(
                "guest.rip.32-bit",
                GUEST_RIP,
                "bits 63:32 clear, because the guest isn't in 64-bit mode",
                state -> is64Bit(state) || state.get(GUEST_RIP) >>> 32 == 0);
        list.rule(
                "guest.rip.64-bit",
                GUEST_RIP,
                "all bits above the width of linear addresses equal",
                state -> {
                    long above = state.get(GUEST_RIP) >> state.facts().linearAddressBits();
                    return !is64Bit(state) || above == 0 || above == -1;
                });
    }

    private void flags() {
        list.rule(
                "guest.rflags.reserved",
                GUEST_RFLAGS,
                "bits 63:22, 15, 5 and 3 clear, and bit 1 set",
                state -> (state.get(GUEST_RFLAGS) & ~RFlags.ALL) == RFlags.FIXED);
        list.rule(
                "guest.rflags.vm",
                GUEST_RFLAGS,
                "VM clear in IA-32e mode and in real-address mode",
                state ->
                        !state.isVirtual8086()
                                || state.off(EntryControl.IA_32E_MODE_GUEST)
                                        && state.cr0(ControlBits.CR0_PE));
        list.rule(
                "guest.rflags.if",
                GUEST_RFLAGS,
                "IF set, because an external interrupt is injected",
                state ->
                        !state.injects(InterruptionType.EXTERNAL_INTERRUPT)
                                || state.rflags(RFlags.IF));
    }

    private static boolean is(EntryState state, Activity activity) {
        return state.get(GUEST_ACTIVITY_STATE) == activity.ordinal();
    }

    private void activity() {
        list.rule(
                "guest.activity.supported",
                GUEST_ACTIVITY_STATE,
                "0 (active), 1 (HLT), 2 (shutdown) or 3 (wait-for-SIPI) where IA32_VMX_MISC has it",
                GuestStateRules::hasActivity);
        list.rule(
                "guest.activity.privilege",
                GUEST_ACTIVITY_STATE,
                "not HLT, because the DPL of SS isn't 0",
                state -> !is(state, Activity.HLT) || state.dpl(SS) == 0);
        list.rule(
                "guest.activity.blocking",
                GUEST_ACTIVITY_STATE,
                "active, because events are blocked by STI or MOV SS",
                state ->
                        is(state, Activity.ACTIVE)
                                || !state.interruptibility(Interruptibility.FOR_AN_INSTRUCTION));
        list.rule(
                "guest.activity.injection",
                GUEST_ACTIVITY_STATE,
                "an activity that the injected event can end",
                state -> !state.injects() || endsActivity(state));
    }

    private static boolean hasActivity(EntryState state) {
        long number = state.get(GUEST_ACTIVITY_STATE);
        if (number >= ACTIVITIES.length) {
            return false;
        }
        return switch (ACTIVITIES[(int) number]) {
            case ACTIVE -> true;
            case HLT -> state.capabilities().has(MiscCapability.ACTIVITY_HLT);
            case SHUTDOWN -> state.capabilities().has(MiscCapability.ACTIVITY_SHUTDOWN);
            case WAIT_FOR_SIPI -> state.capabilities().has(MiscCapability.ACTIVITY_WAIT_FOR_SIPI);
        };
    }

    private static boolean endsActivity(EntryState state) {
        InterruptionInformation event = state.injection();
        boolean exception = event.type() == InterruptionType.HARDWARE_EXCEPTION;
        boolean machineCheck = exception && event.vector() == Vector.MC;
        boolean nmi = event.type() == InterruptionType.NMI;
        return switch (ACTIVITIES[(int) state.get(GUEST_ACTIVITY_STATE)]) {
            case ACTIVE -> true;
            case HLT ->
                    nmi
                            || machineCheck
                            || exception && event.vector() == Vector.DB
                            || event.type() == InterruptionType.EXTERNAL_INTERRUPT
                            || event.type() == InterruptionType.OTHER_EVENT;
            case SHUTDOWN -> nmi || machineCheck;
            case WAIT_FOR_SIPI -> false;
        };
    }

    private void blocking(String id, String accepted, Predicate<EntryState> holds) {
        list.rule(id, GUEST_INTERRUPTIBILITY_STATE, accepted, holds);
    }

    private void interruptibility() {
        blocking(
                "guest.interruptibility.reserved",
                "bits 31:5 clear",
                state -> !state.interruptibility(Interruptibility.RESERVED));
        blocking(
                "guest.interruptibility.both",
                "not both blocking by STI and by MOV SS",
                state ->
                        !state.interruptibility(Interruptibility.STI)
                                || !state.interruptibility(Interruptibility.MOV_SS));
        blocking(
                "guest.interruptibility.sti",
                "no blocking by STI, because RFLAGS.IF is 0",
                state -> state.rflags(RFlags.IF) || !state.interruptibility(Interruptibility.STI));
        blocking(
                "guest.interruptibility.interrupt",
                "no blocking by STI or MOV SS, because an external interrupt is injected",
                state ->
                        !state.injects(InterruptionType.EXTERNAL_INTERRUPT)
                                || !state.interruptibility(Interruptibility.FOR_AN_INSTRUCTION));
        blocking(
                "guest.interruptibility.nmi-mov-ss",
                "no blocking by MOV SS, because an NMI is injected",
                state ->
                        !state.injects(InterruptionType.NMI)
                                || !state.interruptibility(Interruptibility.MOV_SS));
        blocking(
                "guest.interruptibility.smi",
                "no blocking by SMI: the processor isn't in SMM",
                state -> !state.interruptibility(Interruptibility.SMI));
        blocking(
                "guest.interruptibility.nmi-virtual",
                "no blocking by NMI, because an NMI is injected and \"virtual NMIs\" is 1",
                state ->
                        !state.injects(InterruptionType.NMI)
                                || state.off(PinControl.VIRTUAL_NMIS)
                                || !state.interruptibility(Interruptibility.NMI));
        blocking(
                "guest.interruptibility.enclave",
                "no enclave interruption without SGX, nor with blocking by MOV SS",
                state ->
                        !state.interruptibility(Interruptibility.ENCLAVE)
                                || state.has(Cpuid.SGX)
                                        && !state.interruptibility(Interruptibility.MOV_SS));
        nmiWithSti();
    }

    /// "A processor may require" this one; it has an exit qualification of its own.
    private void nmiWithSti() {
        list.qualification(EntryFailureQualification.NMI_INJECTION);
        blocking(
                "guest.interruptibility.nmi-sti",
                "no blocking by STI, because an NMI is injected",
                state ->
                        !state.injects(InterruptionType.NMI)
                                || !state.interruptibility(Interruptibility.STI));
        list.qualification(EntryFailureQualification.NOT_SPECIFIC);
    }

    private void pendingDebug() {
        long defined =
                PendingDebug.BREAKPOINTS
                        | PendingDebug.ENABLED_BREAKPOINT
                        | PendingDebug.BS
                        | PendingDebug.RTM;
        list.rule(
                "guest.pending-debug.reserved",
                GUEST_PENDING_DEBUG_EXCEPTIONS,
                "bits 11:4, 13, 15 and 63:17 clear",
                state -> (state.get(GUEST_PENDING_DEBUG_EXCEPTIONS) & ~defined) == 0);
        list.rule(
                "guest.pending-debug.single-step",
                GUEST_PENDING_DEBUG_EXCEPTIONS,
                "BS as RFLAGS.TF and IA32_DEBUGCTL.BTF have it, because events are blocked or the"
                        + " guest is halted",
                GuestStateRules::hasSingleStep);
        list.rule(
                "guest.pending-debug.rtm",
                GUEST_PENDING_DEBUG_EXCEPTIONS,
                "with RTM only bit 12, no blocking by MOV SS, and on processors with RTM",
                state -> {
                    long pending = state.get(GUEST_PENDING_DEBUG_EXCEPTIONS);
                    long wanted = PendingDebug.RTM | PendingDebug.ENABLED_BREAKPOINT;
                    return (pending & PendingDebug.RTM) == 0
                            || pending == wanted
                                    && state.has(Cpuid.RTM)
                                    && !state.interruptibility(Interruptibility.MOV_SS);
                });
    }

    private static boolean hasSingleStep(EntryState state) {
        boolean counts =
                is(state, Activity.HLT)
                        || state.interruptibility(Interruptibility.FOR_AN_INSTRUCTION);
        boolean wanted = state.rflags(RFlags.TF) && (state.get(GUEST_DEBUGCTL) & DEBUGCTL_BTF) == 0;
        boolean pending = (state.get(GUEST_PENDING_DEBUG_EXCEPTIONS) & PendingDebug.BS) != 0;
        return !counts || wanted == pending;
    }

    private void link(String id, String accepted, Predicate<EntryState> holds) {
        list.rule(
                id,
                VMCS_LINK_POINTER,
                accepted,
                state ->
                        state.get(VMCS_LINK_POINTER) == VmcsRegion.NO_POINTER || holds.test(state));
    }

    private static int linkedWord(EntryState state) {
        return (int) state.facts().readPhysical(state.get(VMCS_LINK_POINTER), 4);
    }

    private void link() {
        list.qualification(EntryFailureQualification.VMCS_LINK_POINTER);
        link(
                "guest.link.address",
                "all ones, or a physical address on a page boundary",
                state -> state.isPhysical(VMCS_LINK_POINTER, 12));
        link(
                "guest.link.revision",
                "all ones, or a region with this processor's revision identifier",
                state ->
                        (linkedWord(state) & ~VmcsRegion.SHADOW)
                                == state.capabilities().revision());
        link(
                "guest.link.shadow",
                "all ones, or a region whose shadow-VMCS indicator equals \"VMCS shadowing\"",
                state -> linkedWord(state) < 0 == state.on(SecondaryControl.VMCS_SHADOWING));
        link(
                "guest.link.current",
                "all ones, or a region that isn't the current VMCS",
                state -> state.get(VMCS_LINK_POINTER) != state.facts().currentVmcs());
    }

    private void pdptes() {
        list.qualification(EntryFailureQualification.PDPTE);
        for (int i = 0; i < PDPTES; i++) {
            int number = i;
            VmcsField field = GUEST_PDPTE0.plus(i);
            list.rule(
                    "guest.pdpte" + i + ".reserved",
                    field,
                    state ->
                            "not present, or no reserved bit set (it is 0x%X)"
                                    .formatted(pdpte(state, number)),
                    state -> !usesPdptes(state) || isPdpte(state, pdpte(state, number)));
        }
    }

    /// Whether the guest will use PAE paging.
    public static boolean usesPdptes(EntryState state) {
        return state.cr0(ControlBits.CR0_PG)
                && state.cr4(ControlBits.CR4_PAE)
                && state.off(EntryControl.IA_32E_MODE_GUEST);
    }

    /// With EPT the entries are in the VMCS, without it in the table that CR3 names.
    public static long pdpte(EntryState state, int number) {
        if (state.on(SecondaryControl.ENABLE_EPT)) {
            return state.get(GUEST_PDPTE0.plus(number));
        }
        long table = state.get(GUEST_CR3) & PDPTE_TABLE;
        return state.facts().readPhysical(table + 8L * number, 8);
    }

    private static boolean isPdpte(EntryState state, long entry) {
        return (entry & PDPTE_PRESENT) == 0
                || (entry & PDPTE_RESERVED) == 0 && state.fitsPhysical(entry);
    }
}
