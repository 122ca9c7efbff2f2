package nestbox.hypervisor.nested;

import nestbox.x86.vmx.VmcsField;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// How a field of VMCS02 comes from VMCS12 and VMCS01, and where L1 finds its own value.
///
/// This is the one table of it: merging and splitting, the VMREAD and VMWRITE bitmaps, what is
/// written back to L1's memory, and the dumps of the shell all follow it.
enum MergeRule {
    /// The same in both.
    SHARED(Place.SHARED),

    // Lent to VMCS02: merged at each VM entry, given back at each VM exit to L1.

    /// Control words: L1's, and what L0 needs besides.
    PIN_CONTROLS(Place.LENT),
    PRIMARY_CONTROLS(Place.LENT),
    SECONDARY_CONTROLS(Place.LENT),

    /// L1's exceptions and L0's. If L0 wants page faults it gets all of them.
    EXCEPTION_BITMAP(Place.LENT),
    PAGE_FAULT_FILTER(Place.LENT),

    /// L2's time is L1's, offset and scaled once more.
    TSC_OFFSET(Place.LENT),
    TSC_MULTIPLIER(Place.LENT),

    /// Bits that L1 doesn't have are L0's, and read as 0.
    CR4_MASK(Place.LENT),
    CR4_SHADOW(Place.LENT),

    /// A bitmap of L1's and of L0's reasons to exit.
    UNION(Place.LENT),

    /// State that is L1's own when L1 doesn't ask for L2 to have its own. L1's value changes at a
    /// VM exit only if L1 wants it saved.
    DEBUG_STATE(Place.LENT),
    PAT(Place.LENT),
    EFER(Place.LENT),

    /// Saved at all exits, since L2 goes on after those that are L0's.
    PREEMPTION_TIMER(Place.LENT),

    /// With EPT off in VMCS12 they come from the table that CR3 names.
    PDPTE(Place.LENT),

    /// L1's event; L0 uses the fields for its own.
    INJECTION(Place.LENT),

    /// The one field of host state that hypervisors write often: Linux starts system calls on
    /// another part of the stack each time.
    HOST_STACK(Place.LENT),

    // Kept in VMCS12, so that each access of L1 exits.

    EXIT_CONTROLS(Place.KEPT),
    ENTRY_CONTROLS(Place.KEPT),

    /// The bitmaps of L1 and L0 together are in pages of L0's.
    IO_BITMAP(Place.KEPT),
    MSR_BITMAP(Place.KEPT),

    /// L1's address, translated.
    VIRTUAL_APIC(Place.KEPT),
    APIC_ACCESS(Place.KEPT),
    POSTED_DESCRIPTOR(Place.KEPT),

    /// The shadow of L1's tables, or EPT01.
    EPT_POINTER(Place.KEPT),

    /// One of the vCPU's VPIDs.
    VPID(Place.KEPT),

    /// Nothing is linked while L2 runs.
    LINK_POINTER(Place.KEPT),

    /// What L0 does itself; 0 in VMCS02.
    EMULATED(Place.KEPT),

    /// In VMCS02 it is L0's, from VMCS01.
    HOST_STATE(Place.KEPT),

    /// L1 isn't offered what has this field.
    NOT_OFFERED(Place.ABSENT);

    /// Where L1's value is.
    enum Place {
        /// In VMCS02 at all times.
        SHARED,

        /// In VMCS02 while L1 runs, in VMCS12 while L2 runs.
        LENT,

        /// In VMCS12.
        KEPT,

        /// Nowhere.
        ABSENT;

        /// Whether L1 can reach it in VMCS02, when that is its shadow VMCS.
        boolean isShadowed() {
            return this == SHARED || this == LENT;
        }
    }

    private static final Map<VmcsField, MergeRule> RULES = new EnumMap<>(VmcsField.class);
    private static final Map<Place, List<VmcsField>> FIELDS = new EnumMap<>(Place.class);

    private final Place place;

    MergeRule(Place place) {
        this.place = place;
    }

    static {
        for (VmcsField field : VmcsField.values()) {
            RULES.put(field, rule(field));
        }
        for (Place place : Place.values()) {
            FIELDS.put(
                    place,
                    Arrays.stream(VmcsField.values())
                            .filter(field -> of(field).place == place)
                            .toList());
        }
    }

    Place place() {
        return place;
    }

    static MergeRule of(VmcsField field) {
        return RULES.get(field);
    }

    /// The fields in a place, in order.
    static List<VmcsField> fields(Place place) {
        return FIELDS.get(place);
    }

    // spotless:off
    private static MergeRule rule(VmcsField field) {
        return switch (field) {
            case PIN_BASED_CONTROLS -> PIN_CONTROLS;
            case PRIMARY_CONTROLS -> PRIMARY_CONTROLS;
            case SECONDARY_CONTROLS -> SECONDARY_CONTROLS;
            case EXIT_CONTROLS -> EXIT_CONTROLS;
            case ENTRY_CONTROLS -> ENTRY_CONTROLS;
            case EXCEPTION_BITMAP -> EXCEPTION_BITMAP;
            case PAGE_FAULT_ERROR_CODE_MASK, PAGE_FAULT_ERROR_CODE_MATCH -> PAGE_FAULT_FILTER;
            case TSC_OFFSET -> TSC_OFFSET;
            case TSC_MULTIPLIER -> TSC_MULTIPLIER;
            case CR4_GUEST_HOST_MASK -> CR4_MASK;
            case CR4_READ_SHADOW -> CR4_SHADOW;
            case XSS_EXITING_BITMAP -> UNION;

            case GUEST_DR7, GUEST_DEBUGCTL -> DEBUG_STATE;
            case GUEST_PAT -> PAT;
            case GUEST_EFER -> EFER;
            case PREEMPTION_TIMER_VALUE -> PREEMPTION_TIMER;
            case GUEST_PDPTE0, GUEST_PDPTE1, GUEST_PDPTE2, GUEST_PDPTE3 -> PDPTE;
            case ENTRY_INTERRUPTION_INFORMATION, ENTRY_EXCEPTION_ERROR_CODE,
                    ENTRY_INSTRUCTION_LENGTH -> INJECTION;

            case IO_BITMAP_A, IO_BITMAP_B -> IO_BITMAP;
            case MSR_BITMAPS -> MSR_BITMAP;
            case VIRTUAL_APIC_ADDRESS -> VIRTUAL_APIC;
            case APIC_ACCESS_ADDRESS -> APIC_ACCESS;
            case POSTED_INTERRUPT_DESCRIPTOR_ADDRESS -> POSTED_DESCRIPTOR;
            case EPT_POINTER -> EPT_POINTER;
            case VIRTUAL_PROCESSOR_IDENTIFIER -> VPID;
            case VMCS_LINK_POINTER -> LINK_POINTER;

            case EXIT_MSR_STORE_ADDRESS, EXIT_MSR_LOAD_ADDRESS, ENTRY_MSR_LOAD_ADDRESS,
                    EXIT_MSR_STORE_COUNT, EXIT_MSR_LOAD_COUNT, ENTRY_MSR_LOAD_COUNT,
                    EXECUTIVE_VMCS_POINTER, PML_ADDRESS, VM_FUNCTION_CONTROLS, EPTP_LIST_ADDRESS,
                    EPTP_INDEX, VMREAD_BITMAP_ADDRESS, VMWRITE_BITMAP_ADDRESS,
                    VIRTUALIZATION_EXCEPTION_ADDRESS -> EMULATED;

            case HOST_ES_SELECTOR, HOST_CS_SELECTOR, HOST_SS_SELECTOR, HOST_DS_SELECTOR,
                    HOST_FS_SELECTOR, HOST_GS_SELECTOR, HOST_TR_SELECTOR, HOST_PAT, HOST_EFER,
                    HOST_SYSENTER_CS, HOST_CR0, HOST_CR3, HOST_CR4, HOST_FS_BASE, HOST_GS_BASE,
                    HOST_TR_BASE, HOST_GDTR_BASE, HOST_IDTR_BASE, HOST_SYSENTER_ESP,
                    HOST_SYSENTER_EIP, HOST_RIP -> HOST_STATE;
            case HOST_RSP -> HOST_STACK;

            case HLAT_PREFIX_SIZE, LAST_PID_POINTER_INDEX, GUEST_UINV, ENCLS_EXITING_BITMAP,
                    SUB_PAGE_PERMISSION_TABLE_POINTER, TERTIARY_CONTROLS, ENCLV_EXITING_BITMAP,
                    LOW_PASID_DIRECTORY_ADDRESS, HIGH_PASID_DIRECTORY_ADDRESS,
                    PCONFIG_EXITING_BITMAP, HLAT_POINTER, PID_POINTER_TABLE_ADDRESS,
                    SECONDARY_EXIT_CONTROLS, SPEC_CTRL_MASK, SPEC_CTRL_SHADOW,
                    GUEST_PERF_GLOBAL_CTRL, HOST_PERF_GLOBAL_CTRL, GUEST_BNDCFGS, GUEST_RTIT_CTL,
                    GUEST_LBR_CTL, GUEST_PKRS, HOST_PKRS, INSTRUCTION_TIMEOUT_CONTROL, GUEST_S_CET,
                    GUEST_SSP, GUEST_INTERRUPT_SSP_TABLE_ADDRESS, HOST_S_CET, HOST_SSP,
                    HOST_INTERRUPT_SSP_TABLE_ADDRESS,
                    SEAM_SHARED_EPT_POINTER, SEAM_GUEST_KEY_ID, MSR_DATA, INJECTED_EVENT_DATA,
                    ORIGINAL_EVENT_DATA, GUEST_FRED_CONFIG, GUEST_FRED_RSP1,
                    GUEST_FRED_RSP2, GUEST_FRED_RSP3, GUEST_FRED_STKLVLS,
                    GUEST_FRED_SSP1, GUEST_FRED_SSP2, GUEST_FRED_SSP3,
                    HOST_FRED_CONFIG, HOST_FRED_RSP1, HOST_FRED_RSP2, HOST_FRED_RSP3,
                    HOST_FRED_STKLVLS, HOST_FRED_SSP1, HOST_FRED_SSP2, HOST_FRED_SSP3 -> NOT_OFFERED;

            case POSTED_INTERRUPT_NOTIFICATION_VECTOR, EOI_EXIT_BITMAP_0, EOI_EXIT_BITMAP_1,
                    EOI_EXIT_BITMAP_2, EOI_EXIT_BITMAP_3, CR3_TARGET_COUNT, TPR_THRESHOLD, PLE_GAP,
                    PLE_WINDOW, CR0_GUEST_HOST_MASK, CR0_READ_SHADOW, CR3_TARGET_VALUE_0,
                    CR3_TARGET_VALUE_1, CR3_TARGET_VALUE_2, CR3_TARGET_VALUE_3,

                    GUEST_PHYSICAL_ADDRESS, INSTRUCTION_ERROR, EXIT_REASON,
                    EXIT_INTERRUPTION_INFORMATION, EXIT_INTERRUPTION_ERROR_CODE,
                    IDT_VECTORING_INFORMATION, IDT_VECTORING_ERROR_CODE, EXIT_INSTRUCTION_LENGTH,
                    EXIT_INSTRUCTION_INFORMATION, EXIT_QUALIFICATION, IO_RCX, IO_RSI, IO_RDI,
                    IO_RIP, GUEST_LINEAR_ADDRESS,

                    GUEST_ES_SELECTOR, GUEST_CS_SELECTOR, GUEST_SS_SELECTOR, GUEST_DS_SELECTOR,
                    GUEST_FS_SELECTOR, GUEST_GS_SELECTOR, GUEST_LDTR_SELECTOR, GUEST_TR_SELECTOR,
                    GUEST_INTERRUPT_STATUS, PML_INDEX, GUEST_ES_LIMIT, GUEST_CS_LIMIT,
                    GUEST_SS_LIMIT, GUEST_DS_LIMIT, GUEST_FS_LIMIT, GUEST_GS_LIMIT,
                    GUEST_LDTR_LIMIT, GUEST_TR_LIMIT, GUEST_GDTR_LIMIT, GUEST_IDTR_LIMIT,
                    GUEST_ES_ACCESS_RIGHTS, GUEST_CS_ACCESS_RIGHTS, GUEST_SS_ACCESS_RIGHTS,
                    GUEST_DS_ACCESS_RIGHTS, GUEST_FS_ACCESS_RIGHTS, GUEST_GS_ACCESS_RIGHTS,
                    GUEST_LDTR_ACCESS_RIGHTS, GUEST_TR_ACCESS_RIGHTS,
                    GUEST_INTERRUPTIBILITY_STATE, GUEST_ACTIVITY_STATE, GUEST_SMBASE,
                    GUEST_SYSENTER_CS, GUEST_CR0, GUEST_CR3, GUEST_CR4, GUEST_ES_BASE,
                    GUEST_CS_BASE, GUEST_SS_BASE, GUEST_DS_BASE, GUEST_FS_BASE, GUEST_GS_BASE,
                    GUEST_LDTR_BASE, GUEST_TR_BASE, GUEST_GDTR_BASE, GUEST_IDTR_BASE, GUEST_RSP,
                    GUEST_RIP, GUEST_RFLAGS, GUEST_PENDING_DEBUG_EXCEPTIONS, GUEST_SYSENTER_ESP,
                    GUEST_SYSENTER_EIP -> SHARED;
        };
    }
    // spotless:on
}
