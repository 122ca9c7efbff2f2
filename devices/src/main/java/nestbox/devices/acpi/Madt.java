package nestbox.devices.acpi;

import nestbox.devices.BoardMap;
import nestbox.platform.Ram;

import java.util.OptionalLong;
import java.util.Set;

/// The Multiple APIC Description Table of tables that lie in memory. After the ACPI specification
/// 6.1, section "Multiple APIC Description Table".
///
/// A hypervisor that passes the board's tables on to a virtual machine hides the processors that it
/// doesn't pass on: an operating system would wait for them to start.
public final class Madt {
    /// "RSD PTR ", "XSDT" and "APIC"
    private static final long RSDP_SIGNATURE = 0x2052_5450_2044_5352L;

    private static final int XSDT_SIGNATURE = 0x5444_5358;
    private static final int MADT_SIGNATURE = 0x4349_5041;

    private static final int XSDT_ADDRESS = 24;
    private static final int LENGTH = 4;
    private static final int CHECKSUM = 9;
    private static final int HEADER_LENGTH = 36;
    private static final int FIRST_ENTRY = 44;

    // Entries
    private static final int LOCAL_APIC = 0;
    private static final int LOCAL_APIC_LENGTH = 8;
    private static final int LOCAL_X2APIC = 9;
    private static final int LOCAL_X2APIC_LENGTH = 16;
    private static final int ENABLED = 1;

    /// Larger than any table that firmware makes.
    private static final int MOST_BYTES = 1 << 16;

    private Madt() {}

    /// Leaves only some of the processors enabled. The tables are those that [BoardMap#ACPI_TABLES]
    /// leads to.
    ///
    /// @return how many are enabled now; 0 if there is no such table
    public static int enableOnly(Ram ram, Set<Integer> apicIds) {
        OptionalLong found = find(ram);
        if (found.isEmpty()) {
            return 0;
        }
        long table = found.getAsLong();
        long end = table + length(ram, table);
        int enabled = 0;
        for (long entry = table + FIRST_ENTRY; entry + 2 <= end; ) {
            int size = ram.readByte(entry + 1);
            if (size < 2 || entry + size > end) {
                break;
            }
            enabled += keep(ram, entry, size, apicIds);
            entry += size;
        }
        setChecksum(ram, table);
        return enabled;
    }

    /// @return 1 for a processor that is enabled, else 0
    private static int keep(Ram ram, long entry, int size, Set<Integer> apicIds) {
        int type = ram.readByte(entry);
        int id;
        long flags;
        if (type == LOCAL_APIC && size >= LOCAL_APIC_LENGTH) {
            id = ram.readByte(entry + 3);
            flags = entry + 4;
        } else if (type == LOCAL_X2APIC && size >= LOCAL_X2APIC_LENGTH) {
            id = ram.readInt(entry + 4);
            flags = entry + 8;
        } else {
            return 0;
        }
        if (!apicIds.contains(id)) {
            ram.writeInt(flags, ram.readInt(flags) & ~ENABLED);
        }
        return ram.readInt(flags) & ENABLED;
    }

    private static OptionalLong find(Ram ram) {
        if (ram.readLong(BoardMap.ACPI_TABLES) != RSDP_SIGNATURE) {
            return OptionalLong.empty();
        }
        long xsdt = ram.readLong(BoardMap.ACPI_TABLES + XSDT_ADDRESS);
        if (ram.readInt(xsdt) != XSDT_SIGNATURE) {
            return OptionalLong.empty();
        }
        long end = xsdt + length(ram, xsdt);
        for (long entry = xsdt + HEADER_LENGTH; entry + 8 <= end; entry += 8) {
            long table = ram.readLong(entry);
            if (ram.readInt(table) == MADT_SIGNATURE) {
                return OptionalLong.of(table);
            }
        }
        return OptionalLong.empty();
    }

    private static int length(Ram ram, long table) {
        return Math.clamp(ram.readInt(table + LENGTH), HEADER_LENGTH, MOST_BYTES);
    }

    private static void setChecksum(Ram ram, long table) {
        ram.writeByte(table + CHECKSUM, 0);
        int sum = 0;
        for (int i = 0; i < length(ram, table); i++) {
            sum += ram.readByte(table + i);
        }
        ram.writeByte(table + CHECKSUM, -sum);
    }
}
