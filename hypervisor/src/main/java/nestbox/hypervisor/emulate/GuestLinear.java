package nestbox.hypervisor.emulate;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.platform.GuestMemory;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.AccessRights;

import java.util.ArrayList;
import java.util.List;

/// Memory of the guest whose VMCS is current, by linear addresses and with its current privilege:
/// what L0 reads and writes when it does the work of an instruction.
///
/// Accesses behave as those of the processor do: they may cross pages, both of which are translated
/// before either is written, and they throw what the instruction raises.
public final class GuestLinear {
    private static final long PAGE_MASK = GuestMemory.PAGE_SIZE - 1;
    private static final long NONE = -1;

    private final GuestState guest;
    private final GuestMemory board;
    private final GuestPhysical physical;
    private final GuestPaging paging;
    private final List<Overwritten> overwritten = new ArrayList<>();
    private boolean attempting;

    /// What RAM of the board held.
    private record Overwritten(long host, int width, long value) {}

    /// @param board RAM of the board, by host-physical addresses
    public GuestLinear(GuestState guest, GuestMemory board, GuestPhysical physical) {
        this.guest = guest;
        this.board = board;
        this.physical = physical;
        paging = new GuestPaging(guest, board, physical);
    }

    public GuestState guest() {
        return guest;
    }

    // Attempts

    /// From now on remembers what RAM held before it's written, until [#keep] or [#takeBack].
    void attempt() {
        overwritten.clear();
        attempting = true;
    }

    /// An iteration of a repeated instruction is complete, and what it wrote there to stay.
    void iterated() {
        overwritten.clear();
        physical.iterated();
    }

    /// The instruction is complete.
    void keep() {
        overwritten.clear();
        attempting = false;
    }

    /// The instruction has to be carried out again.
    void takeBack() {
        overwritten.reversed().forEach(old -> writeBoard(old.host, old.width, old.value));
        keep();
    }

    // Segments

    /// The linear address of an offset in a segment.
    ///
    /// @param segment as [GuestState] numbers them
    /// @throws GuestException #GP(0), or #SS(0) if the segment is SS
    public long linear(int segment, long offset, int width, Access access) {
        if (guest.is64Bit()) {
            long base = segment >= GuestState.FS ? guest.read(GUEST_ES_BASE.plus(segment)) : 0;
            long linear = base + offset;
            if (!isCanonical(linear) || !isCanonical(linear + width - 1)) {
                throw violation(segment);
            }
            return linear;
        }
        long first = offset & 0xFFFF_FFFFL;
        long rights = guest.read(GUEST_ES_ACCESS_RIGHTS.plus(segment));
        boolean allowed = guest.isRealOrVirtual() || allows(rights, access);
        if (!allowed || !contains(segment, rights, first, width)) {
            throw violation(segment);
        }
        return guest.read(GUEST_ES_BASE.plus(segment)) + first & 0xFFFF_FFFFL;
    }

    private static boolean isCanonical(long linear) {
        return linear << 16 >> 16 == linear;
    }

    private static GuestException violation(int segment) {
        return segment == GuestState.SS
                ? GuestException.stackFault()
                : GuestException.generalProtection();
    }

    private static boolean allows(long rights, Access access) {
        boolean code = (rights & AccessRights.CODE) != 0;
        boolean second = (rights & AccessRights.READABLE_OR_WRITABLE) != 0;
        return AccessRights.isUsable(rights)
                && switch (access) {
                    case READ -> second || !code;
                    case WRITE -> second && !code;
                    case FETCH -> code;
                };
    }

    private boolean contains(int segment, long rights, long first, int width) {
        long limit = guest.read(GUEST_ES_LIMIT.plus(segment));
        long last = first + width - 1;
        int down = AccessRights.CODE | AccessRights.CONFORMING_OR_EXPAND_DOWN;
        if ((rights & down) == AccessRights.CONFORMING_OR_EXPAND_DOWN) {
            boolean big = (rights & AccessRights.DEFAULT_BIG) != 0;
            return first > limit && last <= (big ? 0xFFFF_FFFFL : 0xFFFF);
        }
        return last <= limit;
    }

    // Accesses

    /// @param width 1, 2, 4 or 8 bytes
    /// @return the value, zero-extended
    /// @throws GuestException #PF or #AC
    public long read(long linear, int width) {
        checkAlignment(linear, width);
        return read(linear, width, Access.READ, false);
    }

    /// @throws GuestException #PF or #AC
    public void write(long linear, int width, long value) {
        checkAlignment(linear, width);
        write(linear, width, value, false);
    }

    /// Reads what is going to be written: it must be writable.
    ///
    /// @throws GuestException #PF or #AC
    public long readForWrite(long linear, int width) {
        checkAlignment(linear, width);
        return read(linear, width, Access.WRITE, false);
    }

    /// Checks that a write wouldn't fault.
    ///
    /// @throws GuestException #PF or #AC
    public void checkWritable(long linear, int width) {
        checkAlignment(linear, width);
        paging.translate(linear, Access.WRITE, false);
        second(linear, width, Access.WRITE, false);
    }

    /// Reads a system structure such as a descriptor table: the supervisor's, whatever the CPL.
    ///
    /// @throws GuestException #PF
    public long readSystem(long linear, int width) {
        return read(linear, width, Access.READ, true);
    }

    /// Writes a system structure.
    ///
    /// @throws GuestException #PF
    public void writeSystem(long linear, int width, long value) {
        write(linear, width, value, true);
    }

    /// Checks that a system structure can be read.
    ///
    /// @param width up to a page
    /// @throws GuestException #PF
    void checkSystemReadable(long linear, int width) {
        paging.translate(linear, Access.READ, true);
        second(linear, width, Access.READ, true);
    }

    /// Checks that a system structure can be written.
    ///
    /// @param width up to a page
    /// @throws GuestException #PF
    void checkSystemWritable(long linear, int width) {
        paging.translate(linear, Access.WRITE, true);
        second(linear, width, Access.WRITE, true);
    }

    /// Reads a byte of an instruction.
    ///
    /// @throws GuestException #PF
    public int fetch(long linear) {
        return fetched(fetchAddress(linear));
    }

    /// The guest-physical address of a byte of an instruction, and so of those behind it in the
    /// page.
    long fetchAddress(long linear) {
        return paging.translate(linear, Access.FETCH, false);
    }

    /// Reads a byte at an address of [#fetchAddress].
    int fetched(long physicalAddress) {
        return (int) readPhysical(physicalAddress, 1);
    }

    private void checkAlignment(long linear, int width) {
        if ((linear & width - 1) != 0
                && guest.cpl() == 3
                && (guest.read(GUEST_CR0) & ControlBits.CR0_AM) != 0
                && (guest.flags() & RFlags.AC) != 0) {
            throw GuestException.alignmentCheck();
        }
    }

    private long read(long linear, int width, Access access, boolean implicit) {
        long first = paging.translate(linear, access, implicit);
        long second = second(linear, width, access, implicit);
        if (second == NONE) {
            return readPhysical(first, width);
        }
        int inFirst = inPage(linear, width);
        long value = 0;
        for (int i = 0; i < width; i++) {
            long at = i < inFirst ? first + i : second + i - inFirst;
            value |= readPhysical(at, 1) << 8 * i;
        }
        return value;
    }

    private void write(long linear, int width, long value, boolean implicit) {
        long first = paging.translate(linear, Access.WRITE, implicit);
        long second = second(linear, width, Access.WRITE, implicit);
        if (second == NONE) {
            writePhysical(first, width, value);
            return;
        }
        int inFirst = inPage(linear, width);
        for (int i = 0; i < width; i++) {
            long at = i < inFirst ? first + i : second + i - inFirst;
            writePhysical(at, 1, value >>> 8 * i & 0xFF);
        }
    }

    /// How many bytes of an access lie in its first page.
    private static int inPage(long linear, int width) {
        return (int) Math.min(width, GuestMemory.PAGE_SIZE - (linear & PAGE_MASK));
    }

    /// The physical address of an access's second page, if it has one.
    private long second(long linear, int width, Access access, boolean implicit) {
        int inFirst = inPage(linear, width);
        if (inFirst == width) {
            return NONE;
        }
        long next = linear + inFirst;
        return paging.translate(guest.is64Bit() ? next : next & 0xFFFF_FFFFL, access, implicit);
    }

    private long readPhysical(long address, int width) {
        long host = physical.ram(address, false);
        if (host == GuestPhysical.NOT_RAM) {
            return physical.read(address, width) & Widths.mask(width);
        }
        return readBoard(host, width);
    }

    private long readBoard(long host, int width) {
        return switch (width) {
            case 1 -> board.readByte(host);
            case 2 -> board.readShort(host);
            case 4 -> board.readInt(host) & 0xFFFF_FFFFL;
            default -> board.readLong(host);
        };
    }

    private void writePhysical(long address, int width, long value) {
        long host = physical.ram(address, true);
        if (host == GuestPhysical.NOT_RAM) {
            physical.write(address, width, value & Widths.mask(width));
            return;
        }
        if (attempting) {
            overwritten.add(new Overwritten(host, width, readBoard(host, width)));
        }
        writeBoard(host, width, value);
    }

    private void writeBoard(long host, int width, long value) {
        switch (width) {
            case 1 -> board.writeByte(host, (int) value);
            case 2 -> board.writeShort(host, (int) value);
            case 4 -> board.writeInt(host, (int) value);
            default -> board.writeLong(host, value);
        }
    }
}
