package nestbox.hypervisor.devicemodel;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.UUID;

/// The parameters of [Hypercall#CREATE_VM].
///
/// @param identity 16 bytes: the UUID of the virtual machine, or its name from v2.7 on
/// @param flags bits of [nestbox.scenario.GuestFlag]
/// @param affinity a bit for each pCPU, none for those of the scenario
public record VmCreation(byte[] identity, long flags, long affinity) {
    public static final int SIZE = 48;

    private static final int VM_ID = 0;
    private static final int VCPUS = 4;
    private static final int IDENTITY = 8;
    private static final int IDENTITY_BYTES = 16;
    private static final int FLAGS = 24;
    private static final int AFFINITY = 40;

    /// What tells the device model that there is no virtual machine.
    private static final short NONE = -1;

    public VmCreation {
        identity = identity.clone();
    }

    public static VmCreation of(ByteBuffer structure) {
        byte[] identity = new byte[IDENTITY_BYTES];
        structure.get(IDENTITY, identity);
        return new VmCreation(identity, structure.getLong(FLAGS), structure.getLong(AFFINITY));
    }

    @Override
    public byte[] identity() {
        return identity.clone();
    }

    public boolean isFor(UUID uuid) {
        ByteBuffer wanted = ByteBuffer.wrap(identity);
        return wanted.getLong() == uuid.getMostSignificantBits()
                && wanted.getLong() == uuid.getLeastSignificantBits();
    }

    /// The field holds what there is room for of a longer name.
    public boolean isFor(String name) {
        byte[] whole = name.getBytes(StandardCharsets.US_ASCII);
        return !name.isEmpty() && Arrays.equals(identity, Arrays.copyOf(whole, IDENTITY_BYTES));
    }

    /// The identity for the user.
    public String shown() {
        return HexFormat.of().formatHex(identity);
    }

    /// Puts the answer into the structure.
    ///
    /// @param id as the Service VM counts
    public static void created(ByteBuffer structure, int id, int vcpus) {
        structure.putShort(VM_ID, (short) id);
        structure.putShort(VCPUS, (short) vcpus);
    }

    public static void refused(ByteBuffer structure) {
        structure.putShort(VM_ID, NONE);
    }
}
