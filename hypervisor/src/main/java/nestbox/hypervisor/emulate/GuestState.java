package nestbox.hypervisor.emulate;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.VmxRoot;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.VmcsField;

/// Registers and modes of the guest whose VMCS is current.
public final class GuestState {
    public static final int RAX = 0;
    public static final int RCX = 1;
    public static final int RDX = 2;
    public static final int RBX = 3;
    public static final int RSP = 4;
    public static final int RBP = 5;
    public static final int RSI = 6;
    public static final int RDI = 7;

    /// Segment registers by number, as ModRM and the VMCS order them.
    public static final int ES = 0;

    public static final int CS = 1;
    public static final int SS = 2;
    public static final int DS = 3;
    public static final int FS = 4;
    public static final int GS = 5;

    private final VmxRoot root;

    public GuestState(VmxRoot root) {
        this.root = root;
    }

    public VmxRoot root() {
        return root;
    }

    public long read(VmcsField field) {
        return root.vmread(field);
    }

    public void write(VmcsField field, long value) {
        root.vmwrite(field, value);
    }

    /// A general register, all 64 bits of it.
    public long register(int number) {
        return number == RSP ? read(GUEST_RSP) : root.register(number);
    }

    public void register(int number, long value) {
        if (number == RSP) {
            write(GUEST_RSP, value);
        } else {
            root.register(number, value);
        }
    }

    /// Sets a register as an instruction of that operand width does.
    ///
    /// @param width 1, 2, 4 or 8 bytes
    public void register(int number, int width, long value) {
        if (width < 4) {
            long mask = Widths.mask(width);
            register(number, register(number) & ~mask | value & mask);
        } else {
            register(number, value & Widths.mask(width));
        }
    }

    public boolean isProtected() {
        return (read(GUEST_CR0) & ControlBits.CR0_PE) != 0;
    }

    /// Real-address or virtual-8086 mode.
    public boolean isRealOrVirtual() {
        return !isProtected() || (read(GUEST_RFLAGS) & RFlags.VM) != 0;
    }

    /// IA-32e mode, 64-bit or compatibility.
    public boolean isLongMode() {
        return (read(GUEST_EFER) & ControlBits.EFER_LMA) != 0;
    }

    /// 2, 4 or 8: the size of code.
    public int codeSize() {
        long rights = read(GUEST_CS_ACCESS_RIGHTS);
        if (isLongMode() && (rights & AccessRights.LONG) != 0) {
            return 8;
        }
        return (rights & AccessRights.DEFAULT_BIG) != 0 ? 4 : 2;
    }

    public boolean is64Bit() {
        return codeSize() == 8;
    }

    /// The current privilege level.
    public int cpl() {
        return AccessRights.dpl(read(GUEST_SS_ACCESS_RIGHTS));
    }

    public long flags() {
        return read(GUEST_RFLAGS);
    }

    /// Replaces the status flags.
    public void statusFlags(long flags) {
        write(GUEST_RFLAGS, flags() & ~RFlags.STATUS | flags & RFlags.STATUS);
    }
}
