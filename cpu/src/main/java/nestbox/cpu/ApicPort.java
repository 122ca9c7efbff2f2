package nestbox.cpu;

import nestbox.cpu.apic.LocalApic;
import nestbox.cpu.core.InterruptController;

import java.util.OptionalLong;

/// A local APIC as its processor asks it.
record ApicPort(LocalApic apic) implements InterruptController {
    @Override
    public boolean isPending() {
        return apic.highestPending() >= 0 || apic.extIntPending();
    }

    @Override
    public int acknowledge() {
        return apic.highestPending() >= 0 ? apic.acknowledge() : apic.acknowledgeExtInt();
    }

    @Override
    public int taskPriorityClass() {
        return apic.taskPriority();
    }

    @Override
    public void taskPriorityClass(int value) {
        apic.setTaskPriority(value);
    }

    @Override
    public long registerPage() {
        return apic.page();
    }

    @Override
    public long readRegister(long offset, int width) {
        return apic.read(offset, width);
    }

    @Override
    public void writeRegister(long offset, int width, long value) {
        apic.write(offset, width, value);
    }

    @Override
    public long base() {
        return apic.apicBase();
    }

    @Override
    public boolean base(long value) {
        return apic.writeApicBase(value);
    }

    @Override
    public long deadline() {
        return apic.tscDeadline();
    }

    @Override
    public void deadline(long tsc) {
        apic.setTscDeadline(tsc);
    }

    @Override
    public OptionalLong readMsr(int number) {
        long value = apic.readMsr(number);
        return value == LocalApic.FAULT ? OptionalLong.empty() : OptionalLong.of(value);
    }

    @Override
    public boolean writeMsr(int number, long value) {
        return apic.writeMsr(number, value);
    }

    @Override
    public void notify(int vector, int destination) {
        apic.notify(vector, destination);
    }

    @Override
    public void reset(boolean powerOn) {
        if (powerOn) {
            apic.reset();
        } else {
            apic.init();
        }
    }
}
