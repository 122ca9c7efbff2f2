package nestbox.cpu.core;

import java.util.OptionalLong;

/// A local APIC that never interrupts.
public final class NoInterrupts implements InterruptController {
    @Override
    public boolean isPending() {
        return false;
    }

    @Override
    public int acknowledge() {
        throw new IllegalStateException("no interrupt is pending");
    }

    @Override
    public int taskPriorityClass() {
        return 0;
    }

    @Override
    public void taskPriorityClass(int value) {}

    @Override
    public long registerPage() {
        return -1;
    }

    @Override
    public long readRegister(long offset, int width) {
        return 0;
    }

    @Override
    public void writeRegister(long offset, int width, long value) {}

    @Override
    public long base() {
        return 0;
    }

    @Override
    public boolean base(long value) {
        return false;
    }

    @Override
    public long deadline() {
        return 0;
    }

    @Override
    public void deadline(long tsc) {}

    @Override
    public OptionalLong readMsr(int number) {
        return OptionalLong.empty();
    }

    @Override
    public boolean writeMsr(int number, long value) {
        return false;
    }

    @Override
    public void notify(int vector, int destination) {}

    @Override
    public void reset(boolean powerOn) {}
}
