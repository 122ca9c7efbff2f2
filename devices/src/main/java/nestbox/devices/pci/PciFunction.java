package nestbox.devices.pci;

import static nestbox.devices.pci.PciRegisters.BAR_COUNT;
import static nestbox.devices.pci.PciRegisters.CAPABILITIES_POINTER;
import static nestbox.devices.pci.PciRegisters.COMMAND_BUS_MASTER;
import static nestbox.devices.pci.PciRegisters.COMMAND_INTX_DISABLE;
import static nestbox.devices.pci.PciRegisters.COMMAND_IO;
import static nestbox.devices.pci.PciRegisters.COMMAND_MEMORY;
import static nestbox.devices.pci.PciRegisters.COMMAND_PARITY_ERROR_RESPONSE;
import static nestbox.devices.pci.PciRegisters.COMMAND_SERR;
import static nestbox.devices.pci.PciRegisters.CONFIG_SIZE;
import static nestbox.devices.pci.PciRegisters.DEVICE_SPECIFIC;
import static nestbox.devices.pci.PciRegisters.HEADER_MULTI_FUNCTION;
import static nestbox.devices.pci.PciRegisters.STATUS_CAPABILITIES;
import static nestbox.devices.pci.PciRegisters.STATUS_ERRORS;
import static nestbox.devices.pci.PciRegisters.STATUS_INTERRUPT;

import nestbox.platform.Device;
import nestbox.platform.DmaDomain;
import nestbox.platform.IrqLine;
import nestbox.platform.MessageRoute;
import nestbox.platform.MessageSink;
import nestbox.platform.Mmio;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;

import java.util.List;
import java.util.Optional;

/// A conventional PCI function with a type 0 header: BARs, capabilities, INTx, MSI and MSI-X.
///
/// A device extends it, declares what it has in its constructor, and from then on only answers at
/// its BARs and calls [#signal] and [#setIntx]; where its windows are mapped and how an interrupt
/// leaves is decided here.
public abstract class PciFunction implements Device {
    /// What a snapshot holds of the function itself.
    public record State(
            RegisterBlock.State config, boolean intx, List<Integer> table, List<Boolean> pending) {}

    /// What a bus gives the functions that are plugged into it.
    record Wiring(PortSpace ports, MmioSpace mmio, MessageSink messages, Runnable freed) {}

    /// Configuration space; a device declares its own registers here.
    protected final RegisterBlock config = new RegisterBlock(CONFIG_SIZE);

    private final String name;
    private final RegisterBlock.Register command;
    private final RegisterBlock.Register status;
    private final RegisterBlock.Register headerType;
    private final RegisterBlock.Register capabilitiesPointer;
    private final RegisterBlock.Register interruptPin;
    private final Bar[] bars = new Bar[BAR_COUNT];
    private RegisterBlock.Register lastCapability;
    private int nextCapability = DEVICE_SPECIFIC;
    private Optional<Msi> msi = Optional.empty();
    private Optional<Msix> msix = Optional.empty();
    private Wiring wiring =
            new Wiring(new PortSpace(), new MmioSpace(), (address, data) -> {}, () -> {});
    private MessageRoute messages = new MessageRoute(wiring.messages);
    private IrqLine intxLine = IrqLine.unconnected();
    private boolean intx;

    @SuppressWarnings("this-escape") // hooks run only after a guest can reach the function
    protected PciFunction(String name, PciIdentity identity) {
        this.name = name;
        config.register("Vendor ID", PciRegisters.VENDOR_ID, 2).reset(identity.vendor());
        config.register("Device ID", PciRegisters.DEVICE_ID, 2).reset(identity.device());
        command =
                config.register("Command", PciRegisters.COMMAND, 2)
                        .writable(
                                COMMAND_BUS_MASTER
                                        | COMMAND_PARITY_ERROR_RESPONSE
                                        | COMMAND_SERR
                                        | COMMAND_INTX_DISABLE)
                        .onWrite(this::afterCommand);
        status = config.register("Status", PciRegisters.STATUS, 2).clearable(STATUS_ERRORS);
        config.register("Revision ID", PciRegisters.REVISION_ID, 1).reset(identity.revision());
        config.register("Programming Interface", PciRegisters.CLASS_CODE, 1)
                .reset(identity.classCode() & 0xFF);
        config.register("Class", PciRegisters.CLASS_CODE + 1, 2).reset(identity.classCode() >>> 8);
        config.register("Cache Line Size", PciRegisters.CACHE_LINE_SIZE, 1).writable(0xFF);
        config.register("Latency Timer", PciRegisters.LATENCY_TIMER, 1);
        headerType = config.register("Header Type", PciRegisters.HEADER_TYPE, 1);
        config.register("Subsystem Vendor ID", PciRegisters.SUBSYSTEM_VENDOR_ID, 2)
                .reset(identity.subsystemVendor());
        config.register("Subsystem ID", PciRegisters.SUBSYSTEM_ID, 2).reset(identity.subsystem());
        capabilitiesPointer = config.register("Capabilities Pointer", CAPABILITIES_POINTER, 1);
        lastCapability = capabilitiesPointer;
        config.register("Interrupt Line", PciRegisters.INTERRUPT_LINE, 1).writable(0xFF);
        interruptPin = config.register("Interrupt Pin", PciRegisters.INTERRUPT_PIN, 1);
    }

    // What a device declares

    /// @param target answers with offsets from the start of the window, whatever its kind
    protected final void addBar(int index, BarKind kind, long size, Mmio target) {
        bars[index] = new Bar(config, index, kind, size, target, this::remap);
        // Decoding can be enabled only for a kind of address space that the function uses.
        command.writable(command.writable() | (kind.isIo() ? COMMAND_IO : COMMAND_MEMORY));
    }

    /// Appends to the list of capabilities.
    ///
    /// @return where it starts; its body, from the third byte on, is for the caller to declare
    protected final int addCapability(int id, int length) {
        int at = nextCapability;
        nextCapability = at + length + 3 & ~3;
        if (nextCapability > CONFIG_SIZE) {
            throw new IllegalStateException(name + ": no room for more capabilities");
        }
        lastCapability.reset(at);
        config.register("Capability ID", at, 1).reset(id);
        lastCapability = config.register("Next Capability", at + 1, 1);
        status.reset(status.value() | STATUS_CAPABILITIES);
        return at;
    }

    /// Says that there is a list of capabilities, which somebody else answers for.
    ///
    /// @param first where it starts
    protected final void capabilitiesAt(int first) {
        capabilitiesPointer.reset(first);
        status.reset(status.value() | STATUS_CAPABILITIES);
    }

    protected final void addMsi(int vectors) {
        msi = Optional.of(new Msi(this, config, vectors));
    }

    /// @param bar which BAR to use for the vector table and the pending bit array
    protected final void addMsix(int vectors, int bar) {
        msix = Optional.of(new Msix(this, config, vectors, bar));
    }

    /// @param pin 0–3 for INTA–INTD
    protected final void useIntx(int pin) {
        interruptPin.reset(pin + 1);
    }

    /// Called when a guest wrote the Command register.
    protected void commandChanged() {}

    /// Called when a guest may have changed how interrupts leave, or whether.
    protected void interruptsRerouted() {}

    // Interrupts

    /// Whether interrupts leave as messages rather than on the INTx wire.
    protected final boolean messageSignalled() {
        return msi.filter(Msi::enabled).isPresent() || msix.filter(Msix::enabled).isPresent();
    }

    /// Sends the message of a vector, now or when it is unmasked. Without MSI and MSI-X enabled,
    /// nothing happens.
    protected final void signal(int vector) {
        if (msix.filter(Msix::enabled).isPresent()) {
            msix.get().signal(vector);
        } else if (msi.filter(Msi::enabled).isPresent()) {
            msi.get().signal(vector);
        }
    }

    /// Requests, or no longer requests, an interrupt on the INTx wire.
    protected final void setIntx(boolean requested) {
        intx = requested;
        updateIntx();
    }

    protected final int msixVectors() {
        return msix.map(Msix::vectors).orElse(0);
    }

    final void interruptsChanged() {
        updateIntx();
        msi.ifPresent(Msi::sendPending);
        msix.ifPresent(Msix::sendPending);
        interruptsRerouted();
    }

    /// @return false if the function isn't allowed to write to memory
    final boolean sendMessage(long address, int data) {
        if (!busMaster()) {
            return false;
        }
        messages.message(address, data);
        return true;
    }

    private void updateIntx() {
        int bits = status.value() & ~STATUS_INTERRUPT;
        status.set(intx ? bits | STATUS_INTERRUPT : bits);
        boolean disabled = (command.value() & COMMAND_INTX_DISABLE) != 0;
        intxLine.set(intx && !disabled && !messageSignalled());
    }

    /// The messages that may be sent: those of vectors that are enabled and not masked.
    public final List<PciMessage> enabledMessages() {
        if (msix.filter(Msix::enabled).isPresent()) {
            return msix.get().enabledMessages();
        }
        return msi.filter(Msi::enabled).map(Msi::enabledMessages).orElse(List.of());
    }

    // Isolation

    /// Through what the function reads and writes memory, if it does by itself.
    public Optional<DmaDomain> dma() {
        return Optional.empty();
    }

    /// Where the function's MSI and MSI-X messages go, from when it is plugged in.
    public final MessageRoute messages() {
        return messages;
    }

    /// Nothing confines the function any more. A reset of the function alone does not do this:
    /// software that the function is given to can ask for one.
    final void release() {
        dma().ifPresent(DmaDomain::reset);
        messages.reset();
    }

    // Configuration

    /// Whether the function may read and write memory.
    protected final boolean busMaster() {
        return (command.value() & COMMAND_BUS_MASTER) != 0;
    }

    /// Device-initiated access to one of the function's own windows, as through its BAR.
    protected final Optional<Mmio> window(int bar) {
        return bar < 0 || bar >= BAR_COUNT
                ? Optional.empty()
                : Optional.ofNullable(bars[bar]).map(Bar::target);
    }

    protected final long windowSize(int bar) {
        return bars[bar].size();
    }

    /// A read of configuration space; past the conventional 256 bytes there is nothing.
    public final int readConfig(int offset, int size) {
        return offset + size > CONFIG_SIZE ? -1 : (int) config.read(offset, size);
    }

    public final void writeConfig(int offset, int size, int value) {
        config.write(offset, size, value & 0xFFFF_FFFFL);
    }

    /// The interrupt pin: 0–3 for INTA–INTD, -1 for none.
    final int intxPin() {
        return interruptPin.value() - 1;
    }

    final void connect(Wiring wiring, IrqLine intxLine) {
        this.wiring = wiring;
        messages = new MessageRoute(wiring.messages);
        this.intxLine = intxLine;
    }

    final void setMultiFunction() {
        headerType.reset(HEADER_MULTI_FUNCTION);
    }

    private void afterCommand() {
        remap();
        interruptsChanged();
        commandChanged();
    }

    private void remap() {
        if (mapBars()) {
            wiring.freed.run();
        }
    }

    /// @return whether addresses became free
    final boolean mapBars() {
        boolean freed = false;
        for (Bar bar : bars) {
            if (bar != null) {
                int enable = bar.kind().isIo() ? COMMAND_IO : COMMAND_MEMORY;
                boolean decoding = (command.value() & enable) != 0;
                freed |= bar.remap(decoding, wiring.ports, wiring.mmio);
            }
        }
        return freed;
    }

    // Device

    @Override
    public final String name() {
        return name;
    }

    @Override
    public void reset() {
        config.reset();
        msix.ifPresent(Msix::reset);
        remap();
        setIntx(false);
    }

    protected final State saveFunction() {
        Msix.State messages = msix.map(Msix::save).orElse(new Msix.State(List.of(), List.of()));
        return new State(config.save(), intx, messages.table(), messages.pending());
    }

    protected final void restoreFunction(State state) {
        switch (state) {
            case State(var registers, var request, var table, var pending) -> {
                config.restore(registers);
                msix.ifPresent(m -> m.restore(new Msix.State(table, pending)));
                remap();
                setIntx(request);
            }
        }
    }
}
