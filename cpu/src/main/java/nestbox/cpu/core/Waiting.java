package nestbox.cpu.core;

import nestbox.platform.Clock;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.Activity;

/// The wait of MWAIT, UMWAIT or TPAUSE: a halt that ends when the monitored line has changed, when
/// an interrupt comes, or at a time. SDM Vol. 2B, "MWAIT—Monitor Wait", and Vol. 2D,
/// "UMWAIT—User Level Monitor Wait".
public final class Waiting {
    private final Cpu cpu;
    private final Clock.Alarm alarm;

    private boolean waiting;

    /// Interrupts end the wait even if IF is clear.
    private boolean anyInterrupt;

    /// A change of the monitored line ends it, too.
    private boolean forLine;

    /// CF will say that it was the operating system's limit that ended the wait.
    private boolean limited;

    Waiting(Cpu cpu, Clock clock) {
        this.cpu = cpu;
        alarm = clock.alarm(this::timeOut);
    }

    /// MWAIT: nothing happens unless the monitored line is unchanged.
    ///
    /// @param anyInterrupt interrupts end the wait even if IF is clear
    public void forLine(boolean anyInterrupt) {
        if (cpu.monitored.isUnchanged()) {
            begin(anyInterrupt, true);
        } else {
            cpu.monitored.disarm();
        }
    }

    /// UMWAIT: as [#forLine], until the TSC has a value.
    ///
    /// @param limited whether that time is a limit of the operating system's
    public void forLineUntil(long tsc, boolean limited) {
        forLine(true);
        timeOutAt(tsc, limited);
    }

    /// TPAUSE: until the TSC has a value.
    public void until(long tsc, boolean limited) {
        begin(true, false);
        timeOutAt(tsc, limited);
    }

    private void begin(boolean any, boolean line) {
        waiting = true;
        anyInterrupt = any;
        forLine = line;
        cpu.activity = Activity.HLT;
        cpu.attention();
    }

    private void timeOutAt(long tsc, boolean limit) {
        limited = limit;
        if (waiting) {
            alarm.at(cpu.tsc.nanosAt(tsc));
        }
    }

    private void timeOut() {
        if (waiting && limited) {
            cpu.statusFlags(RFlags.CF);
        }
        end();
    }

    /// Ends the wait if the monitored line has been written.
    public void endIfWritten() {
        if (waiting && forLine && !cpu.monitored.isUnchanged()) {
            end();
        }
    }

    /// Ends the wait, and makes the next one for a line end at once.
    public void end() {
        if (waiting) {
            forget();
            cpu.activity = Activity.ACTIVE;
        }
        cpu.monitored.disarm();
    }

    /// The processor's state is set anew.
    void forget() {
        waiting = false;
        alarm.cancel();
    }

    /// For a halted processor: whether interrupts wake it although IF is clear.
    public boolean isEndedByMaskedInterrupts() {
        return waiting && anyInterrupt;
    }
}
