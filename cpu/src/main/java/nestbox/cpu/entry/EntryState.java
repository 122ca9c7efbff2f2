package nestbox.cpu.entry;

import nestbox.cpu.model.VmxCapabilities;
import nestbox.x86.Cpuid;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EptVpidCapability;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

/// What the rules of VM entry look at: the VMCS with its control words read once, and the
/// processor.
public final class EntryState {
    private static final long MEMORY_TYPES_PER_BYTE = 0xF3;

    private final VmcsView vmcs;
    private final ProcessorFacts facts;
    private final VmxCapabilities capabilities;

    private final ActiveControls controls = new ActiveControls();

    private EntryState(VmcsView vmcs, ProcessorFacts facts) {
        this.vmcs = vmcs;
        this.facts = facts;
        capabilities = facts.capabilities();
        controls.load(vmcs);
    }

    public static EntryState of(VmcsView vmcs, ProcessorFacts facts) {
        return new EntryState(vmcs, facts);
    }

    public long get(VmcsField field) {
        return vmcs.read(field);
    }

    /// Whether a control is in force.
    public boolean on(VmxControl control) {
        return controls.on(control);
    }

    public boolean off(VmxControl control) {
        return !on(control);
    }

    boolean isActive(ControlWord word) {
        return controls.isActive(word);
    }

    ProcessorFacts facts() {
        return facts;
    }

    VmxCapabilities capabilities() {
        return capabilities;
    }

    boolean has(Cpuid feature) {
        return facts.has(feature);
    }

    boolean has(EptVpidCapability capability) {
        return capabilities.has(capability);
    }

    // Addresses

    /// Whether a field holds a physical address with so many low bits clear.
    boolean isPhysical(VmcsField field, int alignmentBits) {
        return isPhysical(get(field), alignmentBits);
    }

    boolean isPhysical(long address, int alignmentBits) {
        return fitsPhysical(address) && (address & (1L << alignmentBits) - 1) == 0;
    }

    boolean fitsPhysical(long address) {
        return address >>> facts.physicalAddressBits() == 0;
    }

    boolean isCanonical(VmcsField field) {
        int shift = 64 - facts.linearAddressBits();
        long address = get(field);
        return address << shift >> shift == address;
    }

    /// Whether each byte is a memory type that the PAT takes: 0, 1, 4, 5, 6 or 7.
    public static boolean isPat(long value) {
        for (int i = 0; i < 8; i++) {
            long type = value >>> 8 * i & 0xFF;
            if (type > 7 || (MEMORY_TYPES_PER_BYTE >>> type & 1) == 0) {
                return false;
            }
        }
        return true;
    }

    // Guest state

    long cr0() {
        return get(VmcsField.GUEST_CR0);
    }

    boolean cr0(long bit) {
        return (cr0() & bit) != 0;
    }

    boolean cr4(long bit) {
        return (get(VmcsField.GUEST_CR4) & bit) != 0;
    }

    boolean rflags(long bit) {
        return (get(VmcsField.GUEST_RFLAGS) & bit) != 0;
    }

    boolean isVirtual8086() {
        return rflags(RFlags.VM);
    }

    /// @param segment 0 to 7: ES CS SS DS FS GS LDTR TR
    long selector(int segment) {
        return get(VmcsField.GUEST_ES_SELECTOR.plus(segment));
    }

    long base(int segment) {
        return get(VmcsField.GUEST_ES_BASE.plus(segment));
    }

    long limit(int segment) {
        return get(VmcsField.GUEST_ES_LIMIT.plus(segment));
    }

    int rights(int segment) {
        return (int) get(VmcsField.GUEST_ES_ACCESS_RIGHTS.plus(segment));
    }

    int type(int segment) {
        return rights(segment) & AccessRights.TYPE;
    }

    int dpl(int segment) {
        return AccessRights.dpl(rights(segment));
    }

    boolean isUsable(int segment) {
        return AccessRights.isUsable(rights(segment));
    }

    boolean interruptibility(int bits) {
        return (get(VmcsField.GUEST_INTERRUPTIBILITY_STATE) & bits) != 0;
    }

    // Event injection

    InterruptionInformation injection() {
        return InterruptionInformation.of(get(VmcsField.ENTRY_INTERRUPTION_INFORMATION));
    }

    public boolean injects() {
        return (int) get(VmcsField.ENTRY_INTERRUPTION_INFORMATION) < 0;
    }

    public boolean injects(InterruptionType type) {
        return injects() && injection().type() == type;
    }
}
