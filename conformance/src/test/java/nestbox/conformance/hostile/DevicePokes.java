package nestbox.conformance.hostile;

import static nestbox.devices.BoardMap.*;

import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;

import java.util.Set;
import java.util.SplittableRandom;

/// A guest that reads and writes ports and registers of devices without any plan, and takes the
/// interrupts that come of it.
final class DevicePokes {
    private static final int POKES = 150;

    /// Starts of the blocks of ports that devices answer, and how far a poke strays from them.
    private static final int[] PORTS = {
        0,
        PIC_MASTER,
        PIT,
        KEYBOARD_DATA,
        KEYBOARD_COMMAND,
        RTC,
        POST_CODE,
        SYSTEM_PORT_A,
        PIC_SLAVE,
        SMI_COMMAND,
        DEBUG_CONSOLE,
        COM2,
        COM1,
        FIRMWARE_DEBUG_CONSOLE,
        ELCR,
        PCI_CONFIG_ADDRESS,
        PCI_CONFIG_DATA,
        PM_BASE,
        PM1A_CNT,
        PM_TMR,
        GPE0,
        PCI_IO
    };

    private static final int REACH = 8;

    /// Ports that end the run when something is written to them.
    private static final Set<Integer> ENDS =
            Set.of(EXIT, RESET, SYSTEM_PORT_A, PM1A_CNT, PM1A_CNT + 1);

    /// Blocks of registers: where, and how many bytes.
    private static final long[][] BLOCKS = {
        {IOAPIC, 0x100},
        {HPET, 0x400},
        {LOCAL_APIC, 0x400},
        {ECAM, 0x2_0000},
        {ECAM + 0x1_8000, 0x1000},
        {ECAM + 0x2_0000, 0x1000},
        {ECAM + 0x2_8000, 0x1000},
        {ECAM + 0xF_8000, 0x1000},
        {MMIO32, 0x1_0000},
        {MMIO32_END - 16, 32},
        {MMIO64, 0x1000},
        {0xA_0000, 0x100},
        {0xFFFF_FF00L, 0x100}
    };

    private static final int[] WIDTHS = {1, 2, 4, 8};
    private static final int HANDLER = Memory.CODE + 0x4000;

    private final SplittableRandom random;
    private final RandomValues values;
    private final GuestMemory memory;
    private final CodeBuffer code = new CodeBuffer();

    /// @param strangers where memory starts that isn't the guest's
    DevicePokes(SplittableRandom random, GuestMemory memory, long... strangers) {
        this.random = random;
        this.memory = memory;
        values = new RandomValues(random, strangers);
    }

    StartState prepare() {
        for (int i = 0; i < POKES; i++) {
            poke();
        }
        code.hex("EBFE");
        return withHandlers(memory, code);
    }

    /// A flat guest whose handlers end the interrupt at all controllers and return.
    static StartState withHandlers(GuestMemory memory, CodeBuffer code) {
        FlatGuest guest = new FlatGuest(memory, true);
        CodeBuffer handler = new CodeBuffer();
        handler.hex("50 52 53").store(LOCAL_APIC + 0xB0, 4, 0);
        handler.out(PIC_MASTER, 1, 0x20).out(PIC_SLAVE, 1, 0x20).hex("5B 5A 58 48CF");
        for (int vector = 0x20; vector < 0x100; vector++) {
            guest.handler(vector, HANDLER, 0);
        }
        guest.handler(2, HANDLER, 0);
        return guest.put(HANDLER, handler).put(Memory.CODE, code).start();
    }

    private void poke() {
        switch (random.nextInt(12)) {
            case 0, 1, 2 -> code.out(port(), 1 << random.nextInt(3), values.any());
            case 3 -> code.in(port(), 1 << random.nextInt(3));
            case 4 -> configure();
            case 5, 6, 7, 8 -> code.store(register(), WIDTHS[random.nextInt(4)], value());
            case 9 -> code.load(register(), WIDTHS[random.nextInt(4)]);
            case 10 -> manyBytes();
            default -> code.hex(random.nextInt(3) == 0 ? "FA" : "FB 90");
        }
    }

    private int port() {
        if (random.nextInt(8) == 0) {
            return random.nextInt(0x10000);
        }
        int port = PORTS[random.nextInt(PORTS.length)] + random.nextInt(REACH);
        return ENDS.contains(port) && random.nextInt(50) != 0 ? POST_CODE : port;
    }

    private long register() {
        long[] block = BLOCKS[random.nextInt(BLOCKS.length)];
        long offset = random.nextLong(block[1]);
        return block[0] + (random.nextInt(8) == 0 ? offset : offset & -4);
    }

    private long value() {
        return random.nextInt(4) == 0 ? values.address() : values.any();
    }

    /// A write to PCI configuration space through its ports.
    private void configure() {
        int function = random.nextInt(8) == 0 ? random.nextInt(0x10000) : random.nextInt(32) << 3;
        int at = 0x8000_0000 | function << 8 | random.nextInt(64) << 2;
        code.out(PCI_CONFIG_ADDRESS, 4, at);
        code.out(PCI_CONFIG_DATA + random.nextInt(4), 1 << random.nextInt(3), value());
    }

    /// A string instruction from or to a device.
    private void manyBytes() {
        code.move32(1, random.nextInt(300));
        code.move64(6, random.nextBoolean() ? register() : values.address() & 0x1F_FFFF);
        code.move64(7, random.nextBoolean() ? register() : Memory.DATA + random.nextInt(0x1000));
        code.move32(2, port());
        String[] instructions = {"F3A4", "F348A5", "F36C", "F36E", "F366AB", "F3A6"};
        code.hex(instructions[random.nextInt(instructions.length)]);
    }
}
