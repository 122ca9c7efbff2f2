package nestbox.devices.acpi;

import nestbox.devices.BoardMap;
import nestbox.devices.FirmwareImage;
import nestbox.devices.TableBytes;
import nestbox.devices.hpet.Hpet;

import java.util.ArrayList;
import java.util.List;

/// Makes the ACPI tables of a machine. After the ACPI specification 6.1, chapter "ACPI Software
/// Programming Model".
///
/// They lie in the firmware segment, RSDP first, where an operating system that was started without
/// UEFI looks; each is found from the one before, and all are one image.
public final class AcpiTables {
    private static final int HEADER_LENGTH = 36;
    private static final int CHECKSUM = 9;
    private static final int RSDP_LENGTH = 36;
    private static final int RSDP_V1_LENGTH = 20;
    private static final int RSDP_CHECKSUM = 8;
    private static final int RSDP_EXTENDED_CHECKSUM = 32;
    private static final int FACS_LENGTH = 64;
    private static final int TABLE_ALIGNMENT = 64;

    // Generic address structure
    private static final int SYSTEM_MEMORY = 0;
    private static final int SYSTEM_IO = 1;

    private static final int BLOCK_LENGTH = 12;

    // FADT
    private static final int FADT_REVISION = 6;
    private static final int FADT_MINOR = 1;
    private static final int PROFILE_DESKTOP = 1;
    private static final int NO_C_STATE = 0xFFFF;
    private static final int CENTURY_INDEX = 0x32;
    private static final int BOOT_LEGACY_DEVICES = 1;
    private static final int BOOT_NO_VGA = 1 << 2;
    private static final int BOOT_NO_ASPM = 1 << 4;
    private static final int BOOT_NO_RTC = 1 << 5;
    private static final int FLAG_WBINVD = 1;
    private static final int FLAG_PROC_C1 = 1 << 2;
    private static final int FLAG_NO_POWER_BUTTON = 1 << 4;
    private static final int FLAG_NO_SLEEP_BUTTON = 1 << 5;
    private static final int FLAG_RESET_REGISTER = 1 << 10;
    private static final int FLAG_HARDWARE_REDUCED = 1 << 20;

    /// From SCI_INT up to P_LVL2_LAT.
    private static final int FIXED_HARDWARE_LENGTH = 50;

    // MADT
    private static final int PCAT_COMPAT = 1;
    private static final int ENABLED = 1;
    private static final int XAPIC_IDS = 0xFF;
    private static final int ACTIVE_HIGH_EDGE = 0x5;
    private static final int ACTIVE_HIGH_LEVEL = 0xD;
    private static final int ALL_PROCESSORS = 0xFF;
    private static final long ALL_X2APIC_PROCESSORS = 0xFFFF_FFFFL;
    private static final int NMI_INPUT = 1;

    private static final int HPET_MINIMUM_TICK = 0x80;

    private final AcpiSetup setup;
    private final long address;
    private final TableBytes image = new TableBytes();
    private final List<Long> roots = new ArrayList<>();

    private AcpiTables(AcpiSetup setup, long address) {
        this.setup = setup;
        this.address = address;
    }

    /// All tables, at [BoardMap#ACPI_TABLES].
    public static FirmwareImage of(AcpiSetup setup) {
        FirmwareImage made = new AcpiTables(setup, BoardMap.ACPI_TABLES).build();
        if (made.end() > BoardMap.SMBIOS_TABLES) {
            throw new IllegalArgumentException("ACPI tables of %d bytes".formatted(made.end()));
        }
        return made;
    }

    private FirmwareImage build() {
        image.zeros(RSDP_LENGTH);
        long facs = place(facs());
        long dsdt = place(table("DSDT", 2, Dsdt.definitions(setup)));
        roots.add(place(table("FACP", FADT_REVISION, fadt(facs, dsdt))));
        roots.add(place(table("APIC", 4, madt())));
        if (setup.has(AcpiPart.HPET)) {
            roots.add(place(table("HPET", 1, hpet())));
        }
        if (setup.has(AcpiPart.PCI)) {
            roots.add(place(table("MCFG", 1, mcfg())));
        }
        for (byte[] table : setup.additionalTables()) {
            byte[] copy = table.clone();
            TableBytes.setChecksum(copy, 0, copy.length, CHECKSUM);
            roots.add(place(copy));
        }
        TableBytes narrow = new TableBytes();
        TableBytes wide = new TableBytes();
        for (long root : roots) {
            narrow.u32(root);
            wide.u64(root);
        }
        long rsdt = place(table("RSDT", 1, narrow.toByteArray()));
        long xsdt = place(table("XSDT", 1, wide.toByteArray()));
        byte[] all = image.toByteArray();
        System.arraycopy(rsdp(rsdt, xsdt), 0, all, 0, RSDP_LENGTH);
        return new FirmwareImage(address, all);
    }

    private long place(byte[] table) {
        image.align(TABLE_ALIGNMENT);
        long at = address + image.size();
        image.bytes(table);
        return at;
    }

    private byte[] table(String signature, int revision, byte[] content) {
        byte[] table =
                new TableBytes()
                        .text(signature, 4, ' ')
                        .u32(HEADER_LENGTH + content.length)
                        .u8(revision)
                        .u8(0) // checksum
                        .text(setup.oemId(), 6, ' ')
                        .text(setup.oemTableId(), 8, ' ')
                        .u32(1) // OEM revision
                        .text("NBOX", 4, ' ')
                        .u32(1) // creator revision
                        .bytes(content)
                        .toByteArray();
        TableBytes.setChecksum(table, 0, table.length, CHECKSUM);
        return table;
    }

    private byte[] rsdp(long rsdt, long xsdt) {
        byte[] rsdp =
                new TableBytes()
                        .text("RSD PTR ")
                        .u8(0) // checksum of the first 20 bytes
                        .text(setup.oemId(), 6, ' ')
                        .u8(2) // revision
                        .u32(rsdt)
                        .u32(RSDP_LENGTH)
                        .u64(xsdt)
                        .u8(0) // checksum of all
                        .zeros(3)
                        .toByteArray();
        TableBytes.setChecksum(rsdp, 0, RSDP_V1_LENGTH, RSDP_CHECKSUM);
        TableBytes.setChecksum(rsdp, 0, RSDP_LENGTH, RSDP_EXTENDED_CHECKSUM);
        return rsdp;
    }

    private static byte[] facs() {
        return new TableBytes()
                .text("FACS")
                .u32(FACS_LENGTH)
                .zeros(24) // hardware signature, waking vectors, global lock, flags
                .u8(2) // version
                .zeros(FACS_LENGTH - 33)
                .toByteArray();
    }

    private byte[] fadt(long facs, long dsdt) {
        boolean fixed = setup.has(AcpiPart.POWER_MANAGEMENT);
        boolean sleep = setup.has(AcpiPart.SLEEP_CONTROL);
        TableBytes out = new TableBytes();
        out.u32(facs).u32(dsdt).u8(0).u8(PROFILE_DESKTOP);
        if (fixed) {
            out.u16(BoardMap.SCI_IRQ).u32(BoardMap.SMI_COMMAND);
            out.u8(PowerManagement.ACPI_ENABLE).u8(PowerManagement.ACPI_DISABLE);
            out.u8(0).u8(0); // S4BIOS_REQ, PSTATE_CNT
            out.u32(BoardMap.PM1A_EVT).u32(0).u32(BoardMap.PM1A_CNT).u32(0).u32(0);
            out.u32(BoardMap.PM_TMR).u32(BoardMap.GPE0).u32(0);
            out.u8(4).u8(2).u8(0).u8(4).u8(BoardMap.GPE0_LENGTH).u8(0).u8(0).u8(0);
        } else {
            out.zeros(FIXED_HARDWARE_LENGTH);
        }
        out.u16(NO_C_STATE).u16(NO_C_STATE).u16(0).u16(0).u8(0).u8(0);
        out.u8(0).u8(0).u8(setup.has(AcpiPart.RTC) ? CENTURY_INDEX : 0); // DAY_ALRM, MON_ALRM
        out.u16(bootFlags()).u8(0);
        out.u32(flags());
        if (setup.has(AcpiPart.RESET_CONTROL)) {
            ioBlock(out, BoardMap.RESET, 1, 1);
            out.u8(ResetControl.HARD_RESET);
        } else {
            out.zeros(BLOCK_LENGTH).u8(0);
        }
        out.u16(0).u8(FADT_MINOR);
        out.u64(0).u64(dsdt); // X_FIRMWARE_CTRL is for a FACS above 4 GiB
        ioBlock(out, fixed, BoardMap.PM1A_EVT, 4, 2);
        out.zeros(BLOCK_LENGTH);
        ioBlock(out, fixed, BoardMap.PM1A_CNT, 2, 2);
        out.zeros(BLOCK_LENGTH).zeros(BLOCK_LENGTH); // X_PM1b_CNT_BLK, X_PM2_CNT_BLK
        ioBlock(out, fixed, BoardMap.PM_TMR, 4, 4);
        ioBlock(out, fixed, BoardMap.GPE0, BoardMap.GPE0_LENGTH, 1);
        out.zeros(BLOCK_LENGTH); // X_GPE1_BLK
        ioBlock(out, sleep, SleepControl.PORT, 1, 1);
        ioBlock(out, sleep, SleepControl.PORT + 1, 1, 1);
        out.u64(0); // hypervisor vendor: this is a PC
        return out.toByteArray();
    }

    private int bootFlags() {
        return (setup.has(AcpiPart.ISA_BRIDGE) ? BOOT_LEGACY_DEVICES : 0)
                | BOOT_NO_VGA
                | BOOT_NO_ASPM
                | (setup.has(AcpiPart.RTC) ? 0 : BOOT_NO_RTC);
    }

    private int flags() {
        return FLAG_WBINVD
                | FLAG_PROC_C1
                | FLAG_NO_SLEEP_BUTTON
                | (setup.has(AcpiPart.RESET_CONTROL) ? FLAG_RESET_REGISTER : 0)
                | (setup.has(AcpiPart.POWER_MANAGEMENT)
                        ? 0
                        : FLAG_NO_POWER_BUTTON | FLAG_HARDWARE_REDUCED);
    }

    /// A generic address structure, of zeroes for what there isn't.
    private static void ioBlock(
            TableBytes out, boolean exists, int port, int bytes, int accessBytes) {
        if (exists) {
            ioBlock(out, port, bytes, accessBytes);
        } else {
            out.zeros(BLOCK_LENGTH);
        }
    }

    private static void ioBlock(TableBytes out, int port, int bytes, int accessBytes) {
        int accessSize = Integer.numberOfTrailingZeros(accessBytes) + 1;
        out.u8(SYSTEM_IO).u8(8 * bytes).u8(0).u8(accessSize).u64(port);
    }

    private byte[] madt() {
        TableBytes out = new TableBytes();
        out.u32(BoardMap.LOCAL_APIC).u32(setup.has(AcpiPart.PIC) ? PCAT_COMPAT : 0);
        List<Integer> ids = setup.apicIds();
        boolean wide = false;
        for (int uid = 0; uid < ids.size(); uid++) {
            int id = ids.get(uid);
            if (id < XAPIC_IDS && uid < ALL_PROCESSORS) {
                out.u8(0).u8(8).u8(uid).u8(id).u32(ENABLED);
            } else {
                wide = true;
                out.u8(9).u8(16).u16(0).u32(id).u32(ENABLED).u32(uid);
            }
        }
        if (setup.has(AcpiPart.IO_APIC)) {
            out.u8(1).u8(12).u8(0).u8(0).u32(BoardMap.IOAPIC).u32(0);
            if (setup.has(AcpiPart.PIT)) {
                sourceOverride(out, BoardMap.TIMER_IRQ, BoardMap.TIMER_PIN, 0);
            }
            if (setup.has(AcpiPart.POWER_MANAGEMENT)) {
                sourceOverride(out, BoardMap.SCI_IRQ, BoardMap.SCI_IRQ, ACTIVE_HIGH_LEVEL);
            }
        }
        out.u8(4).u8(6).u8(ALL_PROCESSORS).u16(ACTIVE_HIGH_EDGE).u8(NMI_INPUT);
        if (wide) {
            out.u8(10).u8(12).u16(ACTIVE_HIGH_EDGE).u32(ALL_X2APIC_PROCESSORS).u8(NMI_INPUT);
            out.zeros(3);
        }
        return out.toByteArray();
    }

    private static void sourceOverride(TableBytes out, int irq, int interrupt, int flags) {
        out.u8(2).u8(10).u8(0).u8(irq).u32(interrupt).u16(flags);
    }

    private static byte[] hpet() {
        TableBytes out = new TableBytes().u32(Hpet.HARDWARE_ID);
        out.u8(SYSTEM_MEMORY).u8(64).u8(0).u8(0).u64(BoardMap.HPET);
        return out.u8(0).u16(HPET_MINIMUM_TICK).u8(0).toByteArray();
    }

    private static byte[] mcfg() {
        return new TableBytes()
                .zeros(8)
                .u64(BoardMap.ECAM)
                .u16(0) // segment
                .u8(0)
                .u8(BoardMap.ECAM_BUSES - 1)
                .zeros(4)
                .toByteArray();
    }
}
