package nestbox.cpu.model;

import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;
import nestbox.x86.Msr;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.EptVpidCapability;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.MiscCapability;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.TertiaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// What a processor's virtual-machine extensions can do: the values of the capability registers,
/// and which fields and settings of a VMCS they allow. SDM Vol. 3D, "VMX Capability Reporting
/// Facility".
///
/// A feature that CPUID doesn't report has no controls either.
public final class VmxCapabilities {
    /// Always 1 in VMX operation: PE, NE and PG.
    public static final long CR0_FIXED0 =
            ControlBits.CR0_PE | ControlBits.CR0_NE | ControlBits.CR0_PG;

    public static final long CR0_FIXED1 = 0xFFFF_FFFFL;
    public static final long CR4_FIXED0 = ControlBits.CR4_VMXE;

    private static final int MSR_LIST_UNIT = 512;

    /// The one maximum HLAT prefix size that is defined, in IA32_VMX_EPT_VPID_CAP.
    private static final long HLAT_PREFIX_SIZE_1 = 1L << 48;

    /// What a control is about, where that is a feature of CPUID.
    private static final Map<VmxControl, Cpuid> FEATURES =
            Map.ofEntries(
                    Map.entry(SecondaryControl.ENABLE_RDTSCP, Cpuid.RDTSCP),
                    Map.entry(SecondaryControl.ENABLE_INVPCID, Cpuid.INVPCID),
                    Map.entry(SecondaryControl.RDRAND_EXITING, Cpuid.RDRAND),
                    Map.entry(SecondaryControl.RDSEED_EXITING, Cpuid.RDSEED),
                    Map.entry(SecondaryControl.ENABLE_XSAVES, Cpuid.XSAVES),
                    Map.entry(SecondaryControl.ENABLE_ENCLS_EXITING, Cpuid.SGX),
                    Map.entry(SecondaryControl.ENABLE_ENCLV_EXITING, Cpuid.SGX),
                    Map.entry(SecondaryControl.CONCEAL_VMX_FROM_PT, Cpuid.INTEL_PT),
                    Map.entry(SecondaryControl.PT_USES_GUEST_PHYSICAL_ADDRESSES, Cpuid.INTEL_PT),
                    Map.entry(ExitControl.CONCEAL_VMX_FROM_PT, Cpuid.INTEL_PT),
                    Map.entry(ExitControl.CLEAR_RTIT_CTL, Cpuid.INTEL_PT),
                    Map.entry(EntryControl.CONCEAL_VMX_FROM_PT, Cpuid.INTEL_PT),
                    Map.entry(EntryControl.LOAD_RTIT_CTL, Cpuid.INTEL_PT),
                    Map.entry(ExitControl.CLEAR_BNDCFGS, Cpuid.MPX),
                    Map.entry(EntryControl.LOAD_BNDCFGS, Cpuid.MPX),
                    Map.entry(SecondaryControl.ENABLE_USER_WAIT_AND_PAUSE, Cpuid.WAITPKG),
                    Map.entry(TertiaryControl.VIRTUALIZE_SPEC_CTRL, Cpuid.IBRS_IBPB),
                    Map.entry(ExitControl.LOAD_PERF_GLOBAL_CTRL, Cpuid.PDCM),
                    Map.entry(EntryControl.LOAD_PERF_GLOBAL_CTRL, Cpuid.PDCM));

    private final VmxSilicon silicon;
    private final long[] allowed1 = new long[ControlWord.values().length];
    private final long[] allowed0 = new long[ControlWord.values().length];
    private final Set<VmcsField> fields = EnumSet.noneOf(VmcsField.class);
    private final Map<Msr, Long> msrs = new EnumMap<>(Msr.class);
    private final long misc;
    private final long eptVpid;
    private final long cr4Fixed1;

    private VmxCapabilities(VmxSilicon silicon, Predicate<Cpuid> features, long cr4) {
        this.silicon = silicon;
        cr4Fixed1 = cr4;
        for (ControlWord word : ControlWord.values()) {
            allowed0[word.ordinal()] = word.reserved1();
            allowed1[word.ordinal()] = word.default1();
        }
        for (VmxControl control : silicon.controls()) {
            Cpuid feature = FEATURES.get(control);
            if (feature == null || features.test(feature)) {
                allowed1[control.word().ordinal()] |= control.mask();
            }
        }
        for (VmcsField field : VmcsField.values()) {
            if (field.controls().isEmpty() || field.controls().stream().anyMatch(this::allows)) {
                fields.add(field);
            }
        }
        long bits = 0;
        for (MiscCapability capability : silicon.misc()) {
            bits |= capability.mask();
        }
        misc = features.test(Cpuid.INTEL_PT) ? bits : bits & ~MiscCapability.INTEL_PT.mask();
        bits = 0;
        for (EptVpidCapability capability : silicon.eptVpid()) {
            bits |= capability.mask();
        }
        eptVpid = allows(TertiaryControl.ENABLE_HLAT) ? bits | HLAT_PREFIX_SIZE_1 : bits;
        fillMsrs();
    }

    /// The capabilities of a processor.
    ///
    /// @param features what CPUID reports
    /// @param cr4 bits that CR4 may have set, of those that are implemented
    public static VmxCapabilities of(VmxSilicon silicon, Predicate<Cpuid> features, long cr4) {
        return new VmxCapabilities(silicon, features, cr4 & silicon.cr4Fixed1());
    }

    /// As the data sheet has it, implemented or not.
    public static VmxCapabilities ofSilicon(VmxSilicon silicon) {
        return of(silicon, feature -> true, -1);
    }

    private void fillMsrs() {
        msrs.put(Msr.IA32_VMX_BASIC, basic());
        pair(ControlWord.PIN_BASED, Msr.IA32_VMX_TRUE_PINBASED_CTLS);
        pair(ControlWord.PRIMARY, Msr.IA32_VMX_TRUE_PROCBASED_CTLS);
        pair(ControlWord.PRIMARY_EXIT, Msr.IA32_VMX_TRUE_EXIT_CTLS);
        pair(ControlWord.ENTRY, Msr.IA32_VMX_TRUE_ENTRY_CTLS);
        msrs.put(Msr.IA32_VMX_MISC, miscMsr());
        msrs.put(Msr.IA32_VMX_CR0_FIXED0, CR0_FIXED0);
        msrs.put(Msr.IA32_VMX_CR0_FIXED1, CR0_FIXED1);
        msrs.put(Msr.IA32_VMX_CR4_FIXED0, CR4_FIXED0);
        msrs.put(Msr.IA32_VMX_CR4_FIXED1, cr4Fixed1);
        int lastIndex = fields.stream().mapToInt(VmcsField::index).max().orElseThrow();
        msrs.put(Msr.IA32_VMX_VMCS_ENUM, (long) lastIndex << 1);
        if (allows(PrimaryControl.ACTIVATE_SECONDARY_CONTROLS)) {
            msrs.put(Msr.IA32_VMX_PROCBASED_CTLS2, allowed1(ControlWord.SECONDARY) << 32);
        }
        if (allows(SecondaryControl.ENABLE_EPT) || allows(SecondaryControl.ENABLE_VPID)) {
            msrs.put(Msr.IA32_VMX_EPT_VPID_CAP, eptVpid);
        }
        if (allows(SecondaryControl.ENABLE_VM_FUNCTIONS)) {
            msrs.put(Msr.IA32_VMX_VMFUNC, allowed1(ControlWord.VM_FUNCTION));
        }
        if (allows(PrimaryControl.ACTIVATE_TERTIARY_CONTROLS)) {
            msrs.put(Msr.IA32_VMX_PROCBASED_CTLS3, allowed1(ControlWord.TERTIARY));
        }
        if (allows(ExitControl.ACTIVATE_SECONDARY_CONTROLS)) {
            msrs.put(Msr.IA32_VMX_EXIT_CTLS2, allowed1(ControlWord.SECONDARY_EXIT));
        }
    }

    private long basic() {
        long writeBack = 6L << 50;
        long insOutsInformation = 1L << 54;
        long trueControls = 1L << 55;
        return silicon.revision()
                | (long) silicon.regionSize() << 32
                | writeBack
                | insOutsInformation
                | trueControls
                | (silicon.anyErrorCode() ? 1L << 56 : 0);
    }

    private long miscMsr() {
        return misc
                | silicon.preemptionTimerRate()
                | (long) silicon.cr3Targets() << 16
                | (long) silicon.msrListUnits() << 25;
    }

    private void pair(ControlWord word, Msr flexible) {
        long high = allowed1(word) << 32;
        msrs.put(word.capability(), high | word.default1());
        msrs.put(flexible, high | allowed0(word));
    }

    /// VMCS revision identifier.
    public int revision() {
        return silicon.revision();
    }

    /// Bytes of a VMCS region that the processor uses.
    public int regionSize() {
        return silicon.regionSize();
    }

    /// The bits of a word that must be 1.
    public long allowed0(ControlWord word) {
        return allowed0[word.ordinal()];
    }

    /// The bits of a word that may be 1.
    public long allowed1(ControlWord word) {
        return allowed1[word.ordinal()];
    }

    /// Whether a control may be 1, and its word can be activated.
    public boolean allows(VmxControl control) {
        Optional<VmxControl> activation = control.word().activation();
        boolean active = activation.isEmpty() || allows(activation.get());
        return active && (allowed1(control.word()) & control.mask()) != 0;
    }

    public boolean has(MiscCapability capability) {
        return (misc & capability.mask()) != 0;
    }

    public boolean has(EptVpidCapability capability) {
        return (eptVpid & capability.mask()) != 0;
    }

    /// Whether a VMCS has this field.
    public boolean has(VmcsField field) {
        return fields.contains(field);
    }

    /// The fields of a VMCS.
    public Set<VmcsField> fields() {
        return Collections.unmodifiableSet(fields);
    }

    /// Whether hardware exceptions may have or lack an error code whatever their vector.
    public boolean takesAnyErrorCode() {
        return silicon.anyErrorCode();
    }

    /// The VMX-preemption timer counts when this bit of the TSC changes.
    public int preemptionTimerShift() {
        return silicon.preemptionTimerRate();
    }

    public int cr3Targets() {
        return silicon.cr3Targets();
    }

    /// The longest list of MSRs that is promised to work.
    public int maxMsrList() {
        return MSR_LIST_UNIT * (silicon.msrListUnits() + 1);
    }

    /// The bits that CR4 may have set in VMX operation.
    public long cr4Fixed1() {
        return cr4Fixed1;
    }

    /// The value of a capability register, if there is one of that name.
    public Optional<Long> msr(Msr msr) {
        return Optional.ofNullable(msrs.get(msr));
    }
}
