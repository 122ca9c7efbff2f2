package nestbox.hypervisor.devicemodel;

import nestbox.hypervisor.memory.EptTables;
import nestbox.platform.GuestMemory;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.OptionalLong;

/// RAM of the Service VM by its own addresses, for structures that hypercalls name. They may lie
/// anywhere, also across pages, and an address may be nonsense.
public record ServiceMemory(GuestMemory board, EptTables ept) {
    /// A copy of a structure.
    ///
    /// @return nothing if any of it isn't RAM of the Service VM
    public Optional<ByteBuffer> read(long address, int length) {
        byte[] bytes = new byte[length];
        for (int done = 0; done < length; ) {
            int part = inPage(address + done, length - done);
            OptionalLong host = host(address + done, part);
            if (host.isEmpty()) {
                return Optional.empty();
            }
            board.read(host.getAsLong(), bytes, done, part);
            done += part;
        }
        return Optional.of(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    }

    /// Writes a structure, or nothing of it.
    ///
    /// @return whether all of it is RAM of the Service VM
    public boolean write(long address, ByteBuffer structure) {
        byte[] bytes = structure.array();
        for (int done = 0; done < bytes.length; ) {
            int part = inPage(address + done, bytes.length - done);
            if (host(address + done, part).isEmpty()) {
                return false;
            }
            done += part;
        }
        for (int done = 0; done < bytes.length; ) {
            int part = inPage(address + done, bytes.length - done);
            board.write(host(address + done, part).orElseThrow(), bytes, done, part);
            done += part;
        }
        return true;
    }

    /// An empty structure to be filled in.
    public static ByteBuffer structure(int length) {
        return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    }

    /// The board's address of a whole page.
    public OptionalLong page(long address) {
        return (address & GuestMemory.PAGE_SIZE - 1) == 0
                ? host(address, (int) GuestMemory.PAGE_SIZE)
                : OptionalLong.empty();
    }

    private OptionalLong host(long address, int length) {
        return ept.ram(address, length).stream().mapToLong(Long::longValue).findFirst();
    }

    private static int inPage(long address, int length) {
        long left = GuestMemory.PAGE_SIZE - (address & GuestMemory.PAGE_SIZE - 1);
        return (int) Math.min(left, length);
    }
}
