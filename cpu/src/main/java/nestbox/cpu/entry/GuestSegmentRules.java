package nestbox.cpu.entry;

import static nestbox.x86.vmx.AccessRights.*;
import static nestbox.x86.vmx.VmcsField.*;

import nestbox.x86.ControlBits;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;

import java.util.List;
import java.util.function.Predicate;

/// SDM Vol. 3C, "Checks on Guest Segment Registers" and "Checks on Guest Descriptor-Table
/// Registers".
final class GuestSegmentRules {
    private static final int ES = 0;
    private static final int CS = 1;
    private static final int SS = 2;
    private static final int FS = 4;
    private static final int GS = 5;
    private static final int LDTR = 6;
    private static final int TR = 7;
    private static final String[] NAMES = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};

    private static final int SELECTOR_RPL = 3;
    private static final int SELECTOR_TI = 4;
    private static final int LIMIT_64K = 0xFFFF;

    /// Read-write data: what CS may be in an unrestricted guest's real-address mode.
    private static final int TYPE_READ_WRITE = 3;

    private static final int TYPE_READ_WRITE_EXPAND_DOWN = 7;

    private final RuleList list = new RuleList(EntryRule.Stage.GUEST_STATE);

    private GuestSegmentRules() {
        list.section("Checks on Guest Segment Registers");
        selectors();
        for (int segment = ES; segment <= TR; segment++) {
            base(segment);
        }
        for (int segment = ES; segment <= GS; segment++) {
            virtual8086(segment);
        }
        for (int segment = ES; segment <= GS; segment++) {
            rights(segment);
        }
        taskRegister();
        localDescriptorTable();
        list.section("Checks on Guest Descriptor-Table Registers");
        descriptorTables();
    }

    static List<EntryRule> rules() {
        return new GuestSegmentRules().list.rules();
    }

    private static String id(int segment, String condition) {
        return "guest." + NAMES[segment] + "." + condition;
    }

    private static boolean isUnrestricted(EntryState state) {
        return state.on(SecondaryControl.UNRESTRICTED_GUEST);
    }

    private void selectors() {
        list.rule(
                id(TR, "selector"),
                GUEST_TR_SELECTOR,
                "TI clear",
                state -> (state.selector(TR) & SELECTOR_TI) == 0);
        list.rule(
                id(LDTR, "selector"),
                GUEST_LDTR_SELECTOR,
                "TI clear, or LDTR unusable",
                state -> !state.isUsable(LDTR) || (state.selector(LDTR) & SELECTOR_TI) == 0);
        list.rule(
                id(SS, "selector"),
                GUEST_SS_SELECTOR,
                "the RPL of CS",
                state ->
                        state.isVirtual8086()
                                || isUnrestricted(state)
                                || ((state.selector(SS) ^ state.selector(CS)) & SELECTOR_RPL) == 0);
    }

    private void base(int segment) {
        VmcsField field = GUEST_ES_BASE.plus(segment);
        boolean extended = segment == FS || segment == GS || segment == LDTR || segment == TR;
        boolean optional = segment == LDTR || !extended && segment != CS;
        list.rule(
                id(segment, "base"),
                field,
                extended ? "a canonical address" : "bits 63:32 clear",
                state ->
                        optional && !state.isUsable(segment)
                                || (extended
                                        ? state.isCanonical(field)
                                        : state.base(segment) >>> 32 == 0));
    }

    /// What all segments are in virtual-8086 mode.
    private void virtual8086(int segment) {
        list.rule(
                id(segment, "virtual-8086-base"),
                GUEST_ES_BASE.plus(segment),
                "the selector times 16, because RFLAGS.VM is 1",
                state ->
                        !state.isVirtual8086()
                                || state.base(segment) == state.selector(segment) << 4);
        list.rule(
                id(segment, "virtual-8086-limit"),
                GUEST_ES_LIMIT.plus(segment),
                "0xFFFF, because RFLAGS.VM is 1",
                state -> !state.isVirtual8086() || state.limit(segment) == LIMIT_64K);
        list.rule(
                id(segment, "virtual-8086-rights"),
                GUEST_ES_ACCESS_RIGHTS.plus(segment),
                "0xF3, because RFLAGS.VM is 1",
                state -> !state.isVirtual8086() || state.rights(segment) == VIRTUAL_8086);
    }

    /// A condition on access rights outside virtual-8086 mode, if the segment is usable; CS always
    /// counts as usable.
    private void rights(int segment, String name, String accepted, Predicate<EntryState> holds) {
        list.rule(
                id(segment, name),
                GUEST_ES_ACCESS_RIGHTS.plus(segment),
                accepted,
                state ->
                        state.isVirtual8086()
                                || segment != CS && !state.isUsable(segment)
                                || holds.test(state));
    }

    private void rights(int segment) {
        switch (segment) {
            case CS -> codeType();
            case SS -> stackType();
            default -> dataType(segment);
        }
        rights(segment, "system", "S set", state -> (state.rights(segment) & CODE_OR_DATA) != 0);
        switch (segment) {
            case CS -> codePrivilege();
            case SS -> stackPrivilege();
            default -> dataPrivilege(segment);
        }
        rights(segment, "present", "P set", state -> (state.rights(segment) & PRESENT) != 0);
        rights(
                segment,
                "reserved",
                "bits 11:8 and 31:17 clear",
                state -> (state.rights(segment) & (RESERVED_LOW | RESERVED_HIGH)) == 0);
        if (segment == CS) {
            rights(
                    CS,
                    "default-size",
                    "D/B clear, because the guest is in 64-bit mode",
                    state ->
                            state.off(EntryControl.IA_32E_MODE_GUEST)
                                    || (state.rights(CS) & LONG) == 0
                                    || (state.rights(CS) & DEFAULT_BIG) == 0);
        }
        rights(
                segment,
                "granularity",
                "G as the limit demands: 0 unless bits 11:0 are set, 1 if any of 31:20 is",
                state -> hasGranularity(state, segment));
    }

    private static boolean hasGranularity(EntryState state, int segment) {
        long limit = state.limit(segment);
        return (state.rights(segment) & GRANULARITY) != 0
                ? (limit & 0xFFF) == 0xFFF
                : limit >>> 20 == 0;
    }

    private void codeType() {
        rights(
                CS,
                "type",
                "an accessed code segment, type 9, 11, 13 or 15 (or 3 for an unrestricted guest)",
                state ->
                        (state.type(CS) & (CODE | ACCESSED)) == (CODE | ACCESSED)
                                || state.type(CS) == TYPE_READ_WRITE && isUnrestricted(state));
    }

    private void stackType() {
        rights(
                SS,
                "type",
                "accessed read-write data, type 3 or 7",
                state ->
                        state.type(SS) == TYPE_READ_WRITE
                                || state.type(SS) == TYPE_READ_WRITE_EXPAND_DOWN);
    }

    private void dataType(int segment) {
        rights(
                segment,
                "type",
                "an accessed segment, and readable if it is code",
                state -> {
                    int type = state.type(segment);
                    boolean readable = (type & CODE) == 0 || (type & READABLE_OR_WRITABLE) != 0;
                    return (type & ACCESSED) != 0 && readable;
                });
    }

    private void codePrivilege() {
        rights(
                CS,
                "dpl",
                "DPL 0 for data, that of SS for non-conforming code, up to that for conforming",
                state -> {
                    int type = state.type(CS);
                    if ((type & CODE) == 0) {
                        return state.dpl(CS) == 0;
                    }
                    return (type & CONFORMING_OR_EXPAND_DOWN) == 0
                            ? state.dpl(CS) == state.dpl(SS)
                            : state.dpl(CS) <= state.dpl(SS);
                });
    }

    /// The DPL of SS is the privilege level, so it counts though SS may be unusable.
    private void stackPrivilege() {
        list.rule(
                id(SS, "dpl"),
                GUEST_SS_ACCESS_RIGHTS,
                "the DPL equal to the RPL",
                state ->
                        state.isVirtual8086()
                                || isUnrestricted(state)
                                || state.dpl(SS) == (state.selector(SS) & SELECTOR_RPL));
        list.rule(
                id(SS, "dpl-real"),
                GUEST_SS_ACCESS_RIGHTS,
                "DPL 0, because CR0.PE is 0 or CS is a data segment",
                state ->
                        state.isVirtual8086()
                                || state.cr0(ControlBits.CR0_PE)
                                        && state.type(CS) != TYPE_READ_WRITE
                                || state.dpl(SS) == 0);
    }

    private void dataPrivilege(int segment) {
        rights(
                segment,
                "dpl",
                "a DPL not below the RPL",
                state ->
                        isUnrestricted(state)
                                || isConformingCode(state.type(segment))
                                || state.dpl(segment) >= (state.selector(segment) & SELECTOR_RPL));
    }

    private static boolean isConformingCode(int type) {
        int conforming = CODE | CONFORMING_OR_EXPAND_DOWN;
        return (type & conforming) == conforming;
    }

    private void taskRegister() {
        systemRights(
                TR,
                "type",
                "a busy TSS, type 11 (or 3 outside IA-32e mode)",
                state ->
                        state.type(TR) == TYPE_BUSY_TSS
                                || state.type(TR) == TYPE_BUSY_TSS_16
                                        && state.off(EntryControl.IA_32E_MODE_GUEST));
        system(TR);
        systemRights(TR, "unusable", "bit 16 clear", state -> state.isUsable(TR));
    }

    private void localDescriptorTable() {
        systemRights(LDTR, "type", "an LDT, type 2", state -> state.type(LDTR) == TYPE_LDT);
        system(LDTR);
    }

    private void system(int segment) {
        systemRights(
                segment, "system", "S clear", state -> (state.rights(segment) & CODE_OR_DATA) == 0);
        systemRights(segment, "present", "P set", state -> (state.rights(segment) & PRESENT) != 0);
        systemRights(
                segment,
                "reserved",
                "bits 11:8 and 31:17 clear",
                state -> (state.rights(segment) & (RESERVED_LOW | RESERVED_HIGH)) == 0);
        systemRights(
                segment,
                "granularity",
                "G as the limit demands: 0 unless bits 11:0 are set, 1 if any of 31:20 is",
                state -> hasGranularity(state, segment));
    }

    /// A condition on the access rights of TR, or of LDTR if it is usable.
    private void systemRights(
            int segment, String name, String accepted, Predicate<EntryState> holds) {
        list.rule(
                id(segment, name),
                GUEST_ES_ACCESS_RIGHTS.plus(segment),
                accepted,
                state -> segment == LDTR && !state.isUsable(LDTR) || holds.test(state));
    }

    private void descriptorTables() {
        table("guest.gdtr", GUEST_GDTR_BASE, GUEST_GDTR_LIMIT);
        table("guest.idtr", GUEST_IDTR_BASE, GUEST_IDTR_LIMIT);
    }

    private void table(String id, VmcsField base, VmcsField limit) {
        list.rule(id + ".base", base, "a canonical address", state -> state.isCanonical(base));
        list.rule(id + ".limit", limit, "bits 31:16 clear", state -> state.get(limit) >>> 16 == 0);
    }
}
