package nestbox.hypervisor.devicemodel;

import nestbox.platform.GuestMemory;

/// The page that L0 and the Service VM share for one virtual machine: a slot for each vCPU, with
/// the request that it waits for.
///
/// A request goes from FREE to PENDING here, through PROCESSING to COMPLETE in the Service VM, and
/// back to FREE here. The state is written last.
public final class IoRequestBuffer {
    /// How many vCPUs it has room for.
    public static final int SLOTS = 16;

    private static final int SLOT_BYTES = 256;
    private static final int POLLING = 4;
    private static final int DIRECTION = 64;
    private static final int ADDRESS = 72;
    private static final int SIZE = 80;
    private static final int VALUE = 88;
    private static final int STATE = 136;

    private static final int PENDING = 0;
    private static final int COMPLETE = 1;
    private static final int FREE = 3;

    private final GuestMemory board;
    private final long page;
    private final boolean polling;

    /// @param page the board's address of a page of the Service VM
    /// @param polling whether L0 looks for completion by itself
    public IoRequestBuffer(GuestMemory board, long page, boolean polling) {
        this.board = board;
        this.page = page;
        this.polling = polling;
        for (int slot = 0; slot < SLOTS; slot++) {
            free(slot);
        }
    }

    private long slot(int number) {
        return page + (long) SLOT_BYTES * number;
    }

    public void post(int number, IoRequest request) {
        long slot = slot(number);
        for (int offset = 0; offset < STATE; offset += Long.BYTES) {
            board.writeLong(slot + offset, 0);
        }
        board.writeInt(slot, request.kind().number());
        board.writeInt(slot + POLLING, polling ? 1 : 0);
        board.writeInt(slot + DIRECTION, request.write() ? 1 : 0);
        board.writeLong(slot + ADDRESS, request.address());
        board.writeLong(slot + SIZE, request.size());
        board.writeLong(slot + VALUE, request.value());
        board.writeInt(slot + STATE, PENDING);
    }

    public boolean isComplete(int number) {
        return board.readInt(slot(number) + STATE) == COMPLETE;
    }

    /// What the device model has put there for a read.
    public long value(int number) {
        return board.readLong(slot(number) + VALUE);
    }

    public void free(int number) {
        board.writeInt(slot(number) + STATE, FREE);
    }
}
