package nestbox.hypervisor.nested;

import nestbox.cpu.VmxRoot;
import nestbox.hypervisor.nested.MergeRule.Place;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

import java.util.Arrays;

/// The regions with which L2 runs, and which L1 has as its shadow VMCS while it runs itself, if the
/// processor can do that. Unless said otherwise VMCS01 is current, before and after.
///
/// The shadow-VMCS indicator may change only while the region isn't active, hence the VMCLEAR at
/// each turn.
final class Vmcs02 {
    private static final VmcsField[] HOST =
            Arrays.stream(VmcsField.values())
                    .filter(field -> field.area() == VmcsField.Area.HOST_STATE)
                    .toArray(VmcsField[]::new);

    private final Parent parent;
    private final VmxRoot root;
    private final GuestMemory memory;
    private final boolean shadowing;

    Vmcs02(Parent parent) {
        this.parent = parent;
        root = parent.root();
        memory = parent.pages().memory();
        shadowing = root.capabilities().allows(SecondaryControl.VMCS_SHADOWING);
    }

    /// Whether L1 reaches fields without exits.
    boolean isShadowing() {
        return shadowing;
    }

    /// Fills the region for a VMCS of L1 that has been loaded from memory.
    void create(Vmcs12 vmcs) {
        Snapshot host = Snapshot.of(root, HOST);
        setIndicator(vmcs, shadowing);
        root.vmptrld(vmcs.page02());
        for (VmcsField field : HOST) {
            root.vmwrite(field, host.read(field));
        }
        for (Place place : Place.values()) {
            for (VmcsField field : MergeRule.fields(place)) {
                if (place.isShadowed()) {
                    root.vmwrite(field, vmcs.read(field));
                }
            }
        }
        root.vmptrld(parent.vmcs01());
    }

    /// Takes what L1 shares with the region, and makes the region inactive.
    void sync(Vmcs12 vmcs) {
        root.vmptrld(vmcs.page02());
        for (Place place : Place.values()) {
            for (VmcsField field : MergeRule.fields(place)) {
                if (place.isShadowed()) {
                    vmcs.write(field, root.vmread(field));
                }
            }
        }
        root.vmclear(vmcs.page02());
        root.vmptrld(parent.vmcs01());
    }

    private void setIndicator(Vmcs12 vmcs, boolean shadow) {
        root.vmclear(vmcs.page02());
        int revision = root.capabilities().revision();
        memory.writeInt(vmcs.page02(), shadow ? revision | VmcsRegion.SHADOW : revision);
    }

    /// Makes the region current, to run L2.
    void activate(Vmcs12 vmcs) {
        setIndicator(vmcs, false);
        root.vmptrld(vmcs.page02());
    }

    /// Makes VMCS01 current, and the region L1's shadow VMCS again.
    void deactivate(Vmcs12 vmcs) {
        setIndicator(vmcs, shadowing);
        root.vmptrld(parent.vmcs01());
    }

    /// A field of L1's, wherever it is.
    long read(Vmcs12 vmcs, VmcsField field) {
        if (!MergeRule.of(field).place().isShadowed()) {
            return vmcs.read(field);
        }
        root.vmptrld(vmcs.page02());
        long value = root.vmread(field);
        root.vmptrld(parent.vmcs01());
        return value;
    }

    void write(Vmcs12 vmcs, VmcsField field, long value) {
        if (!MergeRule.of(field).place().isShadowed()) {
            vmcs.write(field, value);
            return;
        }
        root.vmptrld(vmcs.page02());
        root.vmwrite(field, value);
        root.vmptrld(parent.vmcs01());
    }
}
