package nestbox.boot;

import nestbox.cpu.StartState;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// Loads a kernel by the Multiboot Specification, version 0.6.96.
final class Multiboot1Loader {
    private static final int MAGIC = 0x2BAD_B002;

    // Offsets in the information structure
    private static final int FLAGS = 0;
    private static final int MEM_LOWER = 4;
    private static final int MEM_UPPER = 8;
    private static final int CMDLINE = 16;
    private static final int MODS_COUNT = 20;
    private static final int MODS_ADDR = 24;
    private static final int SYMS = 28;
    private static final int MMAP_LENGTH = 44;
    private static final int MMAP_ADDR = 48;
    private static final int BOOT_LOADER_NAME = 64;
    private static final int SIZE = 120;

    // Its flags
    private static final int HAS_MEMORY = 1 << 0;
    private static final int HAS_COMMAND_LINE = 1 << 2;
    private static final int HAS_MODULES = 1 << 3;
    private static final int HAS_SECTIONS = 1 << 5;
    private static final int HAS_MEMORY_MAP = 1 << 6;
    private static final int HAS_LOADER_NAME = 1 << 9;

    private static final int MODULE_SIZE = 16;

    /// A map entry says how large it is, without the field that says so.
    private static final int MAP_ENTRY_SIZE = 20;

    private final BootImages images;
    private final Multiboot1Header header;
    private final FreeMemory free;

    Multiboot1Loader(BootImages images, Multiboot1Header header, FreeMemory free) {
        this.images = images;
        this.header = header;
        this.free = free;
    }

    StartState load() {
        MultibootKernel kernel =
                MultibootKernel.load(images, header.addresses(), header.entry(), free);
        return kernel.start(images.kernel(), address -> information(kernel, address), MAGIC, free);
    }

    private byte[] information(MultibootKernel kernel, long base) {
        List<MemoryLayout.Range> ranges = free.layout().ranges();
        List<byte[]> texts = kernel.modules().stream().map(m -> zeroEnded(m.text())).toList();
        byte[] commandLine = zeroEnded(MultibootKernel.text(images.kernel(), images.commandLine()));
        byte[] loaderName = zeroEnded(MultibootKernel.LOADER_NAME);
        byte[] sections = kernel.sections().map(ElfImage.Sections::headers).orElse(new byte[0]);
        int map = SIZE;
        int modules = map + ranges.size() * (4 + MAP_ENTRY_SIZE);
        int headers = modules + texts.size() * MODULE_SIZE;
        int strings = headers + sections.length;
        int size =
                strings
                        + commandLine.length
                        + loaderName.length
                        + texts.stream().mapToInt(text -> text.length).sum();
        ByteBuffer out = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        int flags = HAS_MEMORY | HAS_COMMAND_LINE | HAS_MODULES | HAS_MEMORY_MAP | HAS_LOADER_NAME;
        out.putInt(MEM_LOWER, MultibootKernel.lowerKibibytes());
        out.putInt(MEM_UPPER, MultibootKernel.upperKibibytes(free.layout()));
        out.putInt(MMAP_LENGTH, modules - map).putInt(MMAP_ADDR, (int) base + map);
        out.putInt(MODS_COUNT, texts.size()).putInt(MODS_ADDR, (int) base + modules);
        if (kernel.sections().isPresent()) {
            ElfImage.Sections table = kernel.sections().get();
            flags |= HAS_SECTIONS;
            out.position(SYMS);
            out.putInt(table.count()).putInt(table.entrySize());
            out.putInt((int) base + headers).putInt(table.nameTable());
        }
        out.putInt(FLAGS, flags);
        out.position(map);
        for (MemoryLayout.Range range : ranges) {
            out.putInt(MAP_ENTRY_SIZE).putLong(range.start()).putLong(range.length());
            out.putInt(range.type().number());
        }
        int text = strings + commandLine.length + loaderName.length;
        for (int i = 0; i < texts.size(); i++) {
            MultibootKernel.Module module = kernel.modules().get(i);
            out.putInt((int) module.start()).putInt((int) module.end());
            out.putInt((int) base + text).putInt(0);
            text += texts.get(i).length;
        }
        out.put(sections);
        out.putInt(CMDLINE, (int) base + out.position()).put(commandLine);
        out.putInt(BOOT_LOADER_NAME, (int) base + out.position()).put(loaderName);
        texts.forEach(out::put);
        return out.array();
    }

    private static byte[] zeroEnded(String text) {
        return (text + "\0").getBytes(StandardCharsets.UTF_8);
    }
}
