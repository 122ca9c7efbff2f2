package nestbox.boot;

import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;

import java.nio.charset.StandardCharsets;
import java.util.List;

/// Loads a bzImage and starts it at its 64-bit entry point, or at the 32-bit one of kernels that
/// have no other.
///
/// The real-mode part of the kernel is not run: this loader fills in the zero page in its place,
/// as the Linux documentation, "The Linux/x86 Boot Protocol", lays down.
final class LinuxLoader {
    // Low memory, where the protocol wants small things. All of it lies below the EBDA.
    private static final long GDT = 0x1000;
    private static final long ZERO_PAGE = 0x7000;
    private static final long COMMAND_LINE = 0x1_0000;
    private static final long LONGEST_COMMAND_LINE = 0x1_0000;

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
    private final GuestMemory memory;
    private final FreeMemory free;

    LinuxLoader(BootImages images, LinuxHeader header, GuestMemory memory) {
        this.images = images;
        this.header = header;
        this.memory = memory;
        free = new FreeMemory(memory);
    }

    StartState load() {
        if (!images.modules().isEmpty()) {
            throw new BootException(
                    ("%s is a Linux kernel, which takes no modules: use --initrd"
                                    + " instead of --module.")
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
        if (!free.take(header.loadAddress(), header.memoryNeeded())) {
            throw tooSmall("the kernel");
        }
        images.kernel()
                .copyTo(memory, header.loadAddress(), header.setupBytes(), header.kernelBytes());
        long cr3 = header.entry64() ? pageTables() : 0;
        writeZeroPage();
        images.initrd().ifPresent(this::loadInitrd);
        free.zero(COMMAND_LINE, commandLine.length + 1);
        memory.write(COMMAND_LINE, commandLine, 0, commandLine.length);
        (header.entry64() ? FlatSegments.LONG_MODE : FlatSegments.PROTECTED_MODE)
                .write(memory, GDT);
        return new StartState(
                header.entry64(),
                header.entry(),
                0,
                0,
                ZERO_PAGE,
                cr3,
                GDT,
                FlatSegments.LIMIT,
                FlatSegments.CODE,
                FlatSegments.DATA);
    }

    private byte[] commandLine() {
        byte[] text = images.commandLine().getBytes(StandardCharsets.UTF_8);
        long longest = Math.min(header.cmdlineSize(), LONGEST_COMMAND_LINE - 1);
        if (text.length > longest) {
            throw new BootException(
                    ("The command line has %d bytes and the Linux kernel %s takes %d:"
                                    + " shorten --append.")
                            .formatted(text.length, images.kernel().name(), longest));
        }
        return text;
    }

    /// At the top of low RAM, where the kernel's decompressor doesn't get before it has made page
    /// tables of its own.
    private long pageTables() {
        IdentityPages pages = new IdentityPages(memory);
        long cr3 =
                free.takeHighest(pages.size(), GuestMemory.PAGE_SIZE, memory.lowTop())
                        .filter(address -> address >= header.loadAddress())
                        .orElseThrow(() -> tooSmall("the kernel and its page tables"));
        free.zero(cr3, pages.size());
        pages.write(memory, cr3);
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
        initrd.copyTo(memory, address, 0, initrd.size());
        memory.writeInt(ZERO_PAGE + RAMDISK_IMAGE, (int) address);
        memory.writeInt(ZERO_PAGE + RAMDISK_SIZE, (int) initrd.size());
    }

    private void writeZeroPage() {
        free.zero(ZERO_PAGE, GuestMemory.PAGE_SIZE);
        byte[] copy = header.copy().array();
        memory.write(ZERO_PAGE + LinuxHeader.START, copy, 0, copy.length);
        memory.writeShort(ZERO_PAGE + VID_MODE, VIDEO_NORMAL);
        memory.writeByte(ZERO_PAGE + TYPE_OF_LOADER, LOADER_UNDEFINED);
        memory.writeInt(ZERO_PAGE + CMD_LINE_PTR, (int) COMMAND_LINE);
        memory.writeInt(ZERO_PAGE + RAMDISK_IMAGE, 0);
        memory.writeInt(ZERO_PAGE + RAMDISK_SIZE, 0);
        List<MemoryLayout.Range> ranges = MemoryLayout.of(memory).ranges();
        memory.writeByte(ZERO_PAGE + E820_ENTRIES, ranges.size());
        long entry = ZERO_PAGE + E820_TABLE;
        for (MemoryLayout.Range range : ranges) {
            memory.writeLong(entry, range.start());
            memory.writeLong(entry + 8, range.length());
            memory.writeInt(entry + 16, range.type().number());
            entry += E820_ENTRY_SIZE;
        }
    }

    /// RAM in which the kernel, the initial RAM disk and the page tables fit.
    private long needed() {
        long pages = header.entry64() ? new IdentityPages(memory).size() : 0;
        long ramDisk = images.initrd().map(BootFile::size).orElse(0L);
        return header.loadAddress() + header.memoryNeeded() + pages + ramDisk;
    }

    private BootException tooSmall(String what) {
        return MemoryNeed.exception(images.kernel(), memory, what, needed());
    }
}
