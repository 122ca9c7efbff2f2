package nestbox.hypervisor.devicemodel;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// The hypercalls that a Service VM knows, with their numbers.
public enum Hypercall {
    API_VERSION(0x00),
    OFFLINE_CPU(0x01),
    SET_CALLBACK_VECTOR(0x02),

    CREATE_VM(0x10),
    DESTROY_VM(0x11),
    START_VM(0x12),
    PAUSE_VM(0x13),
    CREATE_VCPU(0x14),
    RESET_VM(0x15),
    SET_VCPU_REGISTERS(0x16),

    INJECT_MSI(0x23),
    SET_IRQ_LINE(0x25),

    SET_IO_REQUEST_BUFFER(0x30),
    NOTIFY_REQUEST_FINISHED(0x31),

    TRANSLATE(0x41),
    SET_MEMORY_REGIONS(0x42),
    WRITE_PROTECT_PAGE(0x43),

    ASSIGN_DEVICE_OLD(0x50),
    DEASSIGN_DEVICE_OLD(0x51),
    SET_DEVICE_INTERRUPT(0x53),
    RESET_DEVICE_INTERRUPT(0x54),
    ASSIGN_PCI_DEVICE(0x55),
    DEASSIGN_PCI_DEVICE(0x56),
    ASSIGN_MMIO_DEVICE(0x57),
    DEASSIGN_MMIO_DEVICE(0x58),
    ADD_VIRTUAL_DEVICE(0x59),
    REMOVE_VIRTUAL_DEVICE(0x5A),

    HARDWARE_INFORMATION(0x63),
    CPU_POWER_STATE(0x80);

    private static final long ALL = 0x8000_0000L;
    private static final Map<Long, Hypercall> BY_ID = new HashMap<>();

    static {
        for (Hypercall call : values()) {
            BY_ID.put(call.id(), call);
        }
    }

    private final int number;

    Hypercall(int number) {
        this.number = number;
    }

    /// What R8 holds.
    public long id() {
        return ALL | number;
    }

    public static Optional<Hypercall> of(long id) {
        return Optional.ofNullable(BY_ID.get(id));
    }
}
