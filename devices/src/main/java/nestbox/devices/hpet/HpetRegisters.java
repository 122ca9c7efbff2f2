package nestbox.devices.hpet;

/// Registers and bits, named as in Intel's "IA-PC HPET (High Precision Event Timers)
/// Specification" 1.0a, section "Register Overview".
final class HpetRegisters {
    static final int CAPABILITIES = 0x000;
    static final int CONFIGURATION = 0x010;
    static final int INTERRUPT_STATUS = 0x020;
    static final int MAIN_COUNTER = 0x0F0;
    static final int TIMERS = 0x100;
    static final int TIMER_STRIDE = 0x20;

    // Within a timer's block
    static final int TIMER_CONFIGURATION = 0x00;
    static final int TIMER_COMPARATOR = 0x08;
    static final int TIMER_FSB_ROUTE = 0x10;

    // General capabilities
    static final long REV_ID = 1;
    static final int NUM_TIM_CAP_SHIFT = 8;
    static final long COUNT_SIZE_CAP = 1L << 13;
    static final long LEG_RT_CAP = 1L << 15;
    static final long VENDOR_INTEL = 0x8086L << 16;
    static final int COUNTER_CLK_PERIOD_SHIFT = 32;

    // General configuration
    static final long ENABLE_CNF = 1;
    static final long LEG_RT_CNF = 2;

    // Timer configuration
    static final long INT_TYPE_LEVEL = 1 << 1;
    static final long INT_ENB = 1 << 2;
    static final long TYPE_PERIODIC = 1 << 3;
    static final long PER_INT_CAP = 1 << 4;
    static final long SIZE_CAP = 1 << 5;
    static final long VAL_SET = 1 << 6;
    static final long MODE_32 = 1 << 8;
    static final int INT_ROUTE_SHIFT = 9;
    static final long INT_ROUTE = 0x1FL << INT_ROUTE_SHIFT;
    static final long FSB_EN = 1 << 14;
    static final long FSB_INT_DEL_CAP = 1 << 15;
    static final int INT_ROUTE_CAP_SHIFT = 32;

    static final long TIMER_WRITABLE =
            INT_TYPE_LEVEL | INT_ENB | TYPE_PERIODIC | VAL_SET | MODE_32 | INT_ROUTE | FSB_EN;

    private HpetRegisters() {}
}
