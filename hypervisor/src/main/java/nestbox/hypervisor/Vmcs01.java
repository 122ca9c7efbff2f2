package nestbox.hypervisor;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.StartState;
import nestbox.cpu.VmxRoot;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.hypervisor.devicemodel.VcpuRegisters;
import nestbox.platform.GuestMemory;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;
import nestbox.x86.vmx.VmxControl;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// What L0 writes into the VMCS of a vCPU: controls once, guest state whenever the vCPU starts.
final class Vmcs01 {
    private static final int SEGMENTS = 8;
    private static final int CS = 1;
    private static final int LDTR = 6;
    private static final int TR = 7;
    private static final long PAT_AFTER_RESET = 0x0007_0406_0007_0406L;
    private static final long DR7_AFTER_RESET = 0x400;
    private static final int RESET_SELECTOR = 0xF000;
    private static final long RESET_BASE = 0xFFFF_0000L;
    private static final long RESET_OFFSET = 0xFFF0;
    private static final int RAX = 0;
    private static final int RBX = 3;
    private static final int RSP = 4;
    private static final int RSI = 6;
    private static final int REGISTERS = 16;

    /// The segment registers in the order in which a device model has them.
    private static final List<Integer> STARTED = List.of(CS, 2, 3, 0, 4, 5);

    private static final int REAL_MODE_RIGHTS = 0x93;
    private static final int REAL_MODE_CODE = 0x9B;

    /// Without these L0 doesn't run.
    private static final List<VmxControl> NEEDED =
            List.of(
                    SecondaryControl.ENABLE_EPT,
                    SecondaryControl.UNRESTRICTED_GUEST,
                    SecondaryControl.ENABLE_VPID,
                    PrimaryControl.USE_IO_BITMAPS,
                    PrimaryControl.USE_MSR_BITMAPS,
                    PrimaryControl.ACTIVATE_SECONDARY_CONTROLS,
                    ExitControl.HOST_ADDRESS_SPACE_SIZE,
                    ExitControl.SAVE_DEBUG_CONTROLS,
                    ExitControl.SAVE_EFER,
                    ExitControl.LOAD_EFER,
                    ExitControl.SAVE_PAT,
                    ExitControl.LOAD_PAT,
                    EntryControl.LOAD_DEBUG_CONTROLS,
                    EntryControl.LOAD_EFER,
                    EntryControl.LOAD_PAT);

    /// What lets guests execute instructions that CPUID reports.
    private static final List<VmxControl> IF_AVAILABLE =
            List.of(
                    SecondaryControl.ENABLE_RDTSCP,
                    SecondaryControl.ENABLE_INVPCID,
                    SecondaryControl.ENABLE_XSAVES,
                    SecondaryControl.ENABLE_USER_WAIT_AND_PAUSE);

    /// Interrupts are L0's, which passes them on to the vCPU's virtual local APIC.
    private static final List<VmxControl> WITH_VIRTUAL_APIC =
            List.of(
                    PinControl.EXTERNAL_INTERRUPT_EXITING,
                    PinControl.NMI_EXITING,
                    PinControl.VIRTUAL_NMIS,
                    PrimaryControl.HLT_EXITING,
                    PrimaryControl.CR8_LOAD_EXITING,
                    PrimaryControl.CR8_STORE_EXITING,
                    ExitControl.ACKNOWLEDGE_INTERRUPT);

    private final VmxRoot root;

    Vmcs01(VmxRoot root) {
        this.root = root;
    }

    /// Whether L0 can run on such a processor.
    ///
    /// @return the titles of the controls that it lacks
    static Set<String> lacking(VmxCapabilities capabilities) {
        Set<String> titles = new TreeSet<>();
        for (VmxControl control : NEEDED) {
            if (!capabilities.allows(control)) {
                titles.add(control.title());
            }
        }
        return titles;
    }

    private void put(VmcsField field, long value) {
        root.vmwrite(field, value);
    }

    /// Makes a region ready for VMPTRLD.
    static void prepareRegion(GuestMemory memory, long region, VmxRoot root) {
        memory.writeInt(region, root.capabilities().revision());
        root.vmclear(region);
    }

    /// Everything but guest state, in the current VMCS.
    ///
    /// @param passesApic whether the local APIC is the guest's
    /// @param cr4Mask the bits of CR4 that L0 keeps
    void writeControls(boolean passesApic, long cr4Mask) {
        VmxCapabilities capabilities = root.capabilities();
        for (ControlWord word : ControlWord.values()) {
            long wanted = mask(word, NEEDED) | mask(word, IF_AVAILABLE);
            wanted |= passesApic ? 0 : mask(word, WITH_VIRTUAL_APIC);
            put(word.field(), wanted & capabilities.allowed1(word) | capabilities.allowed0(word));
        }
        put(CR0_GUEST_HOST_MASK, ControlBits.CR0_NE);
        put(CR4_GUEST_HOST_MASK, cr4Mask);
        put(VMCS_LINK_POINTER, VmcsRegion.NO_POINTER);
        put(HOST_PAT, PAT_AFTER_RESET);
        put(XSS_EXITING_BITMAP, 0);
        root.writeHostState();
    }

    private static long mask(ControlWord word, List<VmxControl> controls) {
        long mask = 0;
        for (VmxControl control : controls) {
            mask |= control.word() == word ? control.mask() : 0;
        }
        return mask;
    }

    // Guest state

    /// Real-address mode, as after RESET or INIT, at a place.
    void writeRealMode(int selector, long rip) {
        for (int i = 0; i < SEGMENTS; i++) {
            segment(i, 0, 0, 0xFFFF, REAL_MODE_RIGHTS);
        }
        segment(CS, selector, (long) selector << 4, 0xFFFF, REAL_MODE_CODE);
        common(0, 0, 0, 0, 0xFFFF);
        put(GUEST_RIP, rip);
    }

    /// Where a processor begins after RESET, which may be nowhere.
    void writeReset() {
        writeRealMode(RESET_SELECTOR, RESET_OFFSET);
        put(GUEST_CS_BASE, RESET_BASE);
        clearRegisters();
    }

    private void clearRegisters() {
        for (int register = 0; register < REGISTERS; register++) {
            root.register(register, 0);
        }
    }

    /// Where a device model wants it. But for CS, it gives selectors only: segments are flat, or
    /// those of real-address mode.
    void writeStart(VcpuRegisters start) {
        boolean flat = (start.cr0() & ControlBits.CR0_PE) != 0;
        common(start.cr0(), start.cr3(), start.cr4(), start.efer(), start.gdt().limit());
        for (int i = 0; i < STARTED.size(); i++) {
            int selector = start.selectors().get(i);
            int number = STARTED.get(i);
            if (number == CS) {
                VcpuRegisters.Code code = start.code();
                segment(CS, selector, code.base(), code.limit(), code.rights());
            } else if (flat) {
                segment(number, selector, 0, 0xFFFF_FFFFL, 0xC093);
            } else {
                segment(number, selector, (long) selector << 4, 0xFFFF, REAL_MODE_RIGHTS);
            }
        }
        put(GUEST_GDTR_BASE, start.gdt().base());
        put(GUEST_IDTR_BASE, start.idt().base());
        put(GUEST_IDTR_LIMIT, start.idt().limit());
        put(GUEST_RIP, start.rip());
        put(GUEST_RFLAGS, start.rflags() & ~RFlags.STATUS | RFlags.FIXED);
        for (int register = 0; register < REGISTERS; register++) {
            root.register(register, start.general().get(register));
        }
        put(GUEST_RSP, start.general().get(RSP));
    }

    /// Where a boot loader starts a kernel.
    void writeStart(StartState start) {
        clearRegisters();
        root.register(RAX, start.eax());
        root.register(RBX, start.ebx());
        root.register(RSI, start.rsi());
        boolean wide = start.longMode();
        for (int i = 0; i < SEGMENTS; i++) {
            segment(i, start.data(), 0, 0xFFFF_FFFFL, 0xC093);
        }
        segment(CS, start.code(), 0, 0xFFFF_FFFFL, wide ? 0xA09B : 0xC09B);
        long cr0 = ControlBits.CR0_PE;
        if (wide) {
            cr0 |= ControlBits.CR0_PG | ControlBits.CR0_WP;
        }
        common(
                cr0,
                wide ? start.cr3() : 0,
                wide ? ControlBits.CR4_PAE : 0,
                wide ? ControlBits.EFER_LME | ControlBits.EFER_LMA : 0,
                start.gdtLimit());
        put(GUEST_GDTR_BASE, start.gdt());
        put(GUEST_RIP, start.entry());
    }

    private void segment(int number, int selector, long base, long limit, int rights) {
        put(GUEST_ES_SELECTOR.plus(number), selector);
        put(GUEST_ES_BASE.plus(number), base);
        put(GUEST_ES_LIMIT.plus(number), limit);
        put(GUEST_ES_ACCESS_RIGHTS.plus(number), rights);
    }

    private void common(long cr0, long cr3, long cr4, long efer, int gdtLimit) {
        segment(LDTR, 0, 0, 0, AccessRights.UNUSABLE);
        segment(TR, 0, 0, 0xFFFF, AccessRights.PRESENT | AccessRights.TYPE_BUSY_TSS);
        put(GUEST_CR0, cr0 | ControlBits.CR0_ET | ControlBits.CR0_NE);
        put(CR0_READ_SHADOW, cr0 | ControlBits.CR0_ET | ControlBits.CR0_NE);
        put(GUEST_CR3, cr3);
        put(GUEST_CR4, cr4 | ControlBits.CR4_VMXE);
        put(CR4_READ_SHADOW, cr4);
        put(GUEST_EFER, efer);
        long entry = root.vmread(ENTRY_CONTROLS);
        long mode = EntryControl.IA_32E_MODE_GUEST.mask();
        put(ENTRY_CONTROLS, (efer & ControlBits.EFER_LMA) != 0 ? entry | mode : entry & ~mode);
        put(GUEST_PAT, PAT_AFTER_RESET);
        put(GUEST_DR7, DR7_AFTER_RESET);
        put(GUEST_DEBUGCTL, 0);
        put(GUEST_SYSENTER_CS, 0);
        put(GUEST_SYSENTER_ESP, 0);
        put(GUEST_SYSENTER_EIP, 0);
        put(GUEST_GDTR_BASE, 0);
        put(GUEST_GDTR_LIMIT, gdtLimit);
        put(GUEST_IDTR_BASE, 0);
        put(GUEST_IDTR_LIMIT, 0xFFFF);
        put(GUEST_RSP, 0);
        put(GUEST_RFLAGS, RFlags.FIXED);
        put(GUEST_ACTIVITY_STATE, 0);
        put(GUEST_INTERRUPTIBILITY_STATE, 0);
        put(GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
        put(ENTRY_INTERRUPTION_INFORMATION, 0);
    }
}
