package nestbox.cpu.entry;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.x86.ControlBits;
import nestbox.x86.Vector;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.MiscCapability;
import nestbox.x86.vmx.MsrAreaEntry;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;

import java.util.List;
import java.util.function.Predicate;

/// SDM Vol. 3C, "VM-Exit Control Fields" and "VM-Entry Control Fields".
final class ExitEntryControlRules {
    private static final int LAST_EXCEPTION = 31;
    private static final int LONGEST_INSTRUCTION = 15;

    private final RuleList list = new RuleList(EntryRule.Stage.CONTROLS);

    private ExitEntryControlRules() {
        list.section("VM-Exit Control Fields");
        exit();
        list.section("VM-Entry Control Fields");
        entry();
    }

    static List<EntryRule> rules() {
        return new ExitEntryControlRules().list.rules();
    }

    private void exit() {
        ExecutionControlRules.settings(list, "controls.exit.allowed", ControlWord.PRIMARY_EXIT);
        ExecutionControlRules.settings(
                list, "controls.exit-secondary.allowed", ControlWord.SECONDARY_EXIT);
        list.rule(
                "controls.exit.preemption-timer",
                EXIT_CONTROLS,
                "\"save VMX-preemption timer value\" needs \"activate VMX-preemption timer\"",
                state ->
                        state.off(ExitControl.SAVE_PREEMPTION_TIMER)
                                || state.on(PinControl.ACTIVATE_PREEMPTION_TIMER));
        msrArea("controls.exit-msr-store", EXIT_MSR_STORE_ADDRESS, EXIT_MSR_STORE_COUNT);
        msrArea("controls.exit-msr-load", EXIT_MSR_LOAD_ADDRESS, EXIT_MSR_LOAD_COUNT);
    }

    private void msrArea(String id, VmcsField address, VmcsField count) {
        list.rule(
                id + ".address",
                address,
                state ->
                        "a multiple of 16 below 1 << %d, because %s isn't 0"
                                .formatted(state.facts().physicalAddressBits(), count),
                state -> state.get(count) == 0 || state.isPhysical(address, 4));
        list.rule(
                id + ".end",
                address,
                state ->
                        "%d entries that end below 1 << %d"
                                .formatted(state.get(count), state.facts().physicalAddressBits()),
                state ->
                        state.get(count) == 0
                                || state.fitsPhysical(
                                        state.get(address)
                                                + state.get(count) * MsrAreaEntry.SIZE
                                                - 1));
    }

    private void entry() {
        ExecutionControlRules.settings(list, "controls.entry.allowed", ControlWord.ENTRY);
        injection();
        msrArea("controls.entry-msr-load", ENTRY_MSR_LOAD_ADDRESS, ENTRY_MSR_LOAD_COUNT);
        list.rule(
                "controls.entry.smm",
                ENTRY_CONTROLS,
                "\"entry to SMM\" is for entries from SMM only",
                state -> state.off(EntryControl.ENTRY_TO_SMM));
        list.rule(
                "controls.entry.dual-monitor",
                ENTRY_CONTROLS,
                "\"deactivate dual-monitor treatment\" is for entries from SMM only",
                state -> state.off(EntryControl.DEACTIVATE_DUAL_MONITOR));
    }

    /// A condition on the event to inject, if there is one.
    private void injection(String id, String accepted, Predicate<EntryState> holds) {
        list.rule(
                id,
                ENTRY_INTERRUPTION_INFORMATION,
                accepted,
                state -> !state.injects() || holds.test(state));
    }

    private void injection() {
        injection(
                "controls.injection.type",
                "type 0 or 2 to 6, or 7 where there is a monitor trap flag",
                ExitEntryControlRules::hasType);
        injection(
                "controls.injection.vector",
                "vector 2 for an NMI, up to 31 for an exception, 0 for other events",
                ExitEntryControlRules::hasVector);
        injection(
                "controls.injection.error-code",
                "bit 11 for exceptions that have an error code in protected mode, and only those",
                ExitEntryControlRules::hasErrorCodeAsDue);
        injection(
                "controls.injection.reserved",
                "bits 30:12 clear",
                state ->
                        (state.get(ENTRY_INTERRUPTION_INFORMATION)
                                        & InterruptionInformation.ENTRY_RESERVED)
                                == 0);
        list.rule(
                "controls.injection.error-code-value",
                ENTRY_EXCEPTION_ERROR_CODE,
                "bits 31:16 clear",
                state ->
                        !state.injects()
                                || !state.injection().errorCodeValid()
                                || state.get(ENTRY_EXCEPTION_ERROR_CODE) >>> 16 == 0);
        list.rule(
                "controls.injection.length",
                ENTRY_INSTRUCTION_LENGTH,
                state -> "%d to %d".formatted(shortest(state), LONGEST_INSTRUCTION),
                state -> {
                    long length = state.get(ENTRY_INSTRUCTION_LENGTH);
                    return !state.injects()
                            || !state.injection().type().isSoftware()
                            || length >= shortest(state) && length <= LONGEST_INSTRUCTION;
                });
    }

    private static int shortest(EntryState state) {
        return state.capabilities().has(MiscCapability.INJECTION_WITH_LENGTH_0) ? 0 : 1;
    }

    private static boolean hasType(EntryState state) {
        return switch (state.injection().type()) {
            case RESERVED -> false;
            case OTHER_EVENT -> state.capabilities().allows(PrimaryControl.MONITOR_TRAP_FLAG);
            case EXTERNAL_INTERRUPT,
                    NMI,
                    HARDWARE_EXCEPTION,
                    SOFTWARE_INTERRUPT,
                    PRIVILEGED_SOFTWARE_EXCEPTION,
                    SOFTWARE_EXCEPTION ->
                    true;
        };
    }

    private static boolean hasVector(EntryState state) {
        int vector = state.injection().vector();
        return switch (state.injection().type()) {
            case NMI -> vector == Vector.NMI;
            case HARDWARE_EXCEPTION -> vector <= LAST_EXCEPTION;
            case OTHER_EVENT -> vector == 0;
            case EXTERNAL_INTERRUPT,
                    RESERVED,
                    SOFTWARE_INTERRUPT,
                    PRIVILEGED_SOFTWARE_EXCEPTION,
                    SOFTWARE_EXCEPTION ->
                    true;
        };
    }

    /// In real-address mode, which only an unrestricted guest can be in, there are no error codes.
    private static boolean hasErrorCodeAsDue(EntryState state) {
        InterruptionInformation event = state.injection();
        boolean isProtected =
                state.off(SecondaryControl.UNRESTRICTED_GUEST) || state.cr0(ControlBits.CR0_PE);
        if (event.type() != InterruptionType.HARDWARE_EXCEPTION || !isProtected) {
            return !event.errorCodeValid();
        }
        // Without control-flow enforcement there is no #CP.
        boolean due = Vector.hasErrorCode(event.vector()) && event.vector() != Vector.CP;
        return state.capabilities().takesAnyErrorCode() || event.errorCodeValid() == due;
    }
}
