package nestbox.hypervisor.nested;

import static nestbox.x86.vmx.PinControl.*;
import static nestbox.x86.vmx.PrimaryControl.*;
import static nestbox.x86.vmx.SecondaryControl.*;

import nestbox.cpu.entry.VmcsView;
import nestbox.x86.ControlBits;
import nestbox.x86.Vector;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;
import nestbox.x86.vmx.VmxControl;

/// The values with which VMCS02 runs L2, from those of VMCS12 and VMCS01: what each [MergeRule]
/// computes.
final class Merge {
    private static final int MULTIPLIER_FRACTION = 48;
    private static final long PIN_OF_L0 =
            mask(EXTERNAL_INTERRUPT_EXITING, NMI_EXITING, VIRTUAL_NMIS);

    /// Instructions that L0 may want to see. Windows are for events of L1, which L2 isn't; and L2
    /// halts on the processor, where its preemption timer goes on and L1's windows end the wait.
    private static final long PRIMARY_OF_L0 =
            mask(
                    INVLPG_EXITING,
                    MWAIT_EXITING,
                    RDPMC_EXITING,
                    RDTSC_EXITING,
                    CR3_LOAD_EXITING,
                    CR3_STORE_EXITING,
                    MOV_DR_EXITING,
                    MONITOR_EXITING,
                    PAUSE_EXITING);

    private static final long CR8_OF_L0 = mask(CR8_LOAD_EXITING, CR8_STORE_EXITING);
    private static final long SECONDARY_OF_L0 =
            mask(DESCRIPTOR_TABLE_EXITING, WBINVD_EXITING, RDRAND_EXITING, RDSEED_EXITING);
    private static final long SECONDARY_EMULATED =
            mask(VMCS_SHADOWING, ENABLE_PML, EPT_VIOLATION_VE);

    private final VmcsView l1;
    private final VmcsView l0;
    private final Resources resources;

    /// What L0 makes for VMCS02, as host-physical addresses.
    ///
    /// @param ioBitmapA the pair with the ports of L1 and L0
    /// @param msrBitmap the registers of L1 and L0
    /// @param eptPointer the shadow of L1's tables
    /// @param vpid that L2 runs with
    /// @param pdptes for PAE paging without EPT in VMCS12
    /// @param hiddenCr4 bits of CR4 that the processor has and L1 doesn't
    /// @param virtualApic whether physical interrupts are L0's
    record Resources(
            long ioBitmapA,
            long ioBitmapB,
            long msrBitmap,
            long virtualApicPage,
            long apicAccessPage,
            long postedDescriptor,
            long eptPointer,
            int vpid,
            long[] pdptes,
            long hiddenCr4,
            boolean virtualApic) {}

    /// @param l1 VMCS12
    /// @param l0 VMCS01
    Merge(VmcsView l1, VmcsView l0, Resources resources) {
        this.l1 = l1;
        this.l0 = l0;
        this.resources = resources;
    }

    private static long mask(VmxControl... controls) {
        long mask = 0;
        for (VmxControl control : controls) {
            mask |= control.mask();
        }
        return mask;
    }

    /// A field of VMCS02, except for shared ones and host state.
    long value(VmcsField field) {
        return switch (MergeRule.of(field)) {
            case PIN_CONTROLS -> l1.read(field) | l0.read(field) & PIN_OF_L0;
            case PRIMARY_CONTROLS -> primary();
            case SECONDARY_CONTROLS -> secondary();
            case EXIT_CONTROLS -> exit();
            case ENTRY_CONTROLS -> entry();
            case EXCEPTION_BITMAP, UNION -> l1.read(field) | l0.read(field);
            case PAGE_FAULT_FILTER -> wantsPageFaults() ? 0 : l1.read(field);
            case TSC_OFFSET -> tscOffset();
            case TSC_MULTIPLIER -> scale(multiplier(l0), multiplier(l1));
            case CR4_MASK -> l1.read(field) | resources.hiddenCr4;
            case CR4_SHADOW -> cr4Shadow();
            case DEBUG_STATE -> own(field, EntryControl.LOAD_DEBUG_CONTROLS);
            case PAT -> own(field, EntryControl.LOAD_PAT);
            case EFER -> efer();
            case PREEMPTION_TIMER, INJECTION -> l1.read(field);
            case HOST_STACK -> l0.read(field);
            case PDPTE ->
                    l1.isSet(ENABLE_EPT)
                            ? l1.read(field)
                            : resources.pdptes[field.index() - VmcsField.GUEST_PDPTE0.index()];
            case IO_BITMAP -> ioBitmap(field);
            case MSR_BITMAP -> resources.msrBitmap;
            case VIRTUAL_APIC -> resources.virtualApicPage;
            case APIC_ACCESS -> resources.apicAccessPage;
            case POSTED_DESCRIPTOR -> resources.postedDescriptor;
            case EPT_POINTER -> resources.eptPointer;
            case VPID -> resources.vpid;
            case LINK_POINTER -> VmcsRegion.NO_POINTER;
            case EMULATED, NOT_OFFERED -> 0;
            case SHARED, HOST_STATE -> throw new IllegalArgumentException(field.toString());
        };
    }

    // Control words

    private static boolean isSet(long word, VmxControl control) {
        return (word & control.mask()) != 0;
    }

    private long primary() {
        long wanted = l1.read(VmcsField.PRIMARY_CONTROLS);
        long own = l0.read(VmcsField.PRIMARY_CONTROLS);
        long word = wanted | own & PRIMARY_OF_L0 | ACTIVATE_SECONDARY_CONTROLS.mask();
        word &= ~ACTIVATE_TERTIARY_CONTROLS.mask();
        if (!isSet(wanted, USE_TPR_SHADOW)) {
            // L2 reaches L1's task priority.
            word |= own & CR8_OF_L0;
        }
        boolean bitmaps = isSet(wanted, USE_MSR_BITMAPS) && isSet(own, USE_MSR_BITMAPS);
        word = set(word, USE_MSR_BITMAPS, bitmaps);
        long ports = mask(USE_IO_BITMAPS, UNCONDITIONAL_IO_EXITING);
        if ((wanted & ports) == 0) {
            word |= own & ports;
        }
        return set(word, USE_TSC_OFFSETTING, isOffset(l0) || isOffset(l1));
    }

    private static long set(long word, VmxControl control, boolean value) {
        return value ? word | control.mask() : word & ~control.mask();
    }

    private long secondary() {
        long wanted =
                l1.isSet(ACTIVATE_SECONDARY_CONTROLS) ? l1.read(VmcsField.SECONDARY_CONTROLS) : 0;
        long own = l0.read(VmcsField.SECONDARY_CONTROLS) & SECONDARY_OF_L0;
        long word = (wanted | own) & ~SECONDARY_EMULATED | mask(ENABLE_EPT, ENABLE_VPID);
        return set(word, USE_TSC_SCALING, isScaled(l0) || isScaled(l1));
    }

    /// The host is L0. Everything of L2 is saved, since L0 may go on with it.
    private long exit() {
        long word = l0.read(VmcsField.EXIT_CONTROLS);
        if (l1.isSet(ACTIVATE_PREEMPTION_TIMER)) {
            word |= ExitControl.SAVE_PREEMPTION_TIMER.mask();
        }
        if (!resources.virtualApic) {
            boolean acknowledges = l1.isSet(ExitControl.ACKNOWLEDGE_INTERRUPT);
            word = set(word, ExitControl.ACKNOWLEDGE_INTERRUPT, acknowledges);
        }
        return word;
    }

    private long entry() {
        return set(
                l0.read(VmcsField.ENTRY_CONTROLS),
                EntryControl.IA_32E_MODE_GUEST,
                l1.isSet(EntryControl.IA_32E_MODE_GUEST));
    }

    // Bitmaps

    private boolean wantsPageFaults() {
        return (l0.read(VmcsField.EXCEPTION_BITMAP) >>> Vector.PF & 1) != 0;
    }

    private long ioBitmap(VmcsField field) {
        if (!l1.isSet(USE_IO_BITMAPS)) {
            return l0.read(field);
        }
        return field == VmcsField.IO_BITMAP_A ? resources.ioBitmapA : resources.ioBitmapB;
    }

    // Time

    private static boolean isOffset(VmcsView vmcs) {
        return vmcs.isSet(USE_TSC_OFFSETTING);
    }

    private static boolean isScaled(VmcsView vmcs) {
        return isOffset(vmcs) && vmcs.isSet(USE_TSC_SCALING);
    }

    private static long multiplier(VmcsView vmcs) {
        return isScaled(vmcs) ? vmcs.read(VmcsField.TSC_MULTIPLIER) : 1L << MULTIPLIER_FRACTION;
    }

    private static long offset(VmcsView vmcs) {
        return isOffset(vmcs) ? vmcs.read(VmcsField.TSC_OFFSET) : 0;
    }

    private long tscOffset() {
        long outer = offset(l0);
        long scaled = outer < 0 ? -scale(-outer, multiplier(l1)) : scale(outer, multiplier(l1));
        return scaled + offset(l1);
    }

    /// Bits 111:48 of the product.
    private static long scale(long value, long multiplier) {
        long high = Math.unsignedMultiplyHigh(value, multiplier);
        return high << 64 - MULTIPLIER_FRACTION | value * multiplier >>> MULTIPLIER_FRACTION;
    }

    // Guest state

    private long cr4Shadow() {
        long mask = l1.read(VmcsField.CR4_GUEST_HOST_MASK);
        return l1.read(VmcsField.CR4_READ_SHADOW) & (mask | ~resources.hiddenCr4);
    }

    /// L2's state if L1 asks for it, else what L1 itself runs with.
    private long own(VmcsField field, EntryControl control) {
        return l1.isSet(control) ? l1.read(field) : l0.read(field);
    }

    /// SDM Vol. 3C, "Loading Guest Control Registers, Debug Registers, and MSRs".
    private long efer() {
        if (l1.isSet(EntryControl.LOAD_EFER)) {
            return l1.read(VmcsField.GUEST_EFER);
        }
        boolean longMode = l1.isSet(EntryControl.IA_32E_MODE_GUEST);
        long efer = l0.read(VmcsField.GUEST_EFER) & ~ControlBits.EFER_LMA;
        if ((l1.read(VmcsField.GUEST_CR0) & ControlBits.CR0_PG) != 0) {
            efer &= ~ControlBits.EFER_LME;
        }
        return longMode ? efer | ControlBits.EFER_LMA | ControlBits.EFER_LME : efer;
    }

    /// Whether the processor has saved a lent field as L1 wants it: otherwise the VM exit leaves
    /// L1's value.
    static boolean isSaved(VmcsField field, VmcsView l1) {
        return switch (MergeRule.of(field)) {
            case DEBUG_STATE -> l1.isSet(ExitControl.SAVE_DEBUG_CONTROLS);
            case PAT -> l1.isSet(ExitControl.SAVE_PAT);
            case EFER -> l1.isSet(ExitControl.SAVE_EFER);
            case PREEMPTION_TIMER -> l1.isSet(ExitControl.SAVE_PREEMPTION_TIMER);
            case PDPTE -> l1.isSet(ENABLE_EPT);
            case PIN_CONTROLS,
                    PRIMARY_CONTROLS,
                    SECONDARY_CONTROLS,
                    EXCEPTION_BITMAP,
                    PAGE_FAULT_FILTER,
                    TSC_OFFSET,
                    TSC_MULTIPLIER,
                    CR4_MASK,
                    CR4_SHADOW,
                    UNION,
                    INJECTION,
                    HOST_STACK ->
                    false;
            case SHARED,
                    EXIT_CONTROLS,
                    ENTRY_CONTROLS,
                    IO_BITMAP,
                    MSR_BITMAP,
                    VIRTUAL_APIC,
                    APIC_ACCESS,
                    POSTED_DESCRIPTOR,
                    EPT_POINTER,
                    VPID,
                    LINK_POINTER,
                    EMULATED,
                    HOST_STATE,
                    NOT_OFFERED ->
                    throw new IllegalArgumentException(field.toString());
        };
    }

    /// The fields of VMCS01 that merging looks at.
    static VmcsField[] ofL0() {
        return new VmcsField[] {
            ControlWord.PIN_BASED.field(),
            ControlWord.PRIMARY.field(),
            ControlWord.SECONDARY.field(),
            ControlWord.PRIMARY_EXIT.field(),
            ControlWord.ENTRY.field(),
            VmcsField.EXCEPTION_BITMAP,
            VmcsField.XSS_EXITING_BITMAP,
            VmcsField.TSC_OFFSET,
            VmcsField.TSC_MULTIPLIER,
            VmcsField.IO_BITMAP_A,
            VmcsField.IO_BITMAP_B,
            VmcsField.HOST_RSP,
            VmcsField.GUEST_DR7,
            VmcsField.GUEST_DEBUGCTL,
            VmcsField.GUEST_PAT,
            VmcsField.GUEST_EFER
        };
    }
}
