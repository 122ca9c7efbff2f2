package nestbox.cpu.apic;

import nestbox.platform.MessageSink;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.IntSupplier;
import java.util.function.Predicate;

/// What connects the local APICs of a board with each other, with its I/O APICs and with devices
/// that signal interrupts by memory writes.
///
/// Messages take no time and arrive in the order in which the processors are numbered. A message
/// for one processor of several goes to the lowest arbitration priority and, among equals, to the
/// first, so that runs repeat.
public final class ApicBus implements MessageSink {
    private static final int ICR_ASSERT = 1 << 14;
    private static final int ICR_LEVEL = 1 << 15;

    private final List<LocalApic> apics = new ArrayList<>();
    private final List<EoiListener> eoiListeners = new ArrayList<>();
    private IntSupplier interruptController = () -> 0xFF;

    /// Adds an I/O APIC that wants to know of ends of interrupt.
    public void onEndOfInterrupt(EoiListener listener) {
        eoiListeners.add(listener);
    }

    /// Connects the 8259 that answers the interrupt acknowledge cycle of an ExtINT.
    ///
    /// @param acknowledge performs the cycle and returns the vector
    public void onInterruptAcknowledge(IntSupplier acknowledge) {
        interruptController = acknowledge;
    }

    @Override
    public void message(long address, int data) {
        deliver(InterruptMessage.of(address, data));
    }

    /// The bus for a sender that may interrupt only some of the processors on it.
    public ConfinedMessages confinedTo(Collection<LocalApic> processors) {
        return new ConfinedMessages(this, processors);
    }

    void attach(LocalApic apic) {
        apics.add(apic);
    }

    int acknowledgeExtInt() {
        return interruptController.getAsInt() & 0xFF;
    }

    void endOfInterrupt(int vector) {
        for (EoiListener listener : eoiListeners) {
            listener.endOfInterrupt(vector);
        }
    }

    /// Sends an interprocessor interrupt. SDM Vol. 3A, "Interrupt Command Register (ICR)".
    ///
    /// @param command the sender's ICR
    /// @param message the message that it describes
    void send(LocalApic sender, long command, InterruptMessage message) {
        boolean sendable =
                switch (message.mode()) {
                    case FIXED, LOWEST_PRIORITY, SMI, NMI, STARTUP -> true;
                    case INIT -> (command & ICR_LEVEL) == 0 || (command & ICR_ASSERT) != 0;
                    case RESERVED, EXT_INT -> false;
                };
        if (sendable) {
            deliver(message, audience(sender, command, message));
        }
    }

    /// The local APICs that a write to a local APIC's ICR would reach; of several among which the
    /// bus would choose, all.
    ///
    /// @param command as written: bits 63:32 are the destination in the format of the sender's mode
    public List<LocalApic> addressees(LocalApic sender, long command) {
        InterruptMessage message =
                InterruptMessage.ofCommand(command, sender.mode() == ApicMode.X2APIC);
        return apics.stream().filter(audience(sender, command, message)).toList();
    }

    /// The local APICs that take a device's message, were it sent now.
    ///
    /// @param among those that it can reach
    public List<LocalApic> receivers(long address, int data, Predicate<LocalApic> among) {
        InterruptMessage message = InterruptMessage.of(address, data);
        Predicate<LocalApic> audience = apic -> apic.isAddressedBy(message) && among.test(apic);
        return message.redirect()
                ? winner(audience).stream().toList()
                : apics.stream().filter(audience).toList();
    }

    private static Predicate<LocalApic> audience(
            LocalApic sender, long command, InterruptMessage message) {
        boolean self = message.canIncludeSelf();
        return switch ((int) command >>> 18 & 3) {
            case 0 -> apic -> apic.isAddressedBy(message);
            case 1 -> apic -> apic == sender && self;
            case 2 -> apic -> apic.isEnabled() && (apic != sender || self);
            default -> apic -> apic.isEnabled() && apic != sender;
        };
    }

    private void deliver(InterruptMessage message) {
        deliver(message, apic -> apic.isAddressedBy(message));
    }

    /// Whether one of these processors is an addressee.
    boolean addresses(InterruptMessage message, Predicate<LocalApic> among) {
        return apics.stream().anyMatch(apic -> apic.isAddressedBy(message) && among.test(apic));
    }

    void deliver(InterruptMessage message, Predicate<LocalApic> audience) {
        if (message.redirect()) {
            winner(audience).ifPresent(apic -> apic.receive(message));
            return;
        }
        for (LocalApic apic : apics) {
            if (audience.test(apic)) {
                apic.receive(message);
            }
        }
    }

    /// Of several addressees the one that takes a redirected message.
    private Optional<LocalApic> winner(Predicate<LocalApic> audience) {
        LocalApic winner = null;
        for (LocalApic apic : apics) {
            if (apic.takesInterrupts()
                    && audience.test(apic)
                    && (winner == null
                            || apic.arbitrationPriority() < winner.arbitrationPriority())) {
                winner = apic;
            }
        }
        return Optional.ofNullable(winner);
    }
}
