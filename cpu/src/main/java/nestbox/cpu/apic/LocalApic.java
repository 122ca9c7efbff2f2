package nestbox.cpu.apic;

import static nestbox.cpu.apic.ApicRegister.LVT_CMCI;
import static nestbox.cpu.apic.ApicRegister.LVT_ERROR;
import static nestbox.cpu.apic.ApicRegister.LVT_LINT0;
import static nestbox.cpu.apic.ApicRegister.LVT_LINT1;
import static nestbox.cpu.apic.ApicRegister.LVT_PERFORMANCE;
import static nestbox.cpu.apic.ApicRegister.LVT_THERMAL;
import static nestbox.cpu.apic.ApicRegister.LVT_TIMER;

import nestbox.platform.Clock;
import nestbox.platform.Device;
import nestbox.platform.IrqLine;
import nestbox.platform.Mmio;

/// The local APIC of one processor, in xAPIC and in x2APIC mode. SDM Vol. 3A, "Advanced
/// Programmable Interrupt Controller (APIC)".
///
/// It decides which interrupt its processor gets next and knows the processor only as an
/// [ApicCore]. The answer to [#highestPending] is kept up to date at every change, as the run loop
/// asks far more often than anything changes.
public final class LocalApic implements Device, Mmio {
    /// Where the register page is after reset.
    public static final long DEFAULT_BASE = 0xFEE0_0000L;

    /// Length of the register page.
    public static final int PAGE_LENGTH = 0x1000;

    /// Answer of [#readMsr] when RDMSR must fault; no register has this value.
    public static final long FAULT = -1;

    private static final long BASE_BSP = 1 << 8;
    private static final long BASE_EXTD = 1 << 10;
    private static final long BASE_EN = 1 << 11;
    private static final long BASE_RESERVED = 0x2FF;

    private static final int SVR_ENABLE = 1 << 8;
    private static final int SVR_SUPPRESS_EOI = 1 << 12;
    private static final int SVR_RESET = 0xFF;

    private static final int ICR_DELIVERY_STATUS = 1 << 12;

    private static final int LOWEST_LEGAL_VECTOR = 16;

    private final ApicConfiguration configuration;
    private final ApicBus bus;
    private final ApicTimer timer;
    private final ApicAddress address;
    private final LocalVectorTable lvt = new LocalVectorTable();
    private final InterruptQueue queue = new InterruptQueue();
    private final ErrorStatus errors = new ErrorStatus();
    private ApicCore core = ApicCore.none();

    private long apicBase;
    private ApicMode mode = ApicMode.XAPIC;
    private int svr;
    private long icr;
    private boolean extInt;

    /// Derived: what [#highestPending] answers, and what the processor was last told.
    private int pending = -1;

    private boolean requesting;

    public LocalApic(ApicConfiguration configuration, ApicBus bus, Clock clock, TscClock tsc) {
        this.configuration = configuration;
        this.bus = bus;
        address = new ApicAddress(configuration.id());
        timer = new ApicTimer(clock, configuration.timer(), tsc, this::timerInterrupt);
        bus.attach(this);
        reset();
    }

    /// Connects the processor; until then nobody hears the APIC.
    public void connect(ApicCore processor) {
        core = processor;
        core.interruptRequest(requesting);
    }

    @Override
    public String name() {
        return "lapic" + configuration.id();
    }

    /// Power-up or RESET.
    @Override
    public void reset() {
        apicBase = DEFAULT_BASE | BASE_EN | (configuration.bootstrap() ? BASE_BSP : 0);
        mode = ApicMode.XAPIC;
        address.resetId();
        init();
        core.apicBaseChanged();
    }

    /// The state after an INIT: that after power-up, but with APIC id, base and mode retained. The
    /// processor calls this when it performs an INIT.
    public void init() {
        queue.clear();
        address.resetLogical();
        lvt.reset();
        svr = SVR_RESET;
        errors.restore(0, 0);
        icr = 0;
        extInt = false;
        timer.restore(ApicState.Timer.STOPPED, LocalVector.MASK);
        update();
    }

    /// What a PC's firmware leaves: LINT0 of the bootstrap processor takes the 8259's interrupts,
    /// LINT1 takes NMIs. MultiProcessor Specification, "Virtual Wire Mode".
    public void enterVirtualWireMode() {
        write(ApicRegister.SPURIOUS_VECTOR, SVR_ENABLE | SVR_RESET);
        if (configuration.bootstrap()) {
            write(LVT_LINT0, DeliveryMode.EXT_INT.ordinal() << 8);
        }
        write(LVT_LINT1, DeliveryMode.NMI.ordinal() << 8);
    }

    // What the processor asks

    /// The vector to deliver next by fixed delivery, given the processor's priority; -1 if none.
    public int highestPending() {
        return pending;
    }

    /// Takes the interrupt that [#highestPending] promised: it is in service from now on.
    ///
    /// @return its vector, or the spurious vector if there is none any more
    public int acknowledge() {
        int vector = pending;
        if (vector < 0) {
            return svr & 0xFF;
        }
        queue.take(vector);
        update();
        if (vector == lvt.entry(LVT_TIMER).vector()) {
            timer.resume();
        }
        return vector;
    }

    /// Whether the 8259 has an interrupt for this processor; neither TPR nor PPR hold it back.
    public boolean extIntPending() {
        return switch (mode) {
            case DISABLED, INVALID -> lvt.isHigh(LVT_LINT0);
            case XAPIC, X2APIC -> extInt || lvt.extIntAsserted();
        };
    }

    /// Performs the interrupt acknowledge cycle for [#extIntPending].
    ///
    /// @return the vector that the 8259 gives
    public int acknowledgeExtInt() {
        extInt = false;
        int vector = bus.acknowledgeExtInt();
        update();
        return vector;
    }

    /// Bits 7:4 of the TPR, which are CR8.
    public int taskPriority() {
        return queue.taskPriority() >> 4;
    }

    /// MOV to CR8. SDM Vol. 3A, "Interaction of Task Priorities between CR8 and APIC".
    ///
    /// @param cr8 0 to 15
    public void setTaskPriority(int cr8) {
        queue.setTaskPriority(cr8 << 4);
        update();
    }

    /// The APIC id, of 32 bits in x2APIC mode and of 8 bits in xAPIC mode.
    public int id() {
        return mode == ApicMode.X2APIC ? address.id(mode) : address.id(mode) >>> 24;
    }

    // Model-specific registers

    /// IA32_APIC_BASE.
    public long apicBase() {
        return apicBase;
    }

    public ApicMode mode() {
        return mode;
    }

    /// Address of the register page; -1 when memory accesses don't reach the APIC.
    public long page() {
        return mode == ApicMode.XAPIC ? apicBase & -PAGE_LENGTH : -1;
    }

    /// WRMSR to IA32_APIC_BASE.
    ///
    /// @return false for #GP
    public boolean writeApicBase(long value) {
        long reserved = BASE_RESERVED | -1L << configuration.physicalAddressBits();
        ApicMode next = ApicMode.of(value);
        if ((value & reserved) != 0
                || (value & BASE_EXTD) != 0 && !configuration.x2apic()
                || !mode.allows(next)) {
            return false;
        }
        apicBase = value;
        boolean changed = next != mode;
        mode = next;
        if (changed && next == ApicMode.DISABLED) {
            address.resetId();
            init();
        } else if (changed && next == ApicMode.X2APIC) {
            icr &= 0xFFFF_FFFFL;
        }
        update();
        core.apicBaseChanged();
        return true;
    }

    /// RDMSR of a register of x2APIC mode.
    ///
    /// @param msr 0x800 to 0x8FF
    /// @return the value, or [#FAULT] for #GP
    public long readMsr(int msr) {
        int slot = msr - ApicRegister.FIRST_MSR;
        if (mode != ApicMode.X2APIC || !exists(slot)) {
            return FAULT;
        }
        ApicRegister register = ApicRegister.at(slot);
        if (!register.x2apic().readable()) {
            return FAULT;
        }
        return register == ApicRegister.INTERRUPT_COMMAND
                ? icr
                : Integer.toUnsignedLong(read(register, slot - register.slot()));
    }

    /// WRMSR to a register of x2APIC mode.
    ///
    /// @param msr 0x800 to 0x8FF
    /// @return false for #GP
    public boolean writeMsr(int msr, long value) {
        int slot = msr - ApicRegister.FIRST_MSR;
        if (mode != ApicMode.X2APIC || !exists(slot)) {
            return false;
        }
        ApicRegister register = ApicRegister.at(slot);
        long allowed =
                Integer.toUnsignedLong(
                        configuration.writableBits(register) | ignoredBits(register));
        if (register == ApicRegister.INTERRUPT_COMMAND) {
            allowed |= -1L << 32;
        }
        if (!register.x2apic().writable() || (value & ~allowed) != 0) {
            return false;
        }
        if (register == ApicRegister.INTERRUPT_COMMAND) {
            icr = value & ~ICR_DELIVERY_STATUS;
            sendCommand();
        } else {
            write(register, (int) value & configuration.writableBits(register));
        }
        return true;
    }

    /// IA32_TSC_DEADLINE.
    public long tscDeadline() {
        return timer.deadline();
    }

    public void setTscDeadline(long value) {
        timer.setDeadline(value);
    }

    /// Software has written to the TSC or to IA32_TSC_ADJUST.
    public void tscChanged() {
        timer.tscChanged();
    }

    // Memory accesses in xAPIC mode

    /// Only aligned accesses of 4 bytes are defined. Others read the bytes of the registers, with
    /// zero between them.
    @Override
    public long read(long offset, int size) {
        int within = (int) offset & 0xF;
        if (within >= Integer.BYTES) {
            return 0;
        }
        int slot = (int) (offset >>> 4);
        long value = 0;
        if (exists(slot)) {
            ApicRegister register = ApicRegister.at(slot);
            if (register.xapic().readable()) {
                value = Integer.toUnsignedLong(read(register, slot - register.slot()));
            }
        } else {
            error(ErrorStatus.ILLEGAL_REGISTER);
        }
        value >>>= 8 * within;
        return size < Long.BYTES ? value & (1L << 8 * size) - 1 : value;
    }

    /// Drops what isn't the aligned start of a register and at least as long.
    @Override
    public void write(long offset, int size, long value) {
        if ((offset & 0xF) != 0 || size < Integer.BYTES) {
            return;
        }
        int slot = (int) (offset >>> 4);
        if (!exists(slot)) {
            error(ErrorStatus.ILLEGAL_REGISTER);
            return;
        }
        ApicRegister register = ApicRegister.at(slot);
        if (register.xapic().writable()) {
            write(register, (int) value & configuration.writableBits(register));
        }
    }

    // Interrupts from outside

    /// The pin LINT0, or INTR while the APIC is disabled: where the 8259 is connected.
    public IrqLine lint0() {
        return high -> setPin(LVT_LINT0, high);
    }

    /// The pin LINT1, or NMI while the APIC is disabled.
    public IrqLine lint1() {
        return high -> setPin(LVT_LINT1, high);
    }

    /// A performance counter has overflowed. The LVT entry masks itself.
    public void performanceInterrupt() {
        LocalVector entry = lvt.entry(LVT_PERFORMANCE);
        deliver(entry);
        entry.mask();
    }

    public void thermalInterrupt() {
        deliver(lvt.entry(LVT_THERMAL));
    }

    /// A count of corrected machine checks has reached its threshold.
    public void correctedMachineCheckInterrupt() {
        deliver(lvt.entry(LVT_CMCI));
    }

    // Snapshots

    public ApicState save() {
        return new ApicState(
                apicBase,
                address.id(ApicMode.XAPIC),
                address.logicalDestination(ApicMode.XAPIC),
                address.destinationFormat(),
                queue.taskPriority(),
                svr,
                errors.register(),
                errors.pending(),
                icr,
                lvt.save(),
                queue.inService().save(),
                queue.triggerMode().save(),
                queue.requested().save(),
                timer.save(),
                extInt,
                lvt.isHigh(LVT_LINT0),
                lvt.isHigh(LVT_LINT1));
    }

    public void restore(ApicState state) {
        apicBase = state.apicBase();
        mode = ApicMode.of(apicBase);
        address.restore(state);
        queue.restore(state);
        svr = state.spuriousVector();
        errors.restore(state.errorStatus(), state.pendingErrors());
        icr = state.command();
        lvt.restore(state);
        timer.restore(state.timer(), lvt.entry(LVT_TIMER).value());
        extInt = state.extInt();
        update();
        core.apicBaseChanged();
    }

    // The bus

    boolean isAddressedBy(InterruptMessage message) {
        return address.matches(message, mode);
    }

    boolean isEnabled() {
        return mode != ApicMode.DISABLED;
    }

    /// Whether it can win an arbitration.
    boolean takesInterrupts() {
        return isEnabled() && softwareEnabled();
    }

    int arbitrationPriority() {
        return queue.arbitrationPriority();
    }

    /// Takes a message that the bus found to be for this APIC.
    void receive(InterruptMessage message) {
        switch (message.mode()) {
            case FIXED, LOWEST_PRIORITY -> {
                if (takesInterrupts()) {
                    accept(message.vector(), message.level());
                }
            }
            case SMI -> core.smi();
            case NMI -> core.nmi();
            case INIT -> core.init();
            case STARTUP -> core.startup(message.vector());
            case EXT_INT -> {
                extInt = true;
                update();
            }
            case RESERVED -> {}
        }
    }

    // Registers

    private boolean exists(int slot) {
        return ApicRegister.isRegister(slot)
                && configuration.has(ApicRegister.at(slot))
                && (ApicRegister.at(slot) != ApicRegister.SELF_IPI || mode == ApicMode.X2APIC);
    }

    /// Read-only bits within a register, which WRMSR may find set.
    private int ignoredBits(ApicRegister register) {
        if (register == ApicRegister.INTERRUPT_COMMAND) {
            return ICR_DELIVERY_STATUS;
        }
        return lvt.contains(register) ? LocalVector.READ_ONLY : 0;
    }

    private int read(ApicRegister register, int index) {
        return switch (register) {
            case ID -> address.id(mode);
            case VERSION -> configuration.version();
            case TASK_PRIORITY -> queue.taskPriority();
            case ARBITRATION_PRIORITY -> arbitrationPriority();
            case PROCESSOR_PRIORITY -> queue.processorPriority();
            case LOGICAL_DESTINATION -> address.logicalDestination(mode);
            case DESTINATION_FORMAT -> address.destinationFormat();
            case SPURIOUS_VECTOR -> svr;
            case IN_SERVICE -> queue.inService().register(index);
            case TRIGGER_MODE -> queue.triggerMode().register(index);
            case INTERRUPT_REQUEST -> queue.requested().register(index);
            case ERROR_STATUS -> errors.register();
            case INTERRUPT_COMMAND -> (int) icr;
            case INTERRUPT_COMMAND_HIGH -> (int) (icr >>> 32);
            case LVT_TIMER,
                    LVT_THERMAL,
                    LVT_PERFORMANCE,
                    LVT_LINT0,
                    LVT_LINT1,
                    LVT_ERROR,
                    LVT_CMCI ->
                    lvt.entry(register).value();
            case INITIAL_COUNT -> timer.initialCount();
            case CURRENT_COUNT -> timer.currentCount();
            case DIVIDE_CONFIGURATION -> timer.divideConfiguration();
            case END_OF_INTERRUPT, REMOTE_READ, SELF_IPI -> 0;
        };
    }

    /// @param value with nothing but writable bits
    private void write(ApicRegister register, int value) {
        switch (register) {
            case ID -> address.setId(value);
            case TASK_PRIORITY -> {
                queue.setTaskPriority(value);
                update();
            }
            case END_OF_INTERRUPT -> endOfInterrupt();
            case LOGICAL_DESTINATION -> address.setLogicalDestination(value);
            case DESTINATION_FORMAT -> address.setDestinationFormat(value);
            case SPURIOUS_VECTOR -> writeSpuriousVector(value);
            case ERROR_STATUS -> {
                errors.update();
                timer.resume();
            }
            case INTERRUPT_COMMAND -> {
                icr = icr & -1L << 32 | value;
                sendCommand();
            }
            case INTERRUPT_COMMAND_HIGH -> icr = icr & 0xFFFF_FFFFL | (long) value << 32;
            case LVT_TIMER,
                    LVT_THERMAL,
                    LVT_PERFORMANCE,
                    LVT_LINT0,
                    LVT_LINT1,
                    LVT_ERROR,
                    LVT_CMCI ->
                    writeLocalVector(register, value);
            case INITIAL_COUNT -> timer.setInitialCount(value);
            case DIVIDE_CONFIGURATION -> timer.setDivideConfiguration(value);
            case SELF_IPI -> sendToSelf(value);
            case VERSION,
                    ARBITRATION_PRIORITY,
                    PROCESSOR_PRIORITY,
                    REMOTE_READ,
                    IN_SERVICE,
                    TRIGGER_MODE,
                    INTERRUPT_REQUEST,
                    CURRENT_COUNT ->
                    throw new AssertionError(register + " is read-only in both modes");
        }
    }

    private void writeSpuriousVector(int value) {
        svr = value;
        if (!softwareEnabled()) {
            for (ApicRegister register : lvt.registers()) {
                writeLocalVector(register, lvt.entry(register).value());
            }
        }
    }

    private void writeLocalVector(ApicRegister register, int value) {
        LocalVector entry = lvt.entry(register);
        if (register == LVT_TIMER) {
            timer.settle();
        }
        int remoteIrr = entry.value() & LocalVector.REMOTE_IRR;
        entry.set(value & ~LocalVector.READ_ONLY | remoteIrr);
        if (!softwareEnabled()) {
            entry.mask();
        }
        switch (register) {
            case LVT_TIMER -> timer.configure(entry.value());
            case LVT_LINT0 -> acceptLevel();
            default -> {}
        }
        update();
    }

    private boolean softwareEnabled() {
        return (svr & SVR_ENABLE) != 0;
    }

    // Acceptance and end of interrupts

    private void update() {
        pending = isEnabled() ? queue.deliverable() : -1;
        boolean request = pending >= 0 || extIntPending();
        if (request != requesting) {
            requesting = request;
            core.interruptRequest(request);
        }
    }

    private void accept(int vector, boolean level) {
        if (vector < LOWEST_LEGAL_VECTOR) {
            error(ErrorStatus.RECEIVE_ILLEGAL_VECTOR);
            return;
        }
        queue.request(vector, level);
        update();
    }

    private void endOfInterrupt() {
        int vector = queue.finish();
        if (vector < 0) {
            return;
        }
        update();
        if (queue.isLevel(vector)) {
            LocalVector entry = lvt.entry(LVT_LINT0);
            if (entry.remoteIrr() && entry.vector() == vector) {
                entry.setRemoteIrr(false);
                acceptLevel();
            }
            if ((svr & SVR_SUPPRESS_EOI) == 0) {
                bus.endOfInterrupt(vector);
            }
        }
    }

    /// Notes an error. Its interrupt comes once, until a write to the ESR arms it again. SDM Vol.
    /// 3A, "Error Handling".
    private void error(int bit) {
        LocalVector entry = lvt.entry(LVT_ERROR);
        if (errors.add(bit) && !entry.masked()) {
            accept(entry.vector(), false);
        }
    }

    // Local interrupts

    private void timerInterrupt() {
        accept(lvt.entry(LVT_TIMER).vector(), false);
    }

    private void deliver(LocalVector entry) {
        if (!isEnabled() || entry.masked()) {
            return;
        }
        switch (entry.mode()) {
            case FIXED -> accept(entry.vector(), false);
            case SMI -> core.smi();
            case NMI -> core.nmi();
            case INIT -> core.init();
            case LOWEST_PRIORITY, RESERVED, STARTUP, EXT_INT -> {}
        }
    }

    private void setPin(ApicRegister pin, boolean high) {
        if (!lvt.setPin(pin, high)) {
            return;
        }
        LocalVector entry = lvt.entry(pin);
        if (!isEnabled()) {
            if (pin == LVT_LINT1 && high) {
                core.nmi();
            }
        } else if (pin == LVT_LINT0 && isLevelFixed(entry)) {
            acceptLevel();
        } else if (lvt.isActive(pin)) {
            deliver(entry);
        }
        update();
    }

    /// LINT1 knows only edges.
    private static boolean isLevelFixed(LocalVector entry) {
        return entry.level() && entry.mode() == DeliveryMode.FIXED;
    }

    /// Accepts the interrupt of a level-sensitive LINT0 unless it waits for an EOI already.
    private void acceptLevel() {
        LocalVector entry = lvt.entry(LVT_LINT0);
        if (!isLevelFixed(entry)) {
            entry.setRemoteIrr(false);
        } else if (isEnabled()
                && !entry.masked()
                && !entry.remoteIrr()
                && lvt.isActive(LVT_LINT0)) {
            entry.setRemoteIrr(true);
            accept(entry.vector(), true);
        }
    }

    // Interprocessor interrupts

    private void sendCommand() {
        send(icr);
    }

    /// Sends the notification of a posted interrupt. ICR stays as it is.
    ///
    /// @param destination as a posted-interrupt descriptor has it: in xAPIC mode the ID is in bits
    ///     15:8
    public void notify(int vector, int destination) {
        long high = mode == ApicMode.X2APIC ? destination : destination << 16;
        if (mode != ApicMode.DISABLED) {
            send(high << 32 | vector);
        }
    }

    private void send(long command) {
        boolean wide = mode == ApicMode.X2APIC;
        InterruptMessage message = InterruptMessage.ofCommand(command, wide);
        if (message.hasVector() && message.vector() < LOWEST_LEGAL_VECTOR) {
            error(ErrorStatus.SEND_ILLEGAL_VECTOR);
        }
        bus.send(this, command, message);
    }

    private void sendToSelf(int vector) {
        if (vector < LOWEST_LEGAL_VECTOR) {
            error(ErrorStatus.SEND_ILLEGAL_VECTOR);
        }
        if (softwareEnabled()) {
            accept(vector, false);
        }
    }
}
