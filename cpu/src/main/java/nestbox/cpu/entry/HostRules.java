package nestbox.cpu.entry;

import static nestbox.x86.vmx.ExitControl.*;
import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.model.VmxCapabilities;
import nestbox.x86.ControlBits;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.VmcsField;

import java.util.List;
import java.util.Locale;

/// SDM Vol. 3C, "Checks on Host Control Registers, MSRs, and SSP", "Checks on Host Segment and
/// Descriptor-Table Registers" and "Checks Related to Address-Space Size".
final class HostRules {
    private static final long SELECTOR_RPL_TI = 7;
    private static final int SELECTORS = 7;

    private final RuleList list = new RuleList(EntryRule.Stage.HOST_STATE);

    private HostRules() {
        list.section("Checks on Host Control Registers, MSRs, and SSP");
        registers();
        list.section("Checks on Host Segment and Descriptor-Table Registers");
        segments();
        list.section("Checks Related to Address-Space Size");
        addressSpace();
    }

    static List<EntryRule> rules() {
        return new HostRules().list.rules();
    }

    private void registers() {
        list.rule(
                "host.cr0.fixed",
                HOST_CR0,
                "PE, NE and PG set, and bits 63:32 clear",
                state ->
                        ExecutionControlRules.isAllowed(
                                state.get(HOST_CR0),
                                VmxCapabilities.CR0_FIXED0,
                                VmxCapabilities.CR0_FIXED1));
        list.rule(
                "host.cr4.fixed",
                HOST_CR4,
                state ->
                        "VMXE set, and nothing but 0x%X"
                                .formatted(state.capabilities().cr4Fixed1()),
                state ->
                        ExecutionControlRules.isAllowed(
                                state.get(HOST_CR4),
                                VmxCapabilities.CR4_FIXED0,
                                state.capabilities().cr4Fixed1()));
        list.rule(
                "host.cr3.width",
                HOST_CR3,
                state -> "below 1 << %d".formatted(state.facts().physicalAddressBits()),
                state -> state.fitsPhysical(state.get(HOST_CR3)));
        canonical("host.sysenter-esp.canonical", HOST_SYSENTER_ESP);
        canonical("host.sysenter-eip.canonical", HOST_SYSENTER_EIP);
        list.rule(
                "host.perf-global-ctrl.reserved",
                HOST_PERF_GLOBAL_CTRL,
                state -> "nothing but 0x%X".formatted(state.facts().perfGlobalCtrlDefined()),
                state ->
                        state.off(LOAD_PERF_GLOBAL_CTRL)
                                || (state.get(HOST_PERF_GLOBAL_CTRL)
                                                & ~state.facts().perfGlobalCtrlDefined())
                                        == 0);
        list.rule(
                "host.pat.types",
                HOST_PAT,
                "each byte 0, 1, 4, 5, 6 or 7",
                state -> state.off(LOAD_PAT) || EntryState.isPat(state.get(HOST_PAT)));
        list.rule(
                "host.efer.reserved",
                HOST_EFER,
                state -> "nothing but 0x%X".formatted(state.facts().eferDefined()),
                state ->
                        state.off(LOAD_EFER)
                                || (state.get(HOST_EFER) & ~state.facts().eferDefined()) == 0);
        list.rule(
                "host.efer.long-mode",
                HOST_EFER,
                "LME and LMA equal to \"host address-space size\"",
                HostRules::hasModeBits);
    }

    private static boolean hasModeBits(EntryState state) {
        long both = ControlBits.EFER_LME | ControlBits.EFER_LMA;
        long wanted = state.on(HOST_ADDRESS_SPACE_SIZE) ? both : 0;
        return state.off(LOAD_EFER) || (state.get(HOST_EFER) & both) == wanted;
    }

    private void canonical(String id, VmcsField field) {
        list.rule(id, field, "a canonical address", state -> state.isCanonical(field));
    }

    private static String name(VmcsField field) {
        return field.name()
                .substring("HOST_".length(), "HOST_ES".length())
                .toLowerCase(Locale.ROOT);
    }

    private void segments() {
        for (int i = 0; i < SELECTORS; i++) {
            VmcsField field = HOST_ES_SELECTOR.plus(i);
            list.rule(
                    "host." + name(field) + ".selector",
                    field,
                    "RPL and TI clear",
                    state -> (state.get(field) & SELECTOR_RPL_TI) == 0);
        }
        notNull("host.cs.null", HOST_CS_SELECTOR);
        notNull("host.tr.null", HOST_TR_SELECTOR);
        list.rule(
                "host.ss.null",
                HOST_SS_SELECTOR,
                "not 0, because the host isn't in 64-bit mode",
                state -> state.on(HOST_ADDRESS_SPACE_SIZE) || state.get(HOST_SS_SELECTOR) != 0);
        canonical("host.fs.base", HOST_FS_BASE);
        canonical("host.gs.base", HOST_GS_BASE);
        canonical("host.gdtr.base", HOST_GDTR_BASE);
        canonical("host.idtr.base", HOST_IDTR_BASE);
        canonical("host.tr.base", HOST_TR_BASE);
    }

    private void notNull(String id, VmcsField field) {
        list.rule(id, field, "not 0", state -> state.get(field) != 0);
    }

    private void addressSpace() {
        list.rule(
                "host.mode.outside-ia-32e-guest",
                ENTRY_CONTROLS,
                "\"IA-32e mode guest\" 0, because this processor isn't in IA-32e mode",
                state -> state.facts().isLongMode() || state.off(EntryControl.IA_32E_MODE_GUEST));
        list.rule(
                "host.mode.address-space",
                EXIT_CONTROLS,
                "\"host address-space size\" as the processor is now, in IA-32e mode or not",
                state -> state.on(HOST_ADDRESS_SPACE_SIZE) == state.facts().isLongMode());
        list.rule(
                "host.mode.32-bit-pcide",
                HOST_CR4,
                "PCIDE clear, because \"host address-space size\" is 0",
                state ->
                        state.on(HOST_ADDRESS_SPACE_SIZE)
                                || (state.get(HOST_CR4) & ControlBits.CR4_PCIDE) == 0);
        list.rule(
                "host.mode.32-bit-rip",
                HOST_RIP,
                "bits 63:32 clear, because \"host address-space size\" is 0",
                state -> state.on(HOST_ADDRESS_SPACE_SIZE) || state.get(HOST_RIP) >>> 32 == 0);
        list.rule(
                "host.mode.64-bit-pae",
                HOST_CR4,
                "PAE set, because \"host address-space size\" is 1",
                state ->
                        state.off(HOST_ADDRESS_SPACE_SIZE)
                                || (state.get(HOST_CR4) & ControlBits.CR4_PAE) != 0);
        list.rule(
                "host.mode.64-bit-rip",
                HOST_RIP,
                "a canonical address",
                state -> state.off(HOST_ADDRESS_SPACE_SIZE) || state.isCanonical(HOST_RIP));
    }
}
