package nestbox.hypervisor.nested;

import nestbox.cpu.VmxRoot;
import nestbox.x86.ControlBits;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.InstructionInformation;
import nestbox.x86.vmx.VmcsField;

/// Operands of the VMX instruction that has exited, in the guest whose VMCS is current.
final class Operands {
    private static final int RSP = 4;
    private static final long LOW = 0xFFFF_FFFFL;

    private final Parent parent;
    private final VmxRoot root;

    Operands(Parent parent) {
        this.parent = parent;
        root = parent.root();
    }

    private InstructionInformation information() {
        return InstructionInformation.of(root.vmread(VmcsField.EXIT_INSTRUCTION_INFORMATION));
    }

    boolean isLongMode() {
        return (root.vmread(VmcsField.GUEST_EFER) & ControlBits.EFER_LMA) != 0;
    }

    boolean is64Bit() {
        long rights = root.vmread(VmcsField.GUEST_CS_ACCESS_RIGHTS);
        return isLongMode() && (rights & AccessRights.LONG) != 0;
    }

    /// Of VMREAD and VMWRITE, and of the type of an invalidation, in bytes.
    int width() {
        return is64Bit() ? Long.BYTES : Integer.BYTES;
    }

    // Registers

    /// As wide as the mode makes it.
    long register(int number) {
        long value = number == RSP ? root.vmread(VmcsField.GUEST_RSP) : root.register(number);
        return is64Bit() ? value : value & LOW;
    }

    private void register(int number, long value) {
        long whole = is64Bit() ? value : value & LOW;
        if (number == RSP) {
            root.vmwrite(VmcsField.GUEST_RSP, whole);
        } else {
            root.register(number, whole);
        }
    }

    /// The register that names the field of VMREAD and VMWRITE.
    long encoding() {
        return register(information().register2());
    }

    /// The register that says which invalidation INVEPT and INVVPID do.
    long type() {
        return register(information().register2());
    }

    // Memory

    /// The linear address of the memory operand.
    ///
    /// @throws nestbox.hypervisor.emulate.GuestException if its segment doesn't allow the access
    long address(int width, boolean write) {
        InstructionInformation form = information();
        long offset = root.vmread(VmcsField.EXIT_QUALIFICATION);
        if (form.base() != InstructionInformation.NONE) {
            offset += register(form.base());
        }
        if (form.index() != InstructionInformation.NONE) {
            offset += register(form.index()) << form.scaling();
        }
        long masked =
                switch (form.addressSize()) {
                    case 0 -> offset & 0xFFFF;
                    case 1 -> offset & LOW;
                    default -> offset;
                };
        return parent.linear(form.segment(), masked, width, write);
    }

    /// The 64-bit operand of VMXON and others.
    long pointer() {
        return parent.readLinear(address(Long.BYTES, false), Long.BYTES);
    }

    void storePointer(long value) {
        parent.writeLinear(address(Long.BYTES, true), Long.BYTES, value);
    }

    /// The operand of VMWRITE that isn't the field: register or memory.
    long source() {
        InstructionInformation form = information();
        return form.isRegister()
                ? register(form.register1())
                : parent.readLinear(address(width(), false), width());
    }

    /// The operand of VMREAD that isn't the field.
    void destination(long value) {
        InstructionInformation form = information();
        if (form.isRegister()) {
            register(form.register1(), value);
        } else {
            parent.writeLinear(address(width(), true), width(), value);
        }
    }
}
