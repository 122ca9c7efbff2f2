package nestbox.devices.smbios;

import nestbox.devices.BoardMap;
import nestbox.devices.FirmwareImage;
import nestbox.devices.TableBytes;
import nestbox.devices.smbios.ProcessorIdentity.Cache;
import nestbox.platform.GuestMemory;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/// Makes the SMBIOS 3.1 tables of the board: the 64-bit entry point in the firmware segment, and
/// the structures after it. After DMTF's "System Management BIOS (SMBIOS) Reference Specification"
/// 3.1.1, chapter "Structure definitions".
public final class SmbiosTables {
    private static final int ENTRY_POINT_LENGTH = 24;
    private static final int ENTRY_POINT_CHECKSUM = 5;
    private static final int TABLE_OFFSET = 0x20;

    /// Handles are the type and a number, so that references can be written before their target.
    private static final int HANDLE_SHIFT = 8;

    private static final int NO_HANDLE = 0xFFFF;
    private static final int NO_ERROR_INFORMATION = 0xFFFE;
    private static final int UNKNOWN = 2;
    private static final int FAMILY_CORE_I5 = 0xCD;
    private static final int FAMILY_CORE_I7 = 0xC6;
    private static final long MIB = 1 << 20;
    private static final int MEMORY_SLOTS = 2;

    private enum Type {
        BIOS(0),
        SYSTEM(1),
        BASE_BOARD(2),
        CHASSIS(3),
        PROCESSOR(4),
        CACHE(7),
        MEMORY_ARRAY(16),
        MEMORY_DEVICE(17),
        MAPPED_MEMORY(19),
        BOOT(32),
        END(127);

        final int number;

        Type(int number) {
            this.number = number;
        }

        int handle(int index) {
            return number << HANDLE_SHIFT | index;
        }
    }

    /// One structure: its formatted area and the strings that follow it.
    private static final class Structure {
        private final Type type;
        private final int index;
        private final TableBytes fields = new TableBytes();
        private final List<String> strings = new ArrayList<>();

        Structure(Type type, int index) {
            this.type = type;
            this.index = index;
        }

        /// A field that refers to a string.
        Structure string(String text) {
            if (text.isEmpty()) {
                fields.u8(0);
            } else {
                strings.add(text);
                fields.u8(strings.size());
            }
            return this;
        }

        Structure u8(int value) {
            fields.u8(value);
            return this;
        }

        Structure u16(int value) {
            fields.u16(value);
            return this;
        }

        Structure u32(long value) {
            fields.u32(value);
            return this;
        }

        Structure u64(long value) {
            fields.u64(value);
            return this;
        }

        void appendTo(TableBytes table) {
            table.u8(type.number).u8(4 + fields.size()).u16(type.handle(index));
            table.bytes(fields.toByteArray());
            for (String text : strings) {
                table.text(text).u8(0);
            }
            table.u8(0);
            if (strings.isEmpty()) {
                table.u8(0);
            }
        }
    }

    private final BoardIdentity board;
    private final ProcessorIdentity processor;
    private final long memoryBytes;
    private final List<Structure> structures = new ArrayList<>();

    private SmbiosTables(BoardIdentity board, ProcessorIdentity processor, long memoryBytes) {
        this.board = board;
        this.processor = processor;
        this.memoryBytes = memoryBytes;
    }

    /// The entry point and all structures, at [BoardMap#SMBIOS_TABLES].
    public static FirmwareImage of(
            BoardIdentity board, ProcessorIdentity processor, long memoryBytes) {
        return new SmbiosTables(board, processor, memoryBytes).build();
    }

    private FirmwareImage build() {
        bios();
        system();
        baseBoard();
        chassis();
        processor();
        caches();
        memory();
        add(Type.BOOT, 0).u32(0).u16(0).u8(0); // no errors detected
        add(Type.END, 0);
        TableBytes table = new TableBytes();
        structures.forEach(structure -> structure.appendTo(table));
        long tableAddress = BoardMap.SMBIOS_TABLES + TABLE_OFFSET;
        byte[] image =
                new TableBytes()
                        .bytes(entryPoint(table.size(), tableAddress))
                        .align(TABLE_OFFSET)
                        .bytes(table.toByteArray())
                        .toByteArray();
        return new FirmwareImage(BoardMap.SMBIOS_TABLES, image);
    }

    private static byte[] entryPoint(int tableSize, long tableAddress) {
        byte[] entry =
                new TableBytes()
                        .text("_SM3_")
                        .u8(0) // checksum
                        .u8(ENTRY_POINT_LENGTH)
                        .u8(3)
                        .u8(1)
                        .u8(1) // SMBIOS 3.1.1
                        .u8(1) // entry point revision
                        .u8(0)
                        .u32(tableSize)
                        .u64(tableAddress)
                        .toByteArray();
        TableBytes.setChecksum(entry, 0, ENTRY_POINT_LENGTH, ENTRY_POINT_CHECKSUM);
        return entry;
    }

    private Structure add(Type type, int index) {
        Structure structure = new Structure(type, index);
        structures.add(structure);
        return structure;
    }

    private void bios() {
        long pciAndBootSelection = 1 << 7 | 1 << 15 | 1 << 16;
        int acpi = 1;
        int targetedContent = 1 << 2;
        add(Type.BIOS, 0)
                .string(board.bios().vendor())
                .string(board.bios().version())
                .u16((int) (BoardMap.FIRMWARE >> 4))
                .string(board.bios().date())
                .u8(0xFF) // ROM of 16 MiB or more: see the extended size
                .u64(pciAndBootSelection)
                .u8(acpi)
                .u8(targetedContent)
                .u8(board.bios().major())
                .u8(board.bios().minor())
                .u8(0xFF) // no embedded controller
                .u8(0xFF)
                .u16(16); // MiB
    }

    private void system() {
        BoardIdentity.SystemUnit system = board.system();
        Structure structure =
                add(Type.SYSTEM, 0)
                        .string(system.manufacturer())
                        .string(system.product())
                        .string(system.version())
                        .string(system.serialNumber());
        uuid(structure, system.uuid());
        int powerSwitch = 6;
        structure.u8(powerSwitch).string("").string(system.family());
    }

    /// The first three fields are little-endian, the rest is in order.
    private static void uuid(Structure structure, UUID uuid) {
        long high = uuid.getMostSignificantBits();
        structure.u32(high >>> 32).u16((int) (high >>> 16)).u16((int) high);
        structure.u64(Long.reverseBytes(uuid.getLeastSignificantBits()));
    }

    private void baseBoard() {
        BoardIdentity.BaseBoard base = board.baseBoard();
        int hostingAndReplaceable = 1 | 1 << 3;
        int motherboard = 10;
        add(Type.BASE_BOARD, 0)
                .string(base.manufacturer())
                .string(base.product())
                .string(base.version())
                .string(base.serialNumber())
                .string("") // asset tag
                .u8(hostingAndReplaceable)
                .string("") // location in chassis
                .u16(Type.CHASSIS.handle(0))
                .u8(motherboard)
                .u8(0);
    }

    private void chassis() {
        int miniPc = 35;
        int safe = 3;
        add(Type.CHASSIS, 0)
                .string(board.system().manufacturer())
                .u8(miniPc)
                .string("") // version
                .string("") // serial number
                .string("") // asset tag
                .u8(safe)
                .u8(safe)
                .u8(safe)
                .u8(safe) // security: none
                .u32(0)
                .u8(0) // height
                .u8(1) // power cords
                .u8(0)
                .u8(0) // contained elements
                .string(""); // SKU
    }

    private void processor() {
        int centralProcessor = 3;
        boolean i7 = processor.brand().contains("i7");
        int voltage = 0x80 | 9; // 0.9 V
        int populatedAndEnabled = 0x41;
        int otherUpgrade = 1;
        int capabilities = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7;
        int cores = processor.cores();
        int threads = processor.threads();
        add(Type.PROCESSOR, 0)
                .string("U3E1")
                .u8(centralProcessor)
                .u8(i7 ? FAMILY_CORE_I7 : FAMILY_CORE_I5)
                .string("Intel(R) Corporation")
                .u32(processor.signature())
                .u32(processor.features())
                .string(processor.brand())
                .u8(voltage)
                .u16(100) // external clock, MHz
                .u16(processor.megahertz())
                .u16(processor.megahertz())
                .u8(populatedAndEnabled)
                .u8(otherUpgrade)
                .u16(cacheHandle(1))
                .u16(cacheHandle(2))
                .u16(cacheHandle(3))
                .string("")
                .string("")
                .string("") // serial number, asset tag, part number
                .u8(Math.min(cores, 0xFF))
                .u8(Math.min(cores, 0xFF))
                .u8(Math.min(threads, 0xFF))
                .u16(capabilities)
                .u16(i7 ? FAMILY_CORE_I7 : FAMILY_CORE_I5)
                .u16(cores)
                .u16(cores)
                .u16(threads);
    }

    /// The first cache of a level.
    private int cacheHandle(int level) {
        for (int i = 0; i < processor.caches().size(); i++) {
            if (processor.caches().get(i).level() == level) {
                return Type.CACHE.handle(i);
            }
        }
        return NO_HANDLE;
    }

    private void caches() {
        int synchronousSram = 1 << 5;
        int singleBitEcc = 5;
        for (int i = 0; i < processor.caches().size(); i++) {
            Cache cache = processor.caches().get(i);
            int writeBackAndEnabled = 1 << 8 | 1 << 7;
            int size = cacheSize(cache.kib());
            add(Type.CACHE, i)
                    .string("L%d Cache".formatted(cache.level()))
                    .u16(writeBackAndEnabled | cache.level() - 1)
                    .u16(size)
                    .u16(size)
                    .u16(synchronousSram)
                    .u16(synchronousSram)
                    .u8(0) // speed
                    .u8(singleBitEcc)
                    .u8(
                            switch (cache.kind()) {
                                case INSTRUCTION -> 3;
                                case DATA -> 4;
                                case UNIFIED -> 5;
                            })
                    .u8(associativity(cache.ways()))
                    .u32(wideCacheSize(cache.kib()))
                    .u32(wideCacheSize(cache.kib()));
        }
    }

    /// In KiB, or in units of 64 KiB with the top bit set.
    private static int cacheSize(int kib) {
        return kib < 0x8000 ? kib : 0x8000 | Math.min(kib >> 6, 0x7FFF);
    }

    private static long wideCacheSize(int kib) {
        return kib < 0x8000 ? kib : 1L << 31 | kib >> 6;
    }

    private static int associativity(int ways) {
        return switch (ways) {
            case 1 -> 3;
            case 2 -> 4;
            case 4 -> 5;
            case 8 -> 7;
            case 16 -> 8;
            case 12 -> 9;
            case 20 -> 14;
            default -> UNKNOWN;
        };
    }

    private void memory() {
        int onBoard = 3;
        int systemMemory = 3;
        int noCorrection = 3;
        add(Type.MEMORY_ARRAY, 0)
                .u8(onBoard)
                .u8(systemMemory)
                .u8(noCorrection)
                .u32(0x8000_0000L) // see the extended capacity
                .u16(NO_ERROR_INFORMATION)
                .u16(MEMORY_SLOTS)
                .u64(Math.max(32L << 30, memoryBytes));
        memoryDevice(0, memoryBytes);
        memoryDevice(1, 0);
        mappedMemory(0, 0, Math.min(memoryBytes, GuestMemory.PCI_HOLE));
        if (memoryBytes > GuestMemory.PCI_HOLE) {
            long above = memoryBytes - GuestMemory.PCI_HOLE;
            mappedMemory(1, GuestMemory.FOUR_GIB, GuestMemory.FOUR_GIB + above);
        }
    }

    private void memoryDevice(int slot, long bytes) {
        long mib = bytes / MIB;
        boolean populated = bytes > 0;
        int soDimm = 13;
        int ddr4 = 26;
        int synchronous = 1 << 7;
        int megatransfers = populated ? 2400 : 0;
        add(Type.MEMORY_DEVICE, slot)
                .u16(Type.MEMORY_ARRAY.handle(0))
                .u16(NO_ERROR_INFORMATION)
                .u16(populated ? 64 : 0xFFFF) // total width
                .u16(populated ? 64 : 0xFFFF) // data width
                .u16((int) Math.min(mib, 0x7FFF))
                .u8(soDimm)
                .u8(0) // not one of a set
                .string("SODIMM%d".formatted(slot + 1))
                .string("BANK %d".formatted(2 * slot))
                .u8(populated ? ddr4 : UNKNOWN)
                .u16(populated ? synchronous : 0)
                .u16(megatransfers)
                .string("")
                .string("")
                .string("")
                .string("") // manufacturer, serial number, asset tag, part number
                .u8(populated ? 1 : 0) // rank
                .u32(mib < 0x7FFF ? 0 : mib)
                .u16(megatransfers)
                .u16(0)
                .u16(0)
                .u16(populated ? 1200 : 0); // millivolts
    }

    private void mappedMemory(int index, long start, long end) {
        add(Type.MAPPED_MEMORY, index)
                .u32(start >> 10)
                .u32((end >> 10) - 1)
                .u16(Type.MEMORY_ARRAY.handle(0))
                .u8(1) // partition width
                .u64(0)
                .u64(0);
    }
}
