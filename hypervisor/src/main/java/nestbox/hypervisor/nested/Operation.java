package nestbox.hypervisor.nested;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.EptFormat;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.hypervisor.memory.Bitmap;
import nestbox.hypervisor.memory.PagePool;
import nestbox.x86.vmx.MiscCapability;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

import java.util.Optional;
import java.util.stream.Stream;

/// VMX operation of L1: what the processor would keep of it, and L0's structures for it.
final class Operation {
    private final Parent parent;
    private final VmxRoot root;
    private final VmxCapabilities capabilities;
    private final L1Memory memory;
    private final L1Facts facts;
    private final Vmcs02 vmcs02;
    private final Vmcs12Cache cache;
    private final Vpids vpids;
    private final EptWalk walk;
    private final ShadowEpt shadowEpt;
    private final MergedBitmaps bitmaps;
    private final Bitmap vmreadBitmap;
    private final Bitmap vmwriteBitmap;
    private final long scratchPage;
    private final Counters counters = new Counters();

    private long vmxonPointer = VmcsRegion.NO_POINTER;
    private boolean operating;
    private int number;
    private long cr0Mask01;
    private boolean inL2;
    private Optional<Vmcs12> current = Optional.empty();

    Operation(Parent parent) {
        this.parent = parent;
        root = parent.root();
        PagePool pages = parent.pages();
        if (pages.available() < Nested.LEAST_PAGES) {
            throw new IllegalArgumentException("too few pages for nested guests");
        }
        capabilities = Capabilities12.of(root.capabilities(), parent.hasVirtualApic());
        memory = new L1Memory(parent.memory(), pages.memory());
        facts = new L1Facts(parent, capabilities, memory);
        vmcs02 = new Vmcs02(parent);
        cache =
                new Vmcs12Cache(
                        memory,
                        vmcs02,
                        Stream.generate(pages::takeOwn).limit(Vmcs12Cache.CAPACITY).toList());
        vpids = new Vpids(parent);
        EptFormat format = new EptFormat(capabilities, facts.physicalAddressBits());
        walk = new EptWalk(memory, pages.memory(), format);
        shadowEpt = new ShadowEpt(root, parent.memory(), pages, walk);
        bitmaps = new MergedBitmaps(parent, memory);
        vmreadBitmap = new Bitmap(pages, true);
        vmwriteBitmap = new Bitmap(pages, true);
        scratchPage = pages.takeOwn();
        openFields();
    }

    /// The fields that L1 reaches in VMCS02 don't exit, with the halves of wide ones.
    private void openFields() {
        for (VmcsField field : capabilities.fields()) {
            if (MergeRule.of(field).place().isShadowed()) {
                boolean writable =
                        !field.isReadOnly() || capabilities.has(MiscCapability.VMWRITE_ANY_FIELD);
                int last = field.width() == VmcsField.Width.BITS_64 ? 1 : 0;
                for (int half = 0; half <= last; half++) {
                    vmreadBitmap.set(field.encoding() + half, false);
                    vmwriteBitmap.set(field.encoding() + half, !writable);
                }
            }
        }
    }

    // Parts

    Parent parent() {
        return parent;
    }

    VmxRoot root() {
        return root;
    }

    VmxCapabilities capabilities() {
        return capabilities;
    }

    L1Memory memory() {
        return memory;
    }

    L1Facts facts() {
        return facts;
    }

    Vmcs02 vmcs02() {
        return vmcs02;
    }

    Vmcs12Cache cache() {
        return cache;
    }

    Vpids vpids() {
        return vpids;
    }

    EptWalk walk() {
        return walk;
    }

    ShadowEpt shadowEpt() {
        return shadowEpt;
    }

    MergedBitmaps bitmaps() {
        return bitmaps;
    }

    /// A page that stands for memory that L1 named and doesn't have.
    long scratchPage() {
        return scratchPage;
    }

    Counters counters() {
        return counters;
    }

    // State

    boolean isOperating() {
        return operating;
    }

    /// How many VMX operations L1 has begun.
    int number() {
        return number;
    }

    boolean isInL2() {
        return inL2;
    }

    void inL2(boolean value) {
        inL2 = value;
    }

    long vmxonPointer() {
        return vmxonPointer;
    }

    Optional<Vmcs12> current() {
        return current;
    }

    /// The VMCS with which L2 runs.
    Vmcs12 running() {
        return current.orElseThrow();
    }

    /// VMXON. The bits of CR0 that have to stay as they are become L0's.
    void begin(long pointer) {
        operating = true;
        number++;
        vmxonPointer = pointer;
        cr0Mask01 = root.vmread(VmcsField.CR0_GUEST_HOST_MASK);
        root.vmwrite(VmcsField.CR0_GUEST_HOST_MASK, cr0Mask01 | VmxCapabilities.CR0_FIXED0);
        root.vmwrite(
                VmcsField.CR0_READ_SHADOW,
                root.vmread(VmcsField.CR0_READ_SHADOW) | VmxCapabilities.CR0_FIXED0);
        current(Optional.empty());
    }

    /// VMXOFF. The regions are L1's memory again, so nothing of them is kept.
    void end() {
        leave();
        cache.close();
        shadowEpt.clear();
    }

    private void leave() {
        if (operating) {
            root.vmwrite(VmcsField.CR0_GUEST_HOST_MASK, cr0Mask01);
        }
        operating = false;
        vmxonPointer = VmcsRegion.NO_POINTER;
        current(Optional.empty());
    }

    /// Makes a VMCS current. It's VMCS01's shadow from then on.
    void current(Optional<Vmcs12> vmcs) {
        current = vmcs;
        if (!vmcs02.isShadowing()) {
            return;
        }
        root.vmwrite(
                VmcsField.VMCS_LINK_POINTER,
                vmcs.map(Vmcs12::page02).orElse(VmcsRegion.NO_POINTER));
        long primary = root.vmread(VmcsField.PRIMARY_CONTROLS);
        root.vmwrite(
                VmcsField.PRIMARY_CONTROLS,
                primary | PrimaryControl.ACTIVATE_SECONDARY_CONTROLS.mask());
        long controls = root.vmread(VmcsField.SECONDARY_CONTROLS);
        long shadowing = SecondaryControl.VMCS_SHADOWING.mask();
        root.vmwrite(
                VmcsField.SECONDARY_CONTROLS,
                vmcs.isPresent() ? controls | shadowing : controls & ~shadowing);
        root.vmwrite(VmcsField.VMREAD_BITMAP_ADDRESS, vmreadBitmap.address());
        root.vmwrite(VmcsField.VMWRITE_BITMAP_ADDRESS, vmwriteBitmap.address());
    }

    /// Whether a VMXON or VMCS region can be at an address of L1.
    boolean isRegion(long address) {
        return (address & VmcsRegion.SIZE - 1) == 0 && address >>> facts.physicalAddressBits() == 0;
    }

    /// RESET or INIT.
    void reset() {
        if (inL2) {
            inL2 = false;
            root.vmptrld(parent.vmcs01());
        }
        leave();
        cache.drop();
        shadowEpt.clear();
        vpids.reset();
    }
}
