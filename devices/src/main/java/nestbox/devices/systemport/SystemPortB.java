package nestbox.devices.systemport;

import nestbox.devices.BytePorts;
import nestbox.devices.pit.Pit;
import nestbox.platform.Clock;
import nestbox.platform.Device;
import nestbox.platform.Frequency;
import nestbox.platform.IrqLine;

import java.util.function.BooleanSupplier;

/// System control port B, 0x61: gate and output of the timer that drives the speaker, the refresh
/// toggle, and where NMIs come from.
public final class SystemPortB implements Device, BytePorts {
    /// Everything a snapshot holds; the speaker's gate is part of the timer.
    public record State(int control, int sources) {}

    private static final int TIMER_2_GATE = 0x01;
    private static final int SPEAKER_DATA = 0x02;
    private static final int SERR_DISABLE = 0x04;
    private static final int IOCHK_DISABLE = 0x08;
    private static final int REFRESH_TOGGLE = 0x10;
    private static final int TIMER_2_OUT = 0x20;
    private static final int IOCHK_NMI = 0x40;
    private static final int SERR_NMI = 0x80;
    private static final int CONTROL = SPEAKER_DATA | SERR_DISABLE | IOCHK_DISABLE;

    /// The toggle changes each time that counter 1 asks for a refresh, every 18 clocks.
    private static final int REFRESH_CLOCKS = 18;

    private static final Frequency REFRESH_CLOCK = Pit.CLOCK;

    private final Clock clock;
    private final Pit pit;
    private final IrqLine nmi;
    private final BooleanSupplier nmiMasked;
    private int control;
    private int sources;

    /// @param nmiMasked the mask bit at the index port of the real-time clock
    public SystemPortB(Clock clock, Pit pit, IrqLine nmi, BooleanSupplier nmiMasked) {
        this.clock = clock;
        this.pit = pit;
        this.nmi = nmi;
        this.nmiMasked = nmiMasked;
    }

    @Override
    public String name() {
        return "port61";
    }

    @Override
    public void reset() {
        control = 0;
        sources = 0;
        pit.setGate2(false);
        update();
    }

    /// A PCI device reports a system error.
    public void systemError() {
        if ((control & SERR_DISABLE) == 0) {
            sources |= SERR_NMI;
            update();
        }
    }

    /// Someone asks for an NMI: the I/O channel check of an expansion card, or a front-panel
    /// button.
    public void channelCheck() {
        if ((control & IOCHK_DISABLE) == 0) {
            sources |= IOCHK_NMI;
            update();
        }
    }

    @Override
    public int read(int port) {
        long refreshes = REFRESH_CLOCK.ticks(clock.nanos()) / REFRESH_CLOCKS;
        return control
                | sources
                | (pit.gate2() ? TIMER_2_GATE : 0)
                | ((refreshes & 1) != 0 ? REFRESH_TOGGLE : 0)
                | (pit.out2() ? TIMER_2_OUT : 0);
    }

    @Override
    public void write(int port, int value) {
        pit.setGate2((value & TIMER_2_GATE) != 0);
        control = value & CONTROL;
        // Disabling a source is also how its latch is cleared.
        if ((control & SERR_DISABLE) != 0) {
            sources &= ~SERR_NMI;
        }
        if ((control & IOCHK_DISABLE) != 0) {
            sources &= ~IOCHK_NMI;
        }
        update();
    }

    public State save() {
        return new State(control, sources);
    }

    public void restore(State state) {
        control = state.control;
        sources = state.sources;
        update();
    }

    /// To be called when the mask at the index port of the real-time clock may have changed.
    public void nmiMaskChanged() {
        update();
    }

    /// The only place that drives NMI.
    private void update() {
        nmi.set(sources != 0 && !nmiMasked.getAsBoolean());
    }
}
