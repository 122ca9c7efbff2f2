package nestbox.hypervisor;

import nestbox.cpu.Registers;
import nestbox.platform.GuestMemory;

import java.util.OptionalLong;

/// What came of reading a guest's memory at a linear address, to look at it.
public sealed interface LinearRead {
    /// @param bytes as many as were asked for
    record Bytes(byte[] bytes) implements LinearRead {}

    /// @param address the first that no RAM is behind
    record Fault(long address) implements LinearRead {}

    /// The largest read: nobody looks at more at a time.
    int LONGEST = 1 << 16;

    static LinearRead of(Registers registers, Vm vm, long linear, int length) {
        GuestMemory board = vm.machine().memory();
        LinearWalk walk = new LinearWalk(registers, vm, board);
        byte[] bytes = new byte[Math.clamp(length, 0, LONGEST)];
        for (int done = 0; done < bytes.length; ) {
            long address = walk.wrapped(linear + done);
            OptionalLong host = walk.host(address);
            if (host.isEmpty()) {
                return new Fault(address);
            }
            long inPage = GuestMemory.PAGE_SIZE - (address & GuestMemory.PAGE_SIZE - 1);
            int part = (int) Math.min(inPage, bytes.length - done);
            board.read(host.getAsLong(), bytes, done, part);
            done += part;
        }
        return new Bytes(bytes);
    }
}
