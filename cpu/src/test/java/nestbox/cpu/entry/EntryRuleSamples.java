package nestbox.cpu.entry;

import static nestbox.x86.vmx.PinControl.*;
import static nestbox.x86.vmx.PrimaryControl.*;
import static nestbox.x86.vmx.SecondaryControl.*;
import static nestbox.x86.vmx.TertiaryControl.*;
import static nestbox.x86.vmx.VmcsField.*;

import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.EptVpidCapability;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.MiscCapability;
import nestbox.x86.vmx.TertiaryControl;
import nestbox.x86.vmx.VmFunctionControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// For every rule of VM entry a VMCS that obeys it where it counts, and one change that breaks it.
public final class EntryRuleSamples {
    /// @param given makes the rule count
    /// @param breaks the change
    public record Sample(String rule, Consumer<Setup> given, Consumer<Setup> breaks) {
        @Override
        public String toString() {
            return rule;
        }
    }

    private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs"};
    private static final long NON_CANONICAL = 0x8000_0000_0000L;
    private static final long TOO_WIDE = 1L << 39;
    private static final long EPTP = 0x5000 | 6 | 3 << 3;

    private final List<Sample> samples = new ArrayList<>();

    public static List<Sample> all() {
        EntryRuleSamples all = new EntryRuleSamples();
        all.controlWords();
        all.executionControls();
        all.ept();
        all.exitControls();
        all.injection();
        all.host();
        all.guestRegisters();
        all.guestSegments();
        all.systemSegments();
        all.guestState();
        all.pendingAndLink();
        return all.samples;
    }

    private void sample(String rule, Consumer<Setup> breaks) {
        sample(rule, setup -> {}, breaks);
    }

    private void sample(String rule, Consumer<Setup> given, Consumer<Setup> breaks) {
        samples.add(new Sample(rule, given, breaks));
    }

    private void field(String rule, VmcsField field, long value) {
        sample(rule, setup -> setup.set(field, value));
    }

    private static Consumer<Setup> on(VmxControl... controls) {
        return setup -> {
            for (VmxControl control : controls) {
                setup.on(control);
            }
        };
    }

    private static Consumer<Setup> set(VmcsField field, long value) {
        return setup -> setup.set(field, value);
    }

    private static Consumer<Setup> without(VmxControl control) {
        return setup -> {
            setup.controls.remove(control);
            setup.refresh();
        };
    }

    private void address(String rule, VmcsField field, VmxControl... controls) {
        sample(rule, on(controls).andThen(set(field, 0x3000)), set(field, 0x3010));
        sample(rule, on(controls).andThen(set(field, 0x3000)), set(field, TOO_WIDE));
    }

    private void controlWords() {
        field("controls.pin.allowed", PIN_BASED_CONTROLS, 0);
        field("controls.pin.allowed", PIN_BASED_CONTROLS, 0x116);
        field("controls.primary.allowed", PRIMARY_CONTROLS, 0x0400_6170);
        sample("controls.primary.allowed", without(USE_MSR_BITMAPS), on(USE_MSR_BITMAPS));
        sample(
                "controls.secondary.allowed",
                on(ENABLE_RDTSCP),
                setup -> setup.set(SECONDARY_CONTROLS, 1L << 29));
        sample(
                "controls.tertiary.allowed",
                on(TertiaryControl.LOADIWKEY_EXITING),
                set(TERTIARY_CONTROLS, 1L << 63));
        sample("controls.exit.allowed", set(EXIT_CONTROLS, 0));
        sample(
                "controls.exit-secondary.allowed",
                on(ExitControl.ACTIVATE_SECONDARY_CONTROLS),
                set(SECONDARY_EXIT_CONTROLS, 1L << 62));
        sample("controls.entry.allowed", set(ENTRY_CONTROLS, 0x8000_11FBL));
        sample(
                "controls.vm-functions.allowed",
                on(ENABLE_EPT, VmFunctionControl.EPTP_SWITCHING).andThen(set(EPT_POINTER, EPTP)),
                set(VM_FUNCTION_CONTROLS, 3));
        sample("controls.cr3-targets.count", set(CR3_TARGET_COUNT, 4), set(CR3_TARGET_COUNT, 5));
    }

    private void executionControls() {
        address("controls.io-bitmap-a.address", IO_BITMAP_A, USE_IO_BITMAPS);
        address("controls.io-bitmap-b.address", IO_BITMAP_B, USE_IO_BITMAPS);
        address("controls.msr-bitmaps.address", MSR_BITMAPS, USE_MSR_BITMAPS);
        address("controls.virtual-apic.address", VIRTUAL_APIC_ADDRESS, USE_TPR_SHADOW);
        Consumer<Setup> shadow =
                on(USE_TPR_SHADOW)
                        .andThen(set(VIRTUAL_APIC_ADDRESS, 0x4000))
                        .andThen(setup -> setup.writePhysical(0x4080, 4, 0x70))
                        .andThen(set(TPR_THRESHOLD, 7));
        sample("controls.tpr-threshold.reserved", shadow, set(TPR_THRESHOLD, 0x17));
        sample("controls.tpr-threshold.vtpr", shadow, set(TPR_THRESHOLD, 8));
        sample(
                "controls.virtual-nmis.nmi-exiting",
                on(VIRTUAL_NMIS, NMI_EXITING),
                setup -> setup.off(NMI_EXITING));
        sample(
                "controls.nmi-window.virtual-nmis",
                on(NMI_WINDOW_EXITING, VIRTUAL_NMIS, NMI_EXITING),
                setup -> setup.off(VIRTUAL_NMIS));
        address("controls.apic-access.address", APIC_ACCESS_ADDRESS, VIRTUALIZE_APIC_ACCESSES);
        needs("controls.x2apic.tpr-shadow", VIRTUALIZE_X2APIC_MODE, USE_TPR_SHADOW);
        needs("controls.apic-registers.tpr-shadow", APIC_REGISTER_VIRTUALIZATION, USE_TPR_SHADOW);
        sample(
                "controls.interrupt-delivery.tpr-shadow",
                on(VIRTUAL_INTERRUPT_DELIVERY, USE_TPR_SHADOW, EXTERNAL_INTERRUPT_EXITING),
                setup -> setup.off(USE_TPR_SHADOW));
        sample(
                "controls.interrupt-delivery.external-interrupts",
                on(VIRTUAL_INTERRUPT_DELIVERY, USE_TPR_SHADOW, EXTERNAL_INTERRUPT_EXITING),
                setup -> setup.off(EXTERNAL_INTERRUPT_EXITING));
        sample(
                "controls.x2apic.apic-accesses",
                on(VIRTUALIZE_X2APIC_MODE, USE_TPR_SHADOW),
                on(VIRTUALIZE_APIC_ACCESSES));
        Consumer<Setup> posted =
                on(
                                PROCESS_POSTED_INTERRUPTS,
                                VIRTUAL_INTERRUPT_DELIVERY,
                                USE_TPR_SHADOW,
                                EXTERNAL_INTERRUPT_EXITING,
                                ExitControl.ACKNOWLEDGE_INTERRUPT)
                        .andThen(set(POSTED_INTERRUPT_NOTIFICATION_VECTOR, 0xFF))
                        .andThen(set(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, 0x4040));
        sample(
                "controls.posted.interrupt-delivery",
                posted,
                setup -> setup.off(VIRTUAL_INTERRUPT_DELIVERY));
        sample(
                "controls.posted.acknowledge",
                posted,
                setup -> setup.off(ExitControl.ACKNOWLEDGE_INTERRUPT));
        sample("controls.posted.vector", posted, set(POSTED_INTERRUPT_NOTIFICATION_VECTOR, 0x100));
        sample(
                "controls.posted.descriptor",
                posted,
                set(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, 0x4020));
        needs("controls.ipi.tpr-shadow", IPI_VIRTUALIZATION, USE_TPR_SHADOW);
        Consumer<Setup> ipi =
                on(IPI_VIRTUALIZATION, USE_TPR_SHADOW)
                        .andThen(set(PID_POINTER_TABLE_ADDRESS, TOO_WIDE - 16))
                        .andThen(set(LAST_PID_POINTER_INDEX, 1));
        sample("controls.ipi.table", ipi, set(PID_POINTER_TABLE_ADDRESS, 0x3004));
        sample("controls.ipi.table", ipi, set(PID_POINTER_TABLE_ADDRESS, TOO_WIDE));
        sample("controls.ipi.last", ipi, set(LAST_PID_POINTER_INDEX, 2));
        sample(
                "controls.vpid.zero",
                on(ENABLE_VPID).andThen(set(VIRTUAL_PROCESSOR_IDENTIFIER, 1)),
                set(VIRTUAL_PROCESSOR_IDENTIFIER, 0));
    }

    private void needs(String rule, VmxControl control, VmxControl other) {
        sample(rule, on(control, other), setup -> setup.off(other));
    }

    private void ept() {
        Consumer<Setup> ept = on(ENABLE_EPT).andThen(set(EPT_POINTER, EPTP));
        sample("controls.eptp.memory-type", ept, set(EPT_POINTER, EPTP - 1));
        sample(
                "controls.eptp.memory-type",
                ept,
                setup -> {
                    setup.eptVpid.remove(EptVpidCapability.WRITE_BACK);
                    setup.refresh();
                });
        sample("controls.eptp.walk-length", ept, set(EPT_POINTER, EPTP - 8));
        sample(
                "controls.eptp.accessed-dirty",
                ept.andThen(set(EPT_POINTER, EPTP | 0x40)),
                setup -> {
                    setup.eptVpid.remove(EptVpidCapability.ACCESSED_DIRTY);
                    setup.refresh();
                });
        sample("controls.eptp.reserved", ept, set(EPT_POINTER, EPTP | 0x100));
        sample("controls.eptp.reserved", ept, set(EPT_POINTER, EPTP | TOO_WIDE));
        for (VmxControl control :
                List.of(UNRESTRICTED_GUEST, MODE_BASED_EXECUTE_CONTROL, ENABLE_PML)) {
            String name =
                    control == UNRESTRICTED_GUEST
                            ? "unrestricted"
                            : control == ENABLE_PML ? "pml" : "mode-based-execute";
            sample(
                    "controls." + name + ".ept",
                    ept.andThen(on(control)),
                    setup -> setup.off(ENABLE_EPT));
        }
        sample(
                "controls.pml.address",
                ept.andThen(on(ENABLE_PML)).andThen(set(PML_ADDRESS, 0x3000)),
                set(PML_ADDRESS, 0x3008));
        sample(
                "controls.sub-page.ept",
                ept.andThen(on(SUB_PAGE_WRITE_PERMISSIONS)),
                setup -> setup.off(ENABLE_EPT));
        sample(
                "controls.sub-page.address",
                ept.andThen(on(SUB_PAGE_WRITE_PERMISSIONS)),
                set(SUB_PAGE_PERMISSION_TABLE_POINTER, 1));
        sample("controls.hlat.ept", ept.andThen(on(ENABLE_HLAT)), setup -> setup.off(ENABLE_EPT));
        for (long pointer : new long[] {0x3001, 0x3020, TOO_WIDE}) {
            sample(
                    "controls.hlat.pointer",
                    ept.andThen(on(ENABLE_HLAT)).andThen(set(HLAT_POINTER, 0x3018)),
                    set(HLAT_POINTER, pointer));
        }
        sample(
                "controls.paging-write.ept",
                ept.andThen(on(EPT_PAGING_WRITE_CONTROL)),
                setup -> setup.off(ENABLE_EPT));
        sample(
                "controls.paging-verification.ept",
                ept.andThen(on(GUEST_PAGING_VERIFICATION)),
                setup -> setup.off(ENABLE_EPT));
        sample(
                "controls.eptp-switching.ept",
                ept.andThen(on(VmFunctionControl.EPTP_SWITCHING)),
                setup -> setup.off(ENABLE_EPT));
        sample(
                "controls.eptp-switching.address",
                ept.andThen(on(VmFunctionControl.EPTP_SWITCHING)),
                set(EPTP_LIST_ADDRESS, 0x800));
        sample(
                "controls.tsc-multiplier.zero",
                on(USE_TSC_SCALING).andThen(set(TSC_MULTIPLIER, 1)),
                set(TSC_MULTIPLIER, 0));
        address("controls.vmread-bitmap.address", VMREAD_BITMAP_ADDRESS, VMCS_SHADOWING);
        address("controls.vmwrite-bitmap.address", VMWRITE_BITMAP_ADDRESS, VMCS_SHADOWING);
        address(
                "controls.virtualization-exception.address",
                VIRTUALIZATION_EXCEPTION_ADDRESS,
                EPT_VIOLATION_VE);
        Consumer<Setup> trace =
                ept.andThen(
                        on(
                                PT_USES_GUEST_PHYSICAL_ADDRESSES,
                                EntryControl.LOAD_RTIT_CTL,
                                ExitControl.CLEAR_RTIT_CTL));
        sample("controls.pt-guest-physical.ept", trace, setup -> setup.off(ENABLE_EPT));
        sample(
                "controls.pt-guest-physical.load",
                trace,
                setup -> setup.off(EntryControl.LOAD_RTIT_CTL));
        sample(
                "controls.pt-guest-physical.clear",
                trace,
                setup -> setup.off(ExitControl.CLEAR_RTIT_CTL));
    }

    private void exitControls() {
        sample(
                "controls.exit.preemption-timer",
                on(ExitControl.SAVE_PREEMPTION_TIMER, ACTIVATE_PREEMPTION_TIMER),
                setup -> setup.off(ACTIVATE_PREEMPTION_TIMER));
        area("controls.exit-msr-store", EXIT_MSR_STORE_ADDRESS, EXIT_MSR_STORE_COUNT);
        area("controls.exit-msr-load", EXIT_MSR_LOAD_ADDRESS, EXIT_MSR_LOAD_COUNT);
        area("controls.entry-msr-load", ENTRY_MSR_LOAD_ADDRESS, ENTRY_MSR_LOAD_COUNT);
        sample("controls.entry.smm", on(EntryControl.ENTRY_TO_SMM));
        sample("controls.entry.dual-monitor", on(EntryControl.DEACTIVATE_DUAL_MONITOR));
    }

    private void area(String rule, VmcsField address, VmcsField count) {
        Consumer<Setup> list = set(address, TOO_WIDE - 0x20).andThen(set(count, 2));
        sample(rule + ".address", list, set(address, 0x1008));
        sample(rule + ".end", list, set(count, 3));
    }

    private static Consumer<Setup> inject(InterruptionType type, int vector) {
        return set(
                ENTRY_INTERRUPTION_INFORMATION, InterruptionInformation.of(type, vector).toLong());
    }

    private static Consumer<Setup> injectWithCode(int vector) {
        return set(
                ENTRY_INTERRUPTION_INFORMATION,
                InterruptionInformation.of(InterruptionType.HARDWARE_EXCEPTION, vector)
                        .withErrorCode()
                        .toLong());
    }

    private void injection() {
        sample("controls.injection.type", inject(InterruptionType.RESERVED, 0));
        sample(
                "controls.injection.type",
                inject(InterruptionType.OTHER_EVENT, 0),
                without(MONITOR_TRAP_FLAG));
        sample(
                "controls.injection.vector",
                inject(InterruptionType.NMI, 2),
                inject(InterruptionType.NMI, 3));
        sample(
                "controls.injection.vector",
                inject(InterruptionType.HARDWARE_EXCEPTION, 31),
                inject(InterruptionType.HARDWARE_EXCEPTION, 32));
        sample(
                "controls.injection.vector",
                inject(InterruptionType.OTHER_EVENT, 0),
                inject(InterruptionType.OTHER_EVENT, 1));
        sample(
                "controls.injection.error-code",
                injectWithCode(14),
                inject(InterruptionType.HARDWARE_EXCEPTION, 14));
        sample(
                "controls.injection.error-code",
                inject(InterruptionType.HARDWARE_EXCEPTION, 6),
                injectWithCode(6));
        sample(
                "controls.injection.reserved",
                injectWithCode(14),
                set(ENTRY_INTERRUPTION_INFORMATION, 0x8000_1B0EL));
        sample(
                "controls.injection.error-code-value",
                injectWithCode(14).andThen(set(ENTRY_EXCEPTION_ERROR_CODE, 0xFFFF)),
                set(ENTRY_EXCEPTION_ERROR_CODE, 0x1_0000));
        sample(
                "controls.injection.length",
                inject(InterruptionType.SOFTWARE_INTERRUPT, 0x80)
                        .andThen(set(ENTRY_INSTRUCTION_LENGTH, 15)),
                set(ENTRY_INSTRUCTION_LENGTH, 16));
        sample(
                "controls.injection.length",
                inject(InterruptionType.SOFTWARE_EXCEPTION, 3),
                setup -> {
                    setup.misc.remove(MiscCapability.INJECTION_WITH_LENGTH_0);
                    setup.refresh();
                });
    }

    private void host() {
        field("host.cr0.fixed", HOST_CR0, 0x8005_0013L);
        field("host.cr0.fixed", HOST_CR0, 0x1_8005_0033L);
        field("host.cr4.fixed", HOST_CR4, ControlBits.CR4_PAE);
        field("host.cr4.fixed", HOST_CR4, ControlBits.CR4_VMXE | 1L << 30);
        field("host.cr3.width", HOST_CR3, TOO_WIDE);
        field("host.sysenter-esp.canonical", HOST_SYSENTER_ESP, NON_CANONICAL);
        field("host.sysenter-eip.canonical", HOST_SYSENTER_EIP, NON_CANONICAL);
        sample(
                "host.perf-global-ctrl.reserved",
                on(ExitControl.LOAD_PERF_GLOBAL_CTRL).andThen(set(HOST_PERF_GLOBAL_CTRL, 0xF)),
                set(HOST_PERF_GLOBAL_CTRL, 0x10));
        sample(
                "host.pat.types",
                on(ExitControl.LOAD_PAT).andThen(set(HOST_PAT, 0x0706_0504_0100_0607L)),
                set(HOST_PAT, 0x0200_0000_0000_0000L));
        sample("host.efer.reserved", on(ExitControl.LOAD_EFER), set(HOST_EFER, 0xD03));
        sample("host.efer.long-mode", on(ExitControl.LOAD_EFER), set(HOST_EFER, 0x400));
        String[] names = {"es", "cs", "ss", "ds", "fs", "gs", "tr"};
        for (int i = 0; i < names.length; i++) {
            field("host." + names[i] + ".selector", HOST_ES_SELECTOR.plus(i), 0x1C);
        }
        field("host.cs.null", HOST_CS_SELECTOR, 0);
        field("host.tr.null", HOST_TR_SELECTOR, 0);
        sample("host.ss.null", Setup::protectedHost, set(HOST_SS_SELECTOR, 0));
        field("host.fs.base", HOST_FS_BASE, NON_CANONICAL);
        field("host.gs.base", HOST_GS_BASE, NON_CANONICAL);
        field("host.gdtr.base", HOST_GDTR_BASE, NON_CANONICAL);
        field("host.idtr.base", HOST_IDTR_BASE, NON_CANONICAL);
        field("host.tr.base", HOST_TR_BASE, NON_CANONICAL);
        sample(
                "host.mode.outside-ia-32e-guest",
                Setup::protectedHost,
                on(EntryControl.IA_32E_MODE_GUEST));
        sample(
                "host.mode.address-space",
                Setup::protectedGuest,
                setup -> setup.off(ExitControl.HOST_ADDRESS_SPACE_SIZE));
        sample(
                "host.mode.32-bit-pcide",
                Setup::protectedHost,
                set(HOST_CR4, ControlBits.CR4_VMXE | ControlBits.CR4_PCIDE));
        sample("host.mode.32-bit-rip", Setup::protectedHost, set(HOST_RIP, 1L << 32));
        field("host.mode.64-bit-pae", HOST_CR4, ControlBits.CR4_VMXE);
        field("host.mode.64-bit-rip", HOST_RIP, NON_CANONICAL);
    }

    private void guestRegisters() {
        field("guest.cr0.fixed", GUEST_CR0, 0x8005_0013L);
        sample(
                "guest.cr0.paging",
                setup -> {
                    setup.protectedGuest().on(UNRESTRICTED_GUEST).on(ENABLE_EPT);
                    setup.set(EPT_POINTER, EPTP).set(GUEST_CR0, 0x20);
                },
                set(GUEST_CR0, 0x8000_0020L));
        field("guest.cr4.fixed", GUEST_CR4, ControlBits.CR4_PAE);
        sample(
                "guest.debugctl.reserved",
                on(EntryControl.LOAD_DEBUG_CONTROLS).andThen(set(GUEST_DEBUGCTL, 1)),
                set(GUEST_DEBUGCTL, 4));
        sample(
                "guest.mode.paging",
                on(UNRESTRICTED_GUEST, ENABLE_EPT).andThen(set(EPT_POINTER, EPTP)),
                set(GUEST_CR0, 0x21));
        field("guest.mode.pae", GUEST_CR4, ControlBits.CR4_VMXE);
        sample(
                "guest.mode.pcide",
                Setup::protectedGuest,
                set(GUEST_CR4, ControlBits.CR4_VMXE | ControlBits.CR4_PCIDE));
        field("guest.cr3.width", GUEST_CR3, TOO_WIDE);
        sample(
                "guest.dr7.width",
                on(EntryControl.LOAD_DEBUG_CONTROLS).andThen(set(GUEST_DR7, 0x400)),
                set(GUEST_DR7, 1L << 32));
        field("guest.sysenter-esp.canonical", GUEST_SYSENTER_ESP, NON_CANONICAL);
        field("guest.sysenter-eip.canonical", GUEST_SYSENTER_EIP, NON_CANONICAL);
        sample(
                "guest.perf-global-ctrl.reserved",
                on(EntryControl.LOAD_PERF_GLOBAL_CTRL),
                set(GUEST_PERF_GLOBAL_CTRL, -1));
        sample("guest.pat.types", on(EntryControl.LOAD_PAT), set(GUEST_PAT, 8));
        sample("guest.efer.reserved", on(EntryControl.LOAD_EFER), set(GUEST_EFER, 0x1500));
        sample("guest.efer.lma", on(EntryControl.LOAD_EFER), set(GUEST_EFER, 0x100));
        sample("guest.efer.lme", on(EntryControl.LOAD_EFER), set(GUEST_EFER, 0x400));
        sample(
                "guest.bndcfgs.reserved",
                on(EntryControl.LOAD_BNDCFGS).andThen(set(GUEST_BNDCFGS, 0x3003)),
                set(GUEST_BNDCFGS, 0x3007));
    }

    private void guestSegments() {
        for (int i = 0; i < SEGMENTS.length; i++) {
            segment(i, "guest." + SEGMENTS[i] + ".");
        }
        sample(
                "guest.ss.selector",
                setup -> setup.segment(2, 0x10, 0, 0, 0x1_0000),
                set(GUEST_SS_SELECTOR, 1));
        sample("guest.cs.type", setup -> setup.rights(1, 0xA093));
        sample("guest.cs.dpl", setup -> setup.rights(1, 0xA0BB));
        sample("guest.cs.dpl", setup -> setup.rights(1, 0xA09F), setup -> setup.rights(1, 0xA0BF));
        sample("guest.cs.default-size", setup -> setup.rights(1, 0xE09B));
        sample("guest.ss.type", setup -> setup.rights(2, 0xC091));
        sample(
                "guest.ss.dpl",
                setup -> setup.rights(2, 0x1_0000),
                setup -> setup.rights(2, 0x1_0060).rights(1, 0xA0FB));
        sample(
                "guest.ss.dpl-real",
                setup -> {
                    setup.protectedGuest().on(UNRESTRICTED_GUEST).on(ENABLE_EPT);
                    setup.set(EPT_POINTER, EPTP).set(GUEST_CR0, 0x20);
                    setup.rights(1, 0x93).set(GUEST_CS_LIMIT, 0xFFFF);
                },
                setup -> setup.rights(2, 0xC0F3));
        for (int data : new int[] {0, 3, 4, 5}) {
            String id = "guest." + SEGMENTS[data];
            sample(id + ".type", setup -> setup.rights(data, 0xC092));
            sample(id + ".type", setup -> setup.rights(data, 0xC099));
            sample(id + ".dpl", set(GUEST_ES_SELECTOR.plus(data), 0x13));
        }
    }

    /// What all of ES to GS have in common.
    private void segment(int segment, String id) {
        long good = segment == 1 ? 0xA09B : 0xC093;
        VmcsField base = GUEST_ES_BASE.plus(segment);
        field(id + "base", base, segment >= 4 ? NON_CANONICAL : 1L << 32);
        sample(id + "virtual-8086-base", Setup::virtual8086Guest, set(base, 0));
        sample(
                id + "virtual-8086-limit",
                Setup::virtual8086Guest,
                set(GUEST_ES_LIMIT.plus(segment), 0xFFFE));
        sample(
                id + "virtual-8086-rights",
                Setup::virtual8086Guest,
                setup -> setup.rights(segment, 0x93));
        sample(id + "system", setup -> setup.rights(segment, good & ~0x10));
        sample(id + "present", setup -> setup.rights(segment, good & ~0x80));
        sample(id + "reserved", setup -> setup.rights(segment, good | 0x100));
        sample(id + "reserved", setup -> setup.rights(segment, good | 0x2_0000));
        sample(id + "granularity", setup -> setup.rights(segment, good & ~0x8000));
        sample(id + "granularity", set(GUEST_ES_LIMIT.plus(segment), 0xFFFF_FFFEL));
    }

    private void systemSegments() {
        field("guest.tr.selector", GUEST_TR_SELECTOR, 0x1C);
        field("guest.tr.base", GUEST_TR_BASE, NON_CANONICAL);
        sample("guest.tr.type", setup -> setup.rights(7, 0x89));
        sample(
                "guest.tr.type",
                setup -> setup.protectedGuest().rights(7, 0x83),
                setup -> setup.rights(7, 0x81));
        sample("guest.tr.system", setup -> setup.rights(7, 0x9B));
        sample("guest.tr.present", setup -> setup.rights(7, 0x0B));
        sample("guest.tr.reserved", setup -> setup.rights(7, 0x28B));
        sample("guest.tr.granularity", setup -> setup.rights(7, 0x808B));
        sample("guest.tr.unusable", setup -> setup.rights(7, 0x1_008B));
        Consumer<Setup> ldt = setup -> setup.segment(6, 0x20, 0x1000, 0xFFF, 0x82);
        sample("guest.ldtr.selector", ldt, set(GUEST_LDTR_SELECTOR, 0x24));
        sample("guest.ldtr.base", ldt, set(GUEST_LDTR_BASE, NON_CANONICAL));
        sample("guest.ldtr.type", ldt, setup -> setup.rights(6, 0x8B));
        sample("guest.ldtr.system", ldt, setup -> setup.rights(6, 0x92));
        sample("guest.ldtr.present", ldt, setup -> setup.rights(6, 0x02));
        sample("guest.ldtr.reserved", ldt, setup -> setup.rights(6, 0x882));
        sample("guest.ldtr.granularity", ldt, set(GUEST_LDTR_LIMIT, 0x10_0FFF));
        field("guest.gdtr.base", GUEST_GDTR_BASE, NON_CANONICAL);
        field("guest.gdtr.limit", GUEST_GDTR_LIMIT, 0x1_0000);
        field("guest.idtr.base", GUEST_IDTR_BASE, NON_CANONICAL);
        field("guest.idtr.limit", GUEST_IDTR_LIMIT, 0x1_0000);
    }

    private void guestState() {
        sample("guest.rip.32-bit", Setup::protectedGuest, set(GUEST_RIP, 1L << 32));
        sample("guest.rip.64-bit", set(GUEST_RIP, NON_CANONICAL), set(GUEST_RIP, 1L << 48));
        field("guest.rflags.reserved", GUEST_RFLAGS, 0);
        field("guest.rflags.reserved", GUEST_RFLAGS, 0xA);
        // In 64-bit mode, with everything else as virtual-8086 mode wants it.
        sample(
                "guest.rflags.vm",
                Setup::virtual8086Guest,
                setup -> {
                    setup.on(EntryControl.IA_32E_MODE_GUEST);
                    setup.set(GUEST_CR4, ControlBits.CR4_VMXE | ControlBits.CR4_PAE);
                });
        Consumer<Setup> interrupt =
                inject(InterruptionType.EXTERNAL_INTERRUPT, 0x40).andThen(set(GUEST_RFLAGS, 0x202));
        sample("guest.rflags.if", interrupt, set(GUEST_RFLAGS, 2));
        sample(
                "guest.activity.supported",
                set(GUEST_ACTIVITY_STATE, 3),
                set(GUEST_ACTIVITY_STATE, 4));
        sample(
                "guest.activity.supported",
                set(GUEST_ACTIVITY_STATE, 1),
                setup -> {
                    setup.misc.remove(MiscCapability.ACTIVITY_HLT);
                    setup.refresh();
                });
        sample(
                "guest.activity.privilege",
                setup -> {
                    setup.segment(1, 0x1B, 0, 0xFFFF_FFFFL, 0xA0FB);
                    setup.segment(2, 0x23, 0, 0xFFFF_FFFFL, 0xC0F3);
                },
                set(GUEST_ACTIVITY_STATE, 1));
        Consumer<Setup> sti =
                set(GUEST_RFLAGS, 0x202).andThen(set(GUEST_INTERRUPTIBILITY_STATE, 1));
        sample("guest.activity.blocking", sti, set(GUEST_ACTIVITY_STATE, 1));
        sample(
                "guest.activity.injection",
                interrupt.andThen(set(GUEST_ACTIVITY_STATE, 1)),
                inject(InterruptionType.SOFTWARE_INTERRUPT, 0x40)
                        .andThen(set(ENTRY_INSTRUCTION_LENGTH, 2)));
        sample(
                "guest.activity.injection",
                inject(InterruptionType.NMI, 2).andThen(set(GUEST_ACTIVITY_STATE, 2)),
                set(GUEST_ACTIVITY_STATE, 3));
        sample("guest.interruptibility.reserved", set(GUEST_INTERRUPTIBILITY_STATE, 0x20));
        sample("guest.interruptibility.both", sti, set(GUEST_INTERRUPTIBILITY_STATE, 3));
        sample("guest.interruptibility.sti", sti, set(GUEST_RFLAGS, 2));
        sample("guest.interruptibility.interrupt", interrupt, set(GUEST_INTERRUPTIBILITY_STATE, 2));
        Consumer<Setup> nmi = inject(InterruptionType.NMI, 2).andThen(set(GUEST_RFLAGS, 0x202));
        sample("guest.interruptibility.nmi-mov-ss", nmi, set(GUEST_INTERRUPTIBILITY_STATE, 2));
        sample("guest.interruptibility.nmi-sti", nmi, set(GUEST_INTERRUPTIBILITY_STATE, 1));
        sample("guest.interruptibility.smi", set(GUEST_INTERRUPTIBILITY_STATE, 4));
        sample(
                "guest.interruptibility.nmi-virtual",
                nmi.andThen(set(GUEST_INTERRUPTIBILITY_STATE, 8)),
                on(NMI_EXITING, VIRTUAL_NMIS));
        sample(
                "guest.interruptibility.enclave",
                set(GUEST_INTERRUPTIBILITY_STATE, 0x10),
                set(GUEST_INTERRUPTIBILITY_STATE, 0x12));
    }

    private void pendingAndLink() {
        field("guest.pending-debug.reserved", GUEST_PENDING_DEBUG_EXCEPTIONS, 0x10);
        Consumer<Setup> stepping =
                set(GUEST_RFLAGS, 0x302)
                        .andThen(set(GUEST_INTERRUPTIBILITY_STATE, 1))
                        .andThen(set(GUEST_PENDING_DEBUG_EXCEPTIONS, 0x4000));
        sample("guest.pending-debug.single-step", stepping, set(GUEST_PENDING_DEBUG_EXCEPTIONS, 0));
        sample("guest.pending-debug.single-step", stepping, set(GUEST_DEBUGCTL, 2));
        Consumer<Setup> rtm = set(GUEST_PENDING_DEBUG_EXCEPTIONS, 0x1_1000);
        sample("guest.pending-debug.rtm", rtm, set(GUEST_PENDING_DEBUG_EXCEPTIONS, 0x1_1001));
        sample("guest.pending-debug.rtm", rtm, setup -> setup.features.remove(Cpuid.RTM));
        Consumer<Setup> link =
                on(VMCS_SHADOWING)
                        .andThen(set(VMCS_LINK_POINTER, Setup.LINKED))
                        .andThen(
                                setup ->
                                        setup.writePhysical(
                                                Setup.LINKED, 4, Setup.REVISION | 1 << 31));
        sample("guest.link.address", link, set(VMCS_LINK_POINTER, Setup.LINKED + 8));
        sample(
                "guest.link.revision",
                link,
                setup -> setup.writePhysical(Setup.LINKED, 4, 5 | 1 << 31));
        sample(
                "guest.link.shadow",
                link,
                setup -> setup.writePhysical(Setup.LINKED, 4, Setup.REVISION));
        sample(
                "guest.link.current",
                link.andThen(
                        setup -> setup.writePhysical(Setup.CURRENT, 4, Setup.REVISION | 1 << 31)),
                set(VMCS_LINK_POINTER, Setup.CURRENT));
        Consumer<Setup> pae =
                setup ->
                        setup.protectedGuest()
                                .set(GUEST_CR4, ControlBits.CR4_VMXE | ControlBits.CR4_PAE);
        for (int i = 0; i < 4; i++) {
            VmcsField field = GUEST_PDPTE0.plus(i);
            sample(
                    "guest.pdpte" + i + ".reserved",
                    pae.andThen(on(ENABLE_EPT)).andThen(set(EPT_POINTER, EPTP)),
                    set(field, 0x1003));
            long entry = 0x2000 + 8L * i;
            sample(
                    "guest.pdpte" + i + ".reserved",
                    pae.andThen(setup -> setup.writePhysical(entry, 8, 0x1001)),
                    setup -> setup.writePhysical(entry, 8, TOO_WIDE | 1));
        }
    }
}
