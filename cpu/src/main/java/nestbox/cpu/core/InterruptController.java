package nestbox.cpu.core;

import java.util.OptionalLong;

/// What a processor asks of its local APIC.
public interface InterruptController {
    /// Whether some maskable interrupt could be taken now, by the APIC's own priorities.
    boolean isPending();

    /// Acknowledges the interrupt to take.
    ///
    /// @return its vector
    int acknowledge();

    /// CR8: the task priority class, 0 to 15.
    int taskPriorityClass();

    void taskPriorityClass(int value);

    /// Physical address of the page of memory-mapped registers; -1 when there is none.
    long registerPage();

    long readRegister(long offset, int width);

    void writeRegister(long offset, int width, long value);

    /// IA32_APIC_BASE.
    long base();

    /// @return false for a value that is #GP
    boolean base(long value);

    /// IA32_TSC_DEADLINE.
    long deadline();

    void deadline(long tsc);

    /// An x2APIC register, 0x800 to 0x8FF.
    ///
    /// @return nothing where it is #GP
    OptionalLong readMsr(int number);

    /// @return false where it is #GP
    boolean writeMsr(int number, long value);

    /// Sends the notification of a posted interrupt. ICR stays as it is.
    ///
    /// @param destination as a posted-interrupt descriptor has it: in xAPIC mode the ID is in bits
    ///     15:8
    void notify(int vector, int destination);

    /// RESET (true) or INIT.
    void reset(boolean powerOn);
}
