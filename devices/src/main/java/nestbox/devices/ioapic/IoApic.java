package nestbox.devices.ioapic;

import nestbox.devices.BoardMap;
import nestbox.platform.Device;
import nestbox.platform.IrqLine;
import nestbox.platform.MessageRoute;
import nestbox.platform.MessageSink;
import nestbox.platform.Mmio;

import java.util.Arrays;
import java.util.List;

/// The I/O APIC: turns its interrupt pins into messages to local APICs, as its redirection table
/// says. An 82093AA of version 0x20, that is with the EOI register of later chip sets, and on a
/// board with 24 pins.
///
/// Wires carry *asserted*, not a voltage. Pins that are active low on the board get their voltage
/// here, so an entry of the wrong polarity misbehaves as on hardware.
public final class IoApic implements Device, Mmio {
    /// Everything a snapshot holds.
    ///
    /// @param asserted one bit per pin
    public record State(int select, int id, long asserted, List<Long> redirectionTable) {}

    /// Bytes of its address range.
    public static final long LENGTH = 0x1000;

    private static final int ACTIVE_LOW_PINS = (1 << BoardMap.PIRQ_PINS) - 1 << BoardMap.PIRQ_PIN;

    // Offsets of the registers that are mapped directly
    private static final int SELECT = 0x00;
    private static final int WINDOW = 0x10;
    private static final int END_OF_INTERRUPT = 0x40;

    // Registers behind the window
    private static final int ID = 0x00;
    private static final int VERSION = 0x01;
    private static final int ARBITRATION = 0x02;
    private static final int REDIRECTION_TABLE = 0x10;

    private static final int VERSION_VALUE = 0x20;
    private static final int PINS_SHIFT = 16;
    private static final int ID_BITS = 0x0F00_0000;

    private final MessageRoute messages;
    private final long[] redirectionTable;
    private final long activeLow;
    private int select;
    private int id;
    private long asserted;

    /// A board's.
    public IoApic(MessageSink messages) {
        this(messages, BoardMap.IOAPIC_PINS, ACTIVE_LOW_PINS);
    }

    /// One with any number of pins up to 64, whose wires are all active high.
    public IoApic(MessageSink messages, int pins) {
        this(messages, pins, 0);
    }

    private IoApic(MessageSink messages, int pins, long activeLow) {
        this.messages = new MessageRoute(messages);
        this.activeLow = activeLow;
        redirectionTable = new long[pins];
        reset();
    }

    public int pins() {
        return redirectionTable.length;
    }

    @Override
    public String name() {
        return "ioapic";
    }

    @Override
    public void reset() {
        select = 0;
        id = 0;
        Arrays.fill(redirectionTable, RedirectionEntry.RESET);
    }

    /// Where the messages of all pins go.
    public MessageRoute messages() {
        return messages;
    }

    /// The wire of a pin.
    public IrqLine input(int pin) {
        if (pin < 0 || pin >= pins()) {
            throw new IllegalArgumentException("I/O APIC pin " + pin);
        }
        return level -> setPin(pin, level);
    }

    /// A local APIC broadcasts the end of a level-triggered interrupt.
    public void endOfInterrupt(int vector) {
        for (int pin = 0; pin < pins(); pin++) {
            long entry = redirectionTable[pin];
            if (RedirectionEntry.hasRemoteIrr(entry) && RedirectionEntry.vector(entry) == vector) {
                redirectionTable[pin] = entry & ~RedirectionEntry.REMOTE_IRR;
                updateLevel(pin);
            }
        }
    }

    @Override
    public long read(long offset, int size) {
        return switch ((int) offset) {
            case SELECT -> select;
            case WINDOW -> readRegister() & 0xFFFF_FFFFL;
            default -> 0;
        };
    }

    @Override
    public void write(long offset, int size, long value) {
        switch ((int) offset) {
            case SELECT -> select = (int) value & 0xFF;
            case WINDOW -> {
                if (size >= 4) {
                    writeRegister((int) value);
                }
            }
            case END_OF_INTERRUPT -> endOfInterrupt((int) value & 0xFF);
            default -> {}
        }
    }

    public State save() {
        return new State(select, id, asserted, Arrays.stream(redirectionTable).boxed().toList());
    }

    public void restore(State state) {
        select = state.select;
        id = state.id;
        asserted = state.asserted;
        for (int pin = 0; pin < pins(); pin++) {
            redirectionTable[pin] = state.redirectionTable.get(pin);
        }
    }

    private int readRegister() {
        if (isRedirection(select)) {
            long entry = redirectionTable[select - REDIRECTION_TABLE >> 1];
            return (int) (isHighHalf(select) ? entry >>> 32 : entry);
        }
        return switch (select) {
            case ID, ARBITRATION -> id;
            case VERSION -> VERSION_VALUE | pins() - 1 << PINS_SHIFT;
            default -> 0;
        };
    }

    private void writeRegister(int value) {
        if (isRedirection(select)) {
            int pin = select - REDIRECTION_TABLE >> 1;
            long half = value & 0xFFFF_FFFFL;
            long entry = redirectionTable[pin];
            writeEntry(
                    pin,
                    isHighHalf(select)
                            ? entry & 0xFFFF_FFFFL | half << 32
                            : entry & ~0xFFFF_FFFFL | half);
        } else if (select == ID) {
            id = value & ID_BITS; // and with it the arbitration ID
        }
    }

    private boolean isRedirection(int register) {
        return register >= REDIRECTION_TABLE && register < REDIRECTION_TABLE + 2 * pins();
    }

    private static boolean isHighHalf(int register) {
        return (register & 1) != 0;
    }

    private void writeEntry(int pin, long value) {
        long entry =
                value & RedirectionEntry.WRITABLE
                        | redirectionTable[pin] & RedirectionEntry.REMOTE_IRR;
        if (!RedirectionEntry.isLevel(entry)) {
            entry &= ~RedirectionEntry.REMOTE_IRR;
        }
        redirectionTable[pin] = entry;
        updateLevel(pin);
    }

    private void setPin(int pin, boolean level) {
        long bit = 1L << pin;
        if (level == ((asserted & bit) != 0)) {
            return;
        }
        asserted ^= bit;
        long entry = redirectionTable[pin];
        if (RedirectionEntry.isLevel(entry)) {
            updateLevel(pin);
        } else if (isActive(pin) && !RedirectionEntry.isMasked(entry)) {
            send(entry); // an edge; on a masked pin it is lost
        }
    }

    /// Sends a level-triggered interrupt that is due: active, not masked, none in service.
    private void updateLevel(int pin) {
        long entry = redirectionTable[pin];
        if (RedirectionEntry.isLevel(entry)
                && !RedirectionEntry.isMasked(entry)
                && !RedirectionEntry.hasRemoteIrr(entry)
                && isActive(pin)) {
            redirectionTable[pin] = entry | RedirectionEntry.REMOTE_IRR;
            send(entry);
        }
    }

    private boolean isActive(int pin) {
        boolean high = ((asserted ^ activeLow) >>> pin & 1) != 0;
        return high != ((redirectionTable[pin] & RedirectionEntry.ACTIVE_LOW) != 0);
    }

    private void send(long entry) {
        messages.message(
                RedirectionEntry.messageAddress(entry), RedirectionEntry.messageData(entry));
    }
}
