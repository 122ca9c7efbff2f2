package nestbox.cpu.vmx;

import nestbox.x86.vmx.VmcsField;

/// Posted-interrupt descriptors: the one of the guest that runs, and those of others, to which its
/// interprocessor interrupts go. SDM Vol. 3C, "IPI Virtualization" and "Posted-Interrupt
/// Processing".
final class PostedInterrupts {
    /// Byte offset of the notification information in a descriptor, and what is in its 64 bits.
    private static final int NOTIFICATION = 32;

    private static final long OUTSTANDING = 1;
    private static final long SUPPRESSED = 1 << 1;
    private static final int VECTOR = 16;
    private static final int DESTINATION = 32;

    private static final int LOWEST_LEGAL_VECTOR = 16;

    /// Low bits of an entry of the PID-pointer table, and what they must be.
    private static final long POINTER_FLAGS = 0x3F;

    private static final long VALID = 1;

    private final Vmx vmx;

    PostedInterrupts(Vmx vmx) {
        this.vmx = vmx;
    }

    private long read(long address) {
        return vmx.cpu.mmu.readPhysical(address, 8);
    }

    private void write(long address, long value) {
        vmx.cpu.mmu.writePhysical(address, 8, value);
    }

    // The guest's own

    private long own() {
        return vmx.vmcs().read(VmcsField.POSTED_INTERRUPT_DESCRIPTOR_ADDRESS);
    }

    /// The notification has come.
    void acknowledge() {
        long at = own() + NOTIFICATION;
        write(at, read(at) & ~OUTSTANDING);
    }

    /// @param number of a group of 32 vectors
    /// @return the requests of the group, which are now gone from the descriptor
    int take(int number) {
        long at = own() + 4L * number;
        int requests = (int) vmx.cpu.mmu.readPhysical(at, 4);
        vmx.cpu.mmu.writePhysical(at, 4, 0);
        return requests;
    }

    // Those of others

    /// Posts an interrupt for a virtual processor, and notifies the processor that runs it.
    ///
    /// @param target virtual APIC ID
    /// @return false if a hypervisor has to do it
    boolean post(int vector, long target) {
        if (vector < LOWEST_LEGAL_VECTOR
                || target > vmx.vmcs().read(VmcsField.LAST_PID_POINTER_INDEX)) {
            return false;
        }
        long pointer = read(vmx.vmcs().read(VmcsField.PID_POINTER_TABLE_ADDRESS) + 8 * target);
        boolean valid =
                (pointer & POINTER_FLAGS) == VALID
                        && pointer >>> vmx.cpu.features.physicalAddressBits() == 0;
        if (valid) {
            request(vector, pointer & ~POINTER_FLAGS);
        }
        return valid;
    }

    private void request(int vector, long descriptor) {
        long requests = descriptor + vector / Long.SIZE * Long.BYTES;
        write(requests, read(requests) | 1L << vector);
        long notification = read(descriptor + NOTIFICATION);
        if ((notification & (OUTSTANDING | SUPPRESSED)) == 0) {
            write(descriptor + NOTIFICATION, notification | OUTSTANDING);
            vmx.cpu.apic.notify(
                    (int) (notification >>> VECTOR) & 0xFF, (int) (notification >>> DESTINATION));
        }
    }
}
