package nestbox.boot;

import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;
import nestbox.platform.Ram;

import java.nio.charset.StandardCharsets;
import java.util.List;

/// Loads a bzImage and starts it at its 64-bit entry point, or at the 32-bit one of kernels that
/// have no other.
///
/// The real-mode part of the kernel is not run: this loader fills in the zero page in its place,
/// as the Linux documentation, "The Linux/x86 Boot Protocol", lays down.
final class LinuxLoader {
    // Low memory, where the protocol wants small things. All of it lies below the EBDA.
    private static final long LOW_START = 0x1000;
    private static final long GDT = LOW_START;
    private static final long ZERO_PAGE = 0x7000;
    private static final long COMMAND_LINE = 0x1_0000;
    private static final long LOW_END = 0x2_0000;
    private static final long LONGEST_COMMAND_LINE = LOW_END - COMMAND_LINE;

    // Offsets in the zero page, struct boot_params
    private static final int E820_ENTRIES = 0x1E8;
    private static final int VID_MODE = 0x1FA;
    private static final int TYPE_OF_LOADER = 0x210;
    private static final int RAMDISK_IMAGE = 0x218;
    private static final int RAMDISK_SIZE = 0x21C;
    private static final int CMD_LINE_PTR = 0x228;
    private static final int E820_TABLE = 0x2D0;
    private static final int E820_ENTRY_SIZE = 20;

    private static final int LOADER_UNDEFINED = 0xFF;
    private static final int VIDEO_NORMAL = 0xFFFF;

    private final BootImages images;
    private final LinuxHeader header;
    private final Ram ram;
    private final FreeMemory free;

    LinuxLoader(BootImages images, LinuxHeader header, FreeMemory free) {
        this.images = images;
        this.header = header;
        this.free = free;
        ram = free.ram();
    }

    StartState load() {
        if (!images.modules().isEmpty()) {
            throw new BootException(
                    ("%s is a Linux kernel, which takes no modules: give it an initial RAM"
                                    + " disk instead.")
                            .formatted(images.kernel().name()));
        }
        byte[] commandLine = commandLine();
        if (header.loadAddress() < MemoryLayout.ONE_MIB
                || header.loadAddress() >= GuestMemory.PCI_HOLE) {
            throw new BootException(
                    ("The Linux kernel %s can't be booted: it wants to lie at 0x%x,"
                                    + " where there never is RAM: copy it again.")
                            .formatted(images.kernel().name(), header.loadAddress()));
        }
        if (!free.take(LOW_START, LOW_END - LOW_START)) {
            throw tooSmall("what the kernel is told at 0x%x".formatted(LOW_START));
        }
        long address = takeKernel();
        images.kernel().copyTo(ram, address, header.setupBytes(), header.kernelBytes());
        long cr3 = header.entry64() ? pageTables() : 0;
        writeZeroPage();
        images.initrd().ifPresent(this::loadInitrd);
        free.zero(COMMAND_LINE, commandLine.length + 1);
        ram.write(COMMAND_LINE, commandLine, 0, commandLine.length);
        (header.entry64() ? FlatSegments.LONG_MODE : FlatSegments.PROTECTED_MODE).write(ram, GDT);
        return new StartState(
                header.entry64(),
                header.entry(address),
                0,
                0,
                ZERO_PAGE,
                cr3,
                GDT,
                FlatSegments.LIMIT,
                FlatSegments.CODE,
                FlatSegments.DATA);
    }

    /// Where the kernel wants to lie, or else the next place that it can be moved to. Below the
    /// place that it wants it would move itself there.
    private long takeKernel() {
        long wanted = header.loadAddress();
        long length = header.memoryNeeded();
        if (free.take(wanted, length)) {
            return wanted;
        }
        if (header.alignment() == 0) {
            throw tooSmall("the kernel");
        }
        return free.takeLowest(length, header.alignment(), wanted)
                .orElseThrow(() -> tooSmall("the kernel"));
    }

    private byte[] commandLine() {
        byte[] text = images.commandLine().getBytes(StandardCharsets.UTF_8);
        long longest = Math.min(header.cmdlineSize(), LONGEST_COMMAND_LINE - 1);
        if (text.length > longest) {
            throw new BootException(
                    ("The command line has %d bytes and the Linux kernel %s takes %d:"
                                    + " shorten it.")
                            .formatted(text.length, images.kernel().name(), longest));
        }
        return text;
    }

    /// At the top of low RAM, where the kernel's decompressor doesn't get before it has made page
    /// tables of its own.
    private long pageTables() {
        IdentityPages pages = new IdentityPages(free.layout());
        long cr3 =
                free.takeHighest(pages.size(), GuestMemory.PAGE_SIZE, GuestMemory.FOUR_GIB)
                        .filter(address -> address >= header.loadAddress())
                        .orElseThrow(() -> tooSmall("the kernel and its page tables"));
        free.zero(cr3, pages.size());
        pages.write(ram, cr3);
        return cr3;
    }

    private void loadInitrd(BootFile initrd) {
        if (initrd.size() == 0) {
            throw new BootException(
                    "The initial RAM disk %s is empty: make it again.".formatted(initrd.name()));
        }
        long address =
                free.takeHighest(initrd.size(), GuestMemory.PAGE_SIZE, header.initrdAddrMax() + 1)
                        .filter(start -> start >= header.loadAddress())
                        .orElseThrow(
                                () ->
                                        tooSmall(
                                                "the kernel and the initial RAM disk "
                                                        + initrd.name()));
        initrd.copyTo(ram, address, 0, initrd.size());
        ram.writeInt(ZERO_PAGE + RAMDISK_IMAGE, (int) address);
        ram.writeInt(ZERO_PAGE + RAMDISK_SIZE, (int) initrd.size());
    }

    private void writeZeroPage() {
        free.zero(ZERO_PAGE, GuestMemory.PAGE_SIZE);
        byte[] copy = header.copy().array();
        ram.write(ZERO_PAGE + LinuxHeader.START, copy, 0, copy.length);
        ram.writeShort(ZERO_PAGE + VID_MODE, VIDEO_NORMAL);
        ram.writeByte(ZERO_PAGE + TYPE_OF_LOADER, LOADER_UNDEFINED);
        ram.writeInt(ZERO_PAGE + CMD_LINE_PTR, (int) COMMAND_LINE);
        ram.writeInt(ZERO_PAGE + RAMDISK_IMAGE, 0);
        ram.writeInt(ZERO_PAGE + RAMDISK_SIZE, 0);
        List<MemoryLayout.Range> ranges = free.layout().ranges();
        ram.writeByte(ZERO_PAGE + E820_ENTRIES, ranges.size());
        long entry = ZERO_PAGE + E820_TABLE;
        for (MemoryLayout.Range range : ranges) {
            ram.writeLong(entry, range.start());
            ram.writeLong(entry + 8, range.length());
            ram.writeInt(entry + 16, range.type().number());
            entry += E820_ENTRY_SIZE;
        }
    }

    /// RAM in which the kernel, the initial RAM disk and the page tables fit.
    private long needed() {
        long pages = header.entry64() ? new IdentityPages(free.layout()).size() : 0;
        long ramDisk = images.initrd().map(BootFile::size).orElse(0L);
        return header.loadAddress() + header.memoryNeeded() + pages + ramDisk;
    }

    private BootException tooSmall(String what) {
        return MemoryNeed.exception(images.kernel(), free.layout(), what, needed());
    }
}
