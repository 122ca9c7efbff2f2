package nestbox.devices.rtc;

/// Registers and bits of the MC146818A, named as in Motorola's data sheet, section "Registers", and
/// the places in CMOS memory that PC firmware uses.
final class RtcRegisters {
    static final int SECONDS = 0x00;
    static final int SECONDS_ALARM = 0x01;
    static final int MINUTES = 0x02;
    static final int MINUTES_ALARM = 0x03;
    static final int HOURS = 0x04;
    static final int HOURS_ALARM = 0x05;
    static final int DAY_OF_WEEK = 0x06;
    static final int DATE_OF_MONTH = 0x07;
    static final int MONTH = 0x08;
    static final int YEAR = 0x09;
    static final int REGISTER_A = 0x0A;
    static final int REGISTER_B = 0x0B;
    static final int REGISTER_C = 0x0C;
    static final int REGISTER_D = 0x0D;

    // Register A
    static final int UIP = 0x80;
    static final int DIVIDER = 0x70;
    static final int DIVIDER_RUNS = 0x20;
    static final int RATE_SELECT = 0x0F;

    // Register B
    static final int SET = 0x80;
    static final int PIE = 0x40;
    static final int AIE = 0x20;
    static final int UIE = 0x10;
    static final int SQWE = 0x08;
    static final int DM_BINARY = 0x04;
    static final int HOURS_24 = 0x02;

    // Register C; the flags lie where register B has their enable bits
    static final int IRQF = 0x80;
    static final int PF = 0x40;
    static final int AF = 0x20;
    static final int UF = 0x10;

    // Register D
    static final int VRT = 0x80;

    static final int PM = 0x80;

    /// An alarm byte from here on matches anything.
    static final int DONT_CARE = 0xC0;

    // CMOS memory
    static final int EQUIPMENT = 0x14;
    static final int BASE_MEMORY_KIB = 0x15;
    static final int EXTENDED_MEMORY_KIB = 0x17;
    static final int CHECKSUM = 0x2E;
    static final int EXTENDED_MEMORY_KIB_2 = 0x30;
    static final int CENTURY = 0x32;
    static final int MEMORY_ABOVE_16_MIB = 0x34;
    static final int MEMORY_ABOVE_4_GIB = 0x5B;
    static final int CHECKSUM_FIRST = 0x10;
    static final int CHECKSUM_LAST = 0x2D;

    static final int EQUIPMENT_FPU = 0x02;
    static final int SIZE = 0x100;

    private RtcRegisters() {}
}
