package nestbox.cpu.entry;

import nestbox.cpu.model.VmxCapabilities;
import nestbox.cpu.model.VmxSilicon;
import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.EptVpidCapability;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.MiscCapability;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/// A VMCS that VM entry accepts, on a processor that has every feature, to be changed by tests:
/// a 64-bit guest of a 64-bit host, with the controls that must be 1 and no others.
public final class Setup implements VmcsView, ProcessorFacts {
    static final int REVISION = 4;
    public static final long CURRENT = 0x7000;

    /// A region for the VMCS link pointer.
    static final long LINKED = 0x9000;

    private final Map<VmcsField, Long> fields = new EnumMap<>(VmcsField.class);
    private final Map<Long, Byte> memory = new HashMap<>();
    public final Set<Cpuid> features = EnumSet.allOf(Cpuid.class);
    final Set<VmxControl> controls = new HashSet<>();
    final Set<EptVpidCapability> eptVpid = EnumSet.allOf(EptVpidCapability.class);
    final Set<MiscCapability> misc = EnumSet.allOf(MiscCapability.class);
    boolean longMode = true;
    private VmxCapabilities capabilities;

    public Setup() {
        for (ControlWord word : ControlWord.values()) {
            controls.addAll(word.controls());
        }
        refresh();
        for (ControlWord word : ControlWord.values()) {
            set(word.field(), word.reserved1());
        }
        on(ExitControl.HOST_ADDRESS_SPACE_SIZE);
        on(EntryControl.IA_32E_MODE_GUEST);
        host();
        guest();
    }

    /// After a change of what the processor has.
    void refresh() {
        VmxSilicon silicon =
                new VmxSilicon(REVISION, 4096, false, controls, 5, 4, 0, misc, eptVpid, 0x77_67FF);
        capabilities = VmxCapabilities.of(silicon, features::contains, -1);
    }

    private void host() {
        set(VmcsField.HOST_CR0, 0x8005_0033L);
        set(VmcsField.HOST_CR3, 0x1000);
        set(VmcsField.HOST_CR4, ControlBits.CR4_VMXE | ControlBits.CR4_PAE);
        set(VmcsField.HOST_EFER, ControlBits.EFER_LME | ControlBits.EFER_LMA);
        set(VmcsField.HOST_CS_SELECTOR, 8);
        set(VmcsField.HOST_SS_SELECTOR, 0x10);
        set(VmcsField.HOST_TR_SELECTOR, 0x18);
        set(VmcsField.HOST_RIP, 0xFFFF_8000_0000_1000L);
    }

    private void guest() {
        set(VmcsField.GUEST_CR0, 0x8005_0033L);
        set(VmcsField.GUEST_CR3, 0x2000);
        set(VmcsField.GUEST_CR4, ControlBits.CR4_VMXE | ControlBits.CR4_PAE);
        set(VmcsField.GUEST_EFER, ControlBits.EFER_LME | ControlBits.EFER_LMA);
        segment(1, 8, 0, 0xFFFF_FFFFL, 0xA09B);
        for (int data : new int[] {0, 2, 3, 4, 5}) {
            segment(data, 0x10, 0, 0xFFFF_FFFFL, 0xC093);
        }
        segment(6, 0, 0, 0, 0x1_0000);
        segment(7, 0x18, 0xFFFF_8000_0000_2000L, 0x67, 0x8B);
        set(VmcsField.GUEST_GDTR_LIMIT, 0x7F);
        set(VmcsField.GUEST_IDTR_LIMIT, 0xFFF);
        set(VmcsField.GUEST_RIP, 0xFFFF_FFFF_8000_0000L);
        set(VmcsField.GUEST_RFLAGS, 2);
        set(VmcsField.VMCS_LINK_POINTER, -1);
    }

    Setup set(VmcsField field, long value) {
        fields.put(field, value);
        return this;
    }

    /// Sets a control, and what activates its word.
    Setup on(VmxControl control) {
        control.word().activation().ifPresent(this::on);
        return set(control.word().field(), read(control.word().field()) | control.mask());
    }

    Setup off(VmxControl control) {
        return set(control.word().field(), read(control.word().field()) & ~control.mask());
    }

    /// @param number 0 to 7: ES CS SS DS FS GS LDTR TR
    Setup segment(int number, long selector, long base, long limit, long rights) {
        set(VmcsField.GUEST_ES_SELECTOR.plus(number), selector);
        set(VmcsField.GUEST_ES_BASE.plus(number), base);
        set(VmcsField.GUEST_ES_LIMIT.plus(number), limit);
        return set(VmcsField.GUEST_ES_ACCESS_RIGHTS.plus(number), rights);
    }

    Setup rights(int number, long rights) {
        return set(VmcsField.GUEST_ES_ACCESS_RIGHTS.plus(number), rights);
    }

    /// A guest in protected mode, with 32-bit paging.
    Setup protectedGuest() {
        off(EntryControl.IA_32E_MODE_GUEST);
        set(VmcsField.GUEST_CR4, ControlBits.CR4_VMXE);
        set(VmcsField.GUEST_EFER, 0);
        set(VmcsField.GUEST_RIP, 0x1000);
        return rights(1, 0xC09B);
    }

    /// A guest in virtual-8086 mode.
    Setup virtual8086Guest() {
        protectedGuest();
        for (int i = 0; i < 6; i++) {
            segment(i, 0x1000, 0x1_0000, 0xFFFF, 0xF3);
        }
        return set(VmcsField.GUEST_RFLAGS, 0x2_3002);
    }

    /// A host outside IA-32e mode, and so its guest.
    Setup protectedHost() {
        protectedGuest();
        longMode = false;
        off(ExitControl.HOST_ADDRESS_SPACE_SIZE);
        set(VmcsField.HOST_EFER, 0);
        return set(VmcsField.HOST_RIP, 0x1000);
    }

    @Override
    public long read(VmcsField field) {
        return fields.getOrDefault(field, 0L);
    }

    @Override
    public VmxCapabilities capabilities() {
        return capabilities;
    }

    @Override
    public int physicalAddressBits() {
        return 39;
    }

    @Override
    public int linearAddressBits() {
        return 48;
    }

    @Override
    public boolean has(Cpuid feature) {
        return features.contains(feature);
    }

    @Override
    public boolean isLongMode() {
        return longMode;
    }

    @Override
    public long eferDefined() {
        return 0xD01;
    }

    @Override
    public long debugctlDefined() {
        return 3;
    }

    @Override
    public long perfGlobalCtrlDefined() {
        return 0x7_0000_000FL;
    }

    @Override
    public long currentVmcs() {
        return CURRENT;
    }

    @Override
    public long readPhysical(long address, int width) {
        long value = 0;
        for (int i = width - 1; i >= 0; i--) {
            value = value << 8 | memory.getOrDefault(address + i, (byte) 0) & 0xFF;
        }
        return value;
    }

    @Override
    public void writePhysical(long address, int width, long value) {
        for (int i = 0; i < width; i++) {
            memory.put(address + i, (byte) (value >>> 8 * i));
        }
    }
}
