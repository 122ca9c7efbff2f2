package nestbox.x86.vmx;

import static nestbox.x86.vmx.PinControl.*;
import static nestbox.x86.vmx.PrimaryControl.*;
import static nestbox.x86.vmx.SecondaryControl.*;
import static nestbox.x86.vmx.TertiaryControl.*;

import java.util.List;
import java.util.Optional;

/// The fields of a virtual-machine control structure. SDM Vol. 3D, "Field Encoding in VMCS", whose
/// order and headings these are.
///
/// The encoding is the truth: width, area and index are read from its bits. A row also names the
/// controls that make the field exist: a processor has it if it allows one of them to be 1, or if
/// none is named.
public enum VmcsField {
    // spotless:off
    // 16-bit control fields
    VIRTUAL_PROCESSOR_IDENTIFIER(0x0000, ENABLE_VPID),
    POSTED_INTERRUPT_NOTIFICATION_VECTOR(0x0002, PROCESS_POSTED_INTERRUPTS),
    EPTP_INDEX(0x0004, EPT_VIOLATION_VE),
    HLAT_PREFIX_SIZE(0x0006, ENABLE_HLAT),
    LAST_PID_POINTER_INDEX(0x0008, IPI_VIRTUALIZATION),

    // 16-bit guest-state fields
    GUEST_ES_SELECTOR(0x0800),
    GUEST_CS_SELECTOR(0x0802),
    GUEST_SS_SELECTOR(0x0804),
    GUEST_DS_SELECTOR(0x0806),
    GUEST_FS_SELECTOR(0x0808),
    GUEST_GS_SELECTOR(0x080A),
    GUEST_LDTR_SELECTOR(0x080C),
    GUEST_TR_SELECTOR(0x080E),
    GUEST_INTERRUPT_STATUS(0x0810, VIRTUAL_INTERRUPT_DELIVERY),
    PML_INDEX(0x0812, ENABLE_PML),
    GUEST_UINV(0x0814, ExitControl.CLEAR_UINV, EntryControl.LOAD_UINV),

    // 16-bit host-state fields
    HOST_ES_SELECTOR(0x0C00),
    HOST_CS_SELECTOR(0x0C02),
    HOST_SS_SELECTOR(0x0C04),
    HOST_DS_SELECTOR(0x0C06),
    HOST_FS_SELECTOR(0x0C08),
    HOST_GS_SELECTOR(0x0C0A),
    HOST_TR_SELECTOR(0x0C0C),

    // 64-bit control fields
    IO_BITMAP_A(0x2000),
    IO_BITMAP_B(0x2002),
    MSR_BITMAPS(0x2004, USE_MSR_BITMAPS),
    EXIT_MSR_STORE_ADDRESS(0x2006),
    EXIT_MSR_LOAD_ADDRESS(0x2008),
    ENTRY_MSR_LOAD_ADDRESS(0x200A),
    EXECUTIVE_VMCS_POINTER(0x200C),
    PML_ADDRESS(0x200E, ENABLE_PML),
    TSC_OFFSET(0x2010),
    VIRTUAL_APIC_ADDRESS(0x2012, USE_TPR_SHADOW),
    APIC_ACCESS_ADDRESS(0x2014, VIRTUALIZE_APIC_ACCESSES),
    POSTED_INTERRUPT_DESCRIPTOR_ADDRESS(0x2016, PROCESS_POSTED_INTERRUPTS),
    VM_FUNCTION_CONTROLS(0x2018, ENABLE_VM_FUNCTIONS),
    EPT_POINTER(0x201A, ENABLE_EPT),
    EOI_EXIT_BITMAP_0(0x201C, VIRTUAL_INTERRUPT_DELIVERY),
    EOI_EXIT_BITMAP_1(0x201E, VIRTUAL_INTERRUPT_DELIVERY),
    EOI_EXIT_BITMAP_2(0x2020, VIRTUAL_INTERRUPT_DELIVERY),
    EOI_EXIT_BITMAP_3(0x2022, VIRTUAL_INTERRUPT_DELIVERY),
    EPTP_LIST_ADDRESS(0x2024, VmFunctionControl.EPTP_SWITCHING),
    VMREAD_BITMAP_ADDRESS(0x2026, VMCS_SHADOWING),
    VMWRITE_BITMAP_ADDRESS(0x2028, VMCS_SHADOWING),
    VIRTUALIZATION_EXCEPTION_ADDRESS(0x202A, EPT_VIOLATION_VE),
    XSS_EXITING_BITMAP(0x202C, ENABLE_XSAVES),
    ENCLS_EXITING_BITMAP(0x202E, ENABLE_ENCLS_EXITING),
    SUB_PAGE_PERMISSION_TABLE_POINTER(0x2030, SUB_PAGE_WRITE_PERMISSIONS),
    TSC_MULTIPLIER(0x2032, USE_TSC_SCALING),
    TERTIARY_CONTROLS(0x2034, ACTIVATE_TERTIARY_CONTROLS),
    ENCLV_EXITING_BITMAP(0x2036, ENABLE_ENCLV_EXITING),
    LOW_PASID_DIRECTORY_ADDRESS(0x2038, PASID_TRANSLATION),
    HIGH_PASID_DIRECTORY_ADDRESS(0x203A, PASID_TRANSLATION),
    SEAM_SHARED_EPT_POINTER(0x203C, SEAM_GUEST_PHYSICAL_ADDRESS_WIDTH),
    PCONFIG_EXITING_BITMAP(0x203E, ENABLE_PCONFIG),
    HLAT_POINTER(0x2040, ENABLE_HLAT),
    PID_POINTER_TABLE_ADDRESS(0x2042, IPI_VIRTUALIZATION),
    SECONDARY_EXIT_CONTROLS(0x2044, ExitControl.ACTIVATE_SECONDARY_CONTROLS),
    SPEC_CTRL_MASK(0x204A, VIRTUALIZE_SPEC_CTRL),
    SPEC_CTRL_SHADOW(0x204C, VIRTUALIZE_SPEC_CTRL),
    INJECTED_EVENT_DATA(0x2052, EntryControl.LOAD_FRED),

    // 64-bit read-only data fields
    GUEST_PHYSICAL_ADDRESS(0x2400, ENABLE_EPT),
    MSR_DATA(0x2402, ENABLE_MSR_LIST_INSTRUCTIONS),
    ORIGINAL_EVENT_DATA(0x2404, EntryControl.LOAD_FRED),

    // 64-bit guest-state fields
    VMCS_LINK_POINTER(0x2800),
    GUEST_DEBUGCTL(0x2802),
    GUEST_PAT(0x2804, EntryControl.LOAD_PAT, ExitControl.SAVE_PAT),
    GUEST_EFER(0x2806, EntryControl.LOAD_EFER, ExitControl.SAVE_EFER),
    GUEST_PERF_GLOBAL_CTRL(
            0x2808, EntryControl.LOAD_PERF_GLOBAL_CTRL, ExitControl.SAVE_PERF_GLOBAL_CTRL),
    GUEST_PDPTE0(0x280A, ENABLE_EPT),
    GUEST_PDPTE1(0x280C, ENABLE_EPT),
    GUEST_PDPTE2(0x280E, ENABLE_EPT),
    GUEST_PDPTE3(0x2810, ENABLE_EPT),
    GUEST_BNDCFGS(0x2812, EntryControl.LOAD_BNDCFGS, ExitControl.CLEAR_BNDCFGS),
    GUEST_RTIT_CTL(0x2814, EntryControl.LOAD_RTIT_CTL, ExitControl.CLEAR_RTIT_CTL),
    GUEST_LBR_CTL(0x2816, EntryControl.LOAD_LBR_CTL, ExitControl.CLEAR_LBR_CTL),
    GUEST_PKRS(0x2818, EntryControl.LOAD_PKRS),
    GUEST_FRED_CONFIG(0x281A, EntryControl.LOAD_FRED, SecondaryExitControl.SAVE_FRED),
    GUEST_FRED_RSP1(0x281C, EntryControl.LOAD_FRED, SecondaryExitControl.SAVE_FRED),
    GUEST_FRED_RSP2(0x281E, EntryControl.LOAD_FRED, SecondaryExitControl.SAVE_FRED),
    GUEST_FRED_RSP3(0x2820, EntryControl.LOAD_FRED, SecondaryExitControl.SAVE_FRED),
    GUEST_FRED_STKLVLS(0x2822, EntryControl.LOAD_FRED, SecondaryExitControl.SAVE_FRED),
    GUEST_FRED_SSP1(0x2824, EntryControl.LOAD_FRED, SecondaryExitControl.SAVE_FRED),
    GUEST_FRED_SSP2(0x2826, EntryControl.LOAD_FRED, SecondaryExitControl.SAVE_FRED),
    GUEST_FRED_SSP3(0x2828, EntryControl.LOAD_FRED, SecondaryExitControl.SAVE_FRED),

    // 64-bit host-state fields
    HOST_PAT(0x2C00, ExitControl.LOAD_PAT),
    HOST_EFER(0x2C02, ExitControl.LOAD_EFER),
    HOST_PERF_GLOBAL_CTRL(0x2C04, ExitControl.LOAD_PERF_GLOBAL_CTRL),
    HOST_PKRS(0x2C06, ExitControl.LOAD_PKRS),
    HOST_FRED_CONFIG(0x2C08, SecondaryExitControl.LOAD_FRED),
    HOST_FRED_RSP1(0x2C0A, SecondaryExitControl.LOAD_FRED),
    HOST_FRED_RSP2(0x2C0C, SecondaryExitControl.LOAD_FRED),
    HOST_FRED_RSP3(0x2C0E, SecondaryExitControl.LOAD_FRED),
    HOST_FRED_STKLVLS(0x2C10, SecondaryExitControl.LOAD_FRED),
    HOST_FRED_SSP1(0x2C12, SecondaryExitControl.LOAD_FRED),
    HOST_FRED_SSP2(0x2C14, SecondaryExitControl.LOAD_FRED),
    HOST_FRED_SSP3(0x2C16, SecondaryExitControl.LOAD_FRED),

    // 32-bit control fields
    PIN_BASED_CONTROLS(0x4000),
    PRIMARY_CONTROLS(0x4002),
    EXCEPTION_BITMAP(0x4004),
    PAGE_FAULT_ERROR_CODE_MASK(0x4006),
    PAGE_FAULT_ERROR_CODE_MATCH(0x4008),
    CR3_TARGET_COUNT(0x400A),
    EXIT_CONTROLS(0x400C),
    EXIT_MSR_STORE_COUNT(0x400E),
    EXIT_MSR_LOAD_COUNT(0x4010),
    ENTRY_CONTROLS(0x4012),
    ENTRY_MSR_LOAD_COUNT(0x4014),
    ENTRY_INTERRUPTION_INFORMATION(0x4016),
    ENTRY_EXCEPTION_ERROR_CODE(0x4018),
    ENTRY_INSTRUCTION_LENGTH(0x401A),
    TPR_THRESHOLD(0x401C, USE_TPR_SHADOW),
    SECONDARY_CONTROLS(0x401E, PrimaryControl.ACTIVATE_SECONDARY_CONTROLS),
    PLE_GAP(0x4020, PAUSE_LOOP_EXITING),
    PLE_WINDOW(0x4022, PAUSE_LOOP_EXITING),
    INSTRUCTION_TIMEOUT_CONTROL(0x4024, INSTRUCTION_TIMEOUT),
    SEAM_GUEST_KEY_ID(0x4026, SEAM_GUEST_PHYSICAL_ADDRESS_WIDTH),

    // 32-bit read-only data fields
    INSTRUCTION_ERROR(0x4400),
    EXIT_REASON(0x4402),
    EXIT_INTERRUPTION_INFORMATION(0x4404),
    EXIT_INTERRUPTION_ERROR_CODE(0x4406),
    IDT_VECTORING_INFORMATION(0x4408),
    IDT_VECTORING_ERROR_CODE(0x440A),
    EXIT_INSTRUCTION_LENGTH(0x440C),
    EXIT_INSTRUCTION_INFORMATION(0x440E),

    // 32-bit guest-state fields
    GUEST_ES_LIMIT(0x4800),
    GUEST_CS_LIMIT(0x4802),
    GUEST_SS_LIMIT(0x4804),
    GUEST_DS_LIMIT(0x4806),
    GUEST_FS_LIMIT(0x4808),
    GUEST_GS_LIMIT(0x480A),
    GUEST_LDTR_LIMIT(0x480C),
    GUEST_TR_LIMIT(0x480E),
    GUEST_GDTR_LIMIT(0x4810),
    GUEST_IDTR_LIMIT(0x4812),
    GUEST_ES_ACCESS_RIGHTS(0x4814),
    GUEST_CS_ACCESS_RIGHTS(0x4816),
    GUEST_SS_ACCESS_RIGHTS(0x4818),
    GUEST_DS_ACCESS_RIGHTS(0x481A),
    GUEST_FS_ACCESS_RIGHTS(0x481C),
    GUEST_GS_ACCESS_RIGHTS(0x481E),
    GUEST_LDTR_ACCESS_RIGHTS(0x4820),
    GUEST_TR_ACCESS_RIGHTS(0x4822),
    GUEST_INTERRUPTIBILITY_STATE(0x4824),
    GUEST_ACTIVITY_STATE(0x4826),
    GUEST_SMBASE(0x4828),
    GUEST_SYSENTER_CS(0x482A),
    PREEMPTION_TIMER_VALUE(0x482E, ACTIVATE_PREEMPTION_TIMER),

    // 32-bit host-state field
    HOST_SYSENTER_CS(0x4C00),

    // Natural-width control fields
    CR0_GUEST_HOST_MASK(0x6000),
    CR4_GUEST_HOST_MASK(0x6002),
    CR0_READ_SHADOW(0x6004),
    CR4_READ_SHADOW(0x6006),
    CR3_TARGET_VALUE_0(0x6008),
    CR3_TARGET_VALUE_1(0x600A),
    CR3_TARGET_VALUE_2(0x600C),
    CR3_TARGET_VALUE_3(0x600E),

    // Natural-width read-only data fields
    EXIT_QUALIFICATION(0x6400),
    IO_RCX(0x6402),
    IO_RSI(0x6404),
    IO_RDI(0x6406),
    IO_RIP(0x6408),
    GUEST_LINEAR_ADDRESS(0x640A),

    // Natural-width guest-state fields
    GUEST_CR0(0x6800),
    GUEST_CR3(0x6802),
    GUEST_CR4(0x6804),
    GUEST_ES_BASE(0x6806),
    GUEST_CS_BASE(0x6808),
    GUEST_SS_BASE(0x680A),
    GUEST_DS_BASE(0x680C),
    GUEST_FS_BASE(0x680E),
    GUEST_GS_BASE(0x6810),
    GUEST_LDTR_BASE(0x6812),
    GUEST_TR_BASE(0x6814),
    GUEST_GDTR_BASE(0x6816),
    GUEST_IDTR_BASE(0x6818),
    GUEST_DR7(0x681A),
    GUEST_RSP(0x681C),
    GUEST_RIP(0x681E),
    GUEST_RFLAGS(0x6820),
    GUEST_PENDING_DEBUG_EXCEPTIONS(0x6822),
    GUEST_SYSENTER_ESP(0x6824),
    GUEST_SYSENTER_EIP(0x6826),
    GUEST_S_CET(0x6828, EntryControl.LOAD_CET_STATE),
    GUEST_SSP(0x682A, EntryControl.LOAD_CET_STATE),
    GUEST_INTERRUPT_SSP_TABLE_ADDRESS(0x682C, EntryControl.LOAD_CET_STATE),

    // Natural-width host-state fields
    HOST_CR0(0x6C00),
    HOST_CR3(0x6C02),
    HOST_CR4(0x6C04),
    HOST_FS_BASE(0x6C06),
    HOST_GS_BASE(0x6C08),
    HOST_TR_BASE(0x6C0A),
    HOST_GDTR_BASE(0x6C0C),
    HOST_IDTR_BASE(0x6C0E),
    HOST_SYSENTER_ESP(0x6C10),
    HOST_SYSENTER_EIP(0x6C12),
    HOST_RSP(0x6C14),
    HOST_RIP(0x6C16),
    HOST_S_CET(0x6C18, ExitControl.LOAD_CET_STATE),
    HOST_SSP(0x6C1A, ExitControl.LOAD_CET_STATE),
    HOST_INTERRUPT_SSP_TABLE_ADDRESS(0x6C1C, ExitControl.LOAD_CET_STATE);

    // spotless:on

    /// Bits 14:13 of an encoding.
    public enum Width {
        BITS_16(2),
        BITS_64(8),
        BITS_32(4),
        NATURAL(8);

        private final int bytes;

        Width(int bytes) {
            this.bytes = bytes;
        }

        /// How much of a VMCS region it takes.
        public int bytes() {
            return bytes;
        }
    }

    /// Bits 11:10 of an encoding.
    public enum Area {
        CONTROL,
        EXIT_INFORMATION,
        GUEST_STATE,
        HOST_STATE
    }

    private static final Width[] WIDTHS = Width.values();
    private static final Area[] AREAS = Area.values();
    private static final int INDEX_BITS = 6;
    private static final VmcsField[] BY_ENCODING = byEncoding();

    private final int encoding;
    private final List<VmxControl> controls;
    private final Optional<VmcsField> self = Optional.of(this);

    VmcsField(int encoding, VmxControl... controls) {
        this.encoding = encoding;
        this.controls = List.of(controls);
    }

    private static VmcsField[] byEncoding() {
        VmcsField[] table = new VmcsField[1 << INDEX_BITS + 4];
        for (VmcsField field : values()) {
            table[slot(field.encoding)] = field;
        }
        return table;
    }

    private static int slot(int encoding) {
        return (encoding >>> 13 & 3) << INDEX_BITS + 2
                | (encoding >>> 10 & 3) << INDEX_BITS
                | encoding >>> 1 & (1 << INDEX_BITS) - 1;
    }

    /// The field that VMREAD or VMWRITE names with this operand, the upper half of a 64-bit field
    /// included.
    public static Optional<VmcsField> of(long encoding) {
        if (encoding >>> 15 != 0) {
            return Optional.empty();
        }
        VmcsField field = BY_ENCODING[slot((int) encoding)];
        boolean found =
                field != null
                        && (encoding == field.encoding
                                || isHigh(encoding)
                                        && encoding - 1 == field.encoding
                                        && field.width() == Width.BITS_64);
        return found ? field.self : Optional.empty();
    }

    /// Whether an encoding means bits 63:32 of a 64-bit field.
    public static boolean isHigh(long encoding) {
        return (encoding & 1) != 0;
    }

    /// The encoding of the full field.
    public int encoding() {
        return encoding;
    }

    public Width width() {
        return WIDTHS[encoding >>> 13 & 3];
    }

    public Area area() {
        return AREAS[encoding >>> 10 & 3];
    }

    /// Bits 9:1, which distinguish fields of the same width and area.
    public int index() {
        return encoding >>> 1 & 0x1FF;
    }

    public boolean isReadOnly() {
        return area() == Area.EXIT_INFORMATION;
    }

    /// A processor has the field if it allows one of these to be 1; every processor has it if
    /// there are none.
    public List<VmxControl> controls() {
        return controls;
    }

    /// The field that follows by `count` rows, for families such as the PDPTEs.
    public VmcsField plus(int count) {
        return BY_ENCODING[slot(encoding + 2 * count)];
    }
}
