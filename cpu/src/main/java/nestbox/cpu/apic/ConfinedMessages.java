package nestbox.cpu.apic;

import nestbox.platform.MessageSink;

import java.util.Collection;
import java.util.Optional;
import java.util.Set;

/// The way to some of a board's processors, for messages whose sender must not reach the others.
///
/// A message arrives at those addressees that are among them; of a redirected message, one of them
/// is chosen. Only messages with a vector pass: the other delivery modes would let the sender reset
/// a processor, or take the vector that the 8259A has for somebody else.
public final class ConfinedMessages implements MessageSink {
    /// A message that did not reach all its addressees.
    public record Blocked(long address, int data) {}

    private final ApicBus bus;
    private final Set<LocalApic> reach;
    private long blocked;
    private Optional<Blocked> lastBlocked = Optional.empty();

    ConfinedMessages(ApicBus bus, Collection<LocalApic> reach) {
        this.bus = bus;
        this.reach = Set.copyOf(reach);
    }

    @Override
    public void message(long address, int data) {
        InterruptMessage message = InterruptMessage.of(address, data);
        boolean passes = message.hasVector();
        if (!passes || bus.addresses(message, apic -> !reach.contains(apic))) {
            blocked++;
            lastBlocked = Optional.of(new Blocked(address, data));
        }
        if (passes) {
            bus.deliver(message, apic -> apic.isAddressedBy(message) && reach.contains(apic));
        }
    }

    /// How many messages did not reach all that they addressed.
    public long blocked() {
        return blocked;
    }

    public Optional<Blocked> lastBlocked() {
        return lastBlocked;
    }
}
