package nestbox.cpu.vmx;

import nestbox.platform.Clock;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;

import java.math.BigInteger;

/// The time-stamp counter as a guest reads it, and the VMX-preemption timer. SDM Vol. 3C, "TSC
/// Offset and TSC Multiplier" and "VMX-Preemption Timer".
final class GuestTime {
    private static final int MULTIPLIER_FRACTION = 48;

    private final Vmx vmx;
    private final Clock clock;
    private final Clock.Alarm alarm;

    private boolean timerActive;

    /// The alarm has rung since it was set.
    private boolean rung;

    /// The TSC at which the timer is 0.
    private long timerZero;

    GuestTime(Vmx vmx, Clock clock) {
        this.vmx = vmx;
        this.clock = clock;
        alarm = clock.alarm(this::ring);
    }

    /// What RDTSC, RDTSCP and RDMSR of IA32_TIME_STAMP_COUNTER return.
    long guestTsc(long tsc) {
        if (!vmx.on(PrimaryControl.USE_TSC_OFFSETTING)) {
            return tsc;
        }
        long scaled = tsc;
        if (vmx.on(SecondaryControl.USE_TSC_SCALING)) {
            scaled = scale(tsc, vmx.vmcs().read(VmcsField.TSC_MULTIPLIER));
        }
        return scaled + vmx.vmcs().read(VmcsField.TSC_OFFSET);
    }

    /// Ticks of the TSC for ticks of the guest's.
    long physicalDelay(long ticks) {
        if (!vmx.on(PrimaryControl.USE_TSC_OFFSETTING)
                || !vmx.on(SecondaryControl.USE_TSC_SCALING)) {
            return ticks;
        }
        BigInteger scaled = new BigInteger(Long.toUnsignedString(ticks));
        String multiplier = Long.toUnsignedString(vmx.vmcs().read(VmcsField.TSC_MULTIPLIER));
        BigInteger delay = scaled.shiftLeft(MULTIPLIER_FRACTION).divide(new BigInteger(multiplier));
        return delay.min(BigInteger.valueOf(Long.MAX_VALUE)).longValue();
    }

    /// Bits 111:48 of the product.
    private static long scale(long tsc, long multiplier) {
        long high = Math.unsignedMultiplyHigh(tsc, multiplier);
        return high << 64 - MULTIPLIER_FRACTION | tsc * multiplier >>> MULTIPLIER_FRACTION;
    }

    // The preemption timer

    private int shift() {
        return vmx.capabilities.preemptionTimerShift();
    }

    /// VM entry: the timer counts down from the value in the VMCS, by one each time that a certain
    /// bit of the TSC changes.
    void start() {
        timerActive = vmx.on(PinControl.ACTIVATE_PREEMPTION_TIMER);
        if (timerActive) {
            long now = vmx.cpu.tsc.now() >>> shift();
            timerZero = now + vmx.vmcs().read(VmcsField.PREEMPTION_TIMER_VALUE) << shift();
            setAlarm(clock.nanos());
        }
    }

    private void setAlarm(long earliest) {
        rung = false;
        alarm.at(Math.max(vmx.cpu.tsc.nanosAt(timerZero), earliest));
    }

    private void ring() {
        rung = true;
        vmx.cpu.attention();
    }

    /// Whether the timer is 0.
    boolean isTimerExpired() {
        if (!timerActive) {
            return false;
        }
        boolean expired = vmx.cpu.tsc.now() - timerZero >= 0;
        if (!expired && rung) {
            // Software has written the TSC meanwhile.
            setAlarm(clock.nanos() + 1);
        }
        return expired;
    }

    /// VM exit: the timer stops, and its value is saved if the VMCS wants it.
    void save() {
        if (timerActive && vmx.on(ExitControl.SAVE_PREEMPTION_TIMER)) {
            long left = (timerZero >>> shift()) - (vmx.cpu.tsc.now() >>> shift());
            vmx.vmcs().write(VmcsField.PREEMPTION_TIMER_VALUE, Math.max(left, 0));
        }
    }

    void stop() {
        timerActive = false;
        alarm.cancel();
    }
}
