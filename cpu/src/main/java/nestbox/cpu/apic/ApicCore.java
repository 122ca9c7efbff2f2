package nestbox.cpu.apic;

/// The processor behind a local APIC: what the APIC tells it.
///
/// Every call may come in the middle of an instruction, when the processor itself writes to its
/// APIC. So an implementation notes the event and acts on it at the next instruction boundary.
public interface ApicCore {
    /// The interrupt request has changed: asserted while [LocalApic#highestPending] or
    /// [LocalApic#extIntPending] has something to deliver.
    void interruptRequest(boolean asserted);

    void nmi();

    void smi();

    /// An INIT was received. Unless it is blocked, the processor calls [LocalApic#init] when it
    /// performs it.
    void init();

    /// A start-up IPI was received; it has no effect unless the processor waits for one.
    ///
    /// @param vector number of the 4 KiB page where to start
    void startup(int vector);

    /// The mode or the address of the register page has changed: translations of the old or the
    /// new page are stale.
    void apicBaseChanged();

    /// A processor that isn't there.
    static ApicCore none() {
        return new ApicCore() {
            @Override
            public void interruptRequest(boolean asserted) {}

            @Override
            public void nmi() {}

            @Override
            public void smi() {}

            @Override
            public void init() {}

            @Override
            public void startup(int vector) {}

            @Override
            public void apicBaseChanged() {}
        };
    }
}
