package nestbox.boot;

import nestbox.cpu.StartState;
import nestbox.devices.BoardMap;
import nestbox.platform.Ram;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// Loads a kernel by the Multiboot2 Specification, version 2.0, and starts it in the i386 state.
final class Multiboot2Loader {
    private static final int MAGIC = 0x36D7_6289;

    // Information tags
    private static final int END = 0;
    private static final int COMMAND_LINE = 1;
    private static final int LOADER_NAME = 2;
    private static final int MODULE = 3;
    private static final int BASIC_MEMORY = 4;
    private static final int MEMORY_MAP = 6;
    private static final int ELF_SECTIONS = 9;
    private static final int ACPI_OLD_RSDP = 14;
    private static final int ACPI_NEW_RSDP = 15;
    private static final int LOAD_BASE = 21;

    private static final int FIXED_PART = 8;
    private static final int TAG_HEADER = 8;
    private static final int MAP_ENTRY_SIZE = 24;

    /// "RSD PTR "
    private static final long RSDP_SIGNATURE = 0x2052_5450_2044_5352L;

    private static final int RSDP_REVISION = 15;
    private static final int OLD_RSDP_SIZE = 20;
    private static final int NEW_RSDP_SIZE = 36;

    private final BootImages images;
    private final Multiboot2Header header;
    private final FreeMemory free;

    Multiboot2Loader(BootImages images, Multiboot2Header header, FreeMemory free) {
        this.images = images;
        this.header = header;
        this.free = free;
    }

    StartState load() {
        MultibootKernel kernel =
                MultibootKernel.load(images, header.addresses(), header.entry(), free);
        byte[] information = information(kernel);
        return kernel.start(images.kernel(), _ -> information, MAGIC, free);
    }

    private byte[] information(MultibootKernel kernel) {
        Tags tags = new Tags();
        tags.text(
                COMMAND_LINE,
                buffer(0),
                MultibootKernel.text(images.kernel(), images.commandLine()));
        tags.text(LOADER_NAME, buffer(0), MultibootKernel.LOADER_NAME);
        for (MultibootKernel.Module module : kernel.modules()) {
            ByteBuffer range = buffer(8).putInt((int) module.start()).putInt((int) module.end());
            tags.text(MODULE, range, module.text());
        }
        tags.add(
                BASIC_MEMORY,
                buffer(8)
                        .putInt(MultibootKernel.lowerKibibytes())
                        .putInt(MultibootKernel.upperKibibytes(free.layout())));
        tags.add(MEMORY_MAP, memoryMap(free.layout().ranges()));
        kernel.sections().ifPresent(sections -> tags.add(ELF_SECTIONS, sections(sections)));
        addRsdp(tags, free.ram());
        tags.add(LOAD_BASE, buffer(4).putInt((int) kernel.start()));
        tags.add(END, buffer(0));
        return tags.finish();
    }

    private static ByteBuffer memoryMap(List<MemoryLayout.Range> ranges) {
        ByteBuffer map = buffer(8 + ranges.size() * MAP_ENTRY_SIZE);
        map.putInt(MAP_ENTRY_SIZE).putInt(0);
        for (MemoryLayout.Range range : ranges) {
            map.putLong(range.start()).putLong(range.length());
            map.putInt(range.type().number()).putInt(0);
        }
        return map;
    }

    private static ByteBuffer sections(ElfImage.Sections sections) {
        return buffer(12 + sections.headers().length)
                .putInt(sections.count())
                .putInt(sections.entrySize())
                .putInt(sections.nameTable())
                .put(sections.headers());
    }

    /// A copy of the root of the ACPI tables, if the board has laid some down.
    private static void addRsdp(Tags tags, Ram ram) {
        if (ram.readLong(BoardMap.ACPI_TABLES) != RSDP_SIGNATURE) {
            return;
        }
        byte[] rsdp = new byte[NEW_RSDP_SIZE];
        ram.read(BoardMap.ACPI_TABLES, rsdp, 0, rsdp.length);
        tags.add(ACPI_OLD_RSDP, buffer(OLD_RSDP_SIZE).put(rsdp, 0, OLD_RSDP_SIZE));
        if (rsdp[RSDP_REVISION] >= 2) {
            tags.add(ACPI_NEW_RSDP, buffer(NEW_RSDP_SIZE).put(rsdp));
        }
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /// Tags one after another, each on a boundary of 8 bytes.
    private static final class Tags {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        Tags() {
            bytes.writeBytes(new byte[FIXED_PART]);
        }

        void add(int type, ByteBuffer content) {
            bytes.writeBytes(new byte[-bytes.size() & 7]);
            int size = TAG_HEADER + content.capacity();
            bytes.writeBytes(buffer(TAG_HEADER).putInt(type).putInt(size).array());
            bytes.writeBytes(content.array());
        }

        /// A tag that ends with a string and its zero.
        void text(int type, ByteBuffer before, String text) {
            byte[] string = (text + "\0").getBytes(StandardCharsets.UTF_8);
            add(type, buffer(before.capacity() + string.length).put(before.flip()).put(string));
        }

        byte[] finish() {
            ByteBuffer all = ByteBuffer.wrap(bytes.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
            return all.putInt(0, all.capacity()).array();
        }
    }
}
