package nestbox.cpu.entry;

import static nestbox.x86.vmx.EntryControl.*;
import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.model.VmxCapabilities;
import nestbox.x86.ControlBits;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;

import java.util.List;

/// SDM Vol. 3C, "Checks on Guest Control Registers, Debug Registers, and MSRs".
final class GuestRegisterRules {
    private static final long BNDCFGS_RESERVED = 0xFFC;
    private static final long MODE = ControlBits.CR0_PE | ControlBits.CR0_PG;

    private final RuleList list = new RuleList(EntryRule.Stage.GUEST_STATE);

    private GuestRegisterRules() {
        list.section("Checks on Guest Control Registers, Debug Registers, and MSRs");
        controlRegisters();
        debugRegisters();
        msrs();
    }

    static List<EntryRule> rules() {
        return new GuestRegisterRules().list.rules();
    }

    private void controlRegisters() {
        list.rule(
                "guest.cr0.fixed",
                GUEST_CR0,
                state -> "0x%X set, and bits 63:32 clear".formatted(fixedCr0(state)),
                state ->
                        ExecutionControlRules.isAllowed(
                                state.cr0(), fixedCr0(state), VmxCapabilities.CR0_FIXED1));
        list.rule(
                "guest.cr0.paging",
                GUEST_CR0,
                "PG only with PE",
                state -> !state.cr0(ControlBits.CR0_PG) || state.cr0(ControlBits.CR0_PE));
        list.rule(
                "guest.cr4.fixed",
                GUEST_CR4,
                state ->
                        "VMXE set, and nothing but 0x%X"
                                .formatted(state.capabilities().cr4Fixed1()),
                state ->
                        ExecutionControlRules.isAllowed(
                                state.get(GUEST_CR4),
                                VmxCapabilities.CR4_FIXED0,
                                state.capabilities().cr4Fixed1()));
    }

    private static long fixedCr0(EntryState state) {
        return state.on(SecondaryControl.UNRESTRICTED_GUEST)
                ? VmxCapabilities.CR0_FIXED0 & ~MODE
                : VmxCapabilities.CR0_FIXED0;
    }

    private void debugRegisters() {
        list.rule(
                "guest.debugctl.reserved",
                GUEST_DEBUGCTL,
                state -> "nothing but 0x%X".formatted(state.facts().debugctlDefined()),
                state ->
                        state.off(LOAD_DEBUG_CONTROLS)
                                || (state.get(GUEST_DEBUGCTL) & ~state.facts().debugctlDefined())
                                        == 0);
        list.rule(
                "guest.mode.paging",
                GUEST_CR0,
                "PG set, because \"IA-32e mode guest\" is 1",
                state -> state.off(IA_32E_MODE_GUEST) || state.cr0(ControlBits.CR0_PG));
        list.rule(
                "guest.mode.pae",
                GUEST_CR4,
                "PAE set, because \"IA-32e mode guest\" is 1",
                state -> state.off(IA_32E_MODE_GUEST) || state.cr4(ControlBits.CR4_PAE));
        list.rule(
                "guest.mode.pcide",
                GUEST_CR4,
                "PCIDE clear, because \"IA-32e mode guest\" is 0",
                state -> state.on(IA_32E_MODE_GUEST) || !state.cr4(ControlBits.CR4_PCIDE));
        list.rule(
                "guest.cr3.width",
                GUEST_CR3,
                state -> "below 1 << %d".formatted(state.facts().physicalAddressBits()),
                state -> state.fitsPhysical(state.get(GUEST_CR3)));
        list.rule(
                "guest.dr7.width",
                GUEST_DR7,
                "bits 63:32 clear",
                state -> state.off(LOAD_DEBUG_CONTROLS) || state.get(GUEST_DR7) >>> 32 == 0);
    }

    private void canonical(String id, VmcsField field) {
        list.rule(id, field, "a canonical address", state -> state.isCanonical(field));
    }

    private void msrs() {
        canonical("guest.sysenter-esp.canonical", GUEST_SYSENTER_ESP);
        canonical("guest.sysenter-eip.canonical", GUEST_SYSENTER_EIP);
        list.rule(
                "guest.perf-global-ctrl.reserved",
                GUEST_PERF_GLOBAL_CTRL,
                state -> "nothing but 0x%X".formatted(state.facts().perfGlobalCtrlDefined()),
                state ->
                        state.off(LOAD_PERF_GLOBAL_CTRL)
                                || (state.get(GUEST_PERF_GLOBAL_CTRL)
                                                & ~state.facts().perfGlobalCtrlDefined())
                                        == 0);
        list.rule(
                "guest.pat.types",
                GUEST_PAT,
                "each byte 0, 1, 4, 5, 6 or 7",
                state -> state.off(LOAD_PAT) || EntryState.isPat(state.get(GUEST_PAT)));
        list.rule(
                "guest.efer.reserved",
                GUEST_EFER,
                state -> "nothing but 0x%X".formatted(state.facts().eferDefined()),
                state ->
                        state.off(LOAD_EFER)
                                || (state.get(GUEST_EFER) & ~state.facts().eferDefined()) == 0);
        list.rule(
                "guest.efer.lma",
                GUEST_EFER,
                "LMA equal to \"IA-32e mode guest\"",
                state ->
                        state.off(LOAD_EFER)
                                || efer(state, ControlBits.EFER_LMA)
                                        == state.on(IA_32E_MODE_GUEST));
        list.rule(
                "guest.efer.lme",
                GUEST_EFER,
                "LME equal to LMA, because CR0.PG is 1",
                state ->
                        state.off(LOAD_EFER)
                                || !state.cr0(ControlBits.CR0_PG)
                                || efer(state, ControlBits.EFER_LMA)
                                        == efer(state, ControlBits.EFER_LME));
        list.rule(
                "guest.bndcfgs.reserved",
                GUEST_BNDCFGS,
                "bits 11:2 clear, and a canonical address",
                state ->
                        state.off(LOAD_BNDCFGS)
                                || (state.get(GUEST_BNDCFGS) & BNDCFGS_RESERVED) == 0
                                        && state.isCanonical(GUEST_BNDCFGS));
    }

    private static boolean efer(EntryState state, long bit) {
        return (state.get(GUEST_EFER) & bit) != 0;
    }
}
