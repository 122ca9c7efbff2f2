package nestbox.x86.vmx;

/// Exit qualification of task switches. SDM Vol. 3C, Table "Exit Qualification for Task Switches".
///
/// @param selector of the task-state segment, bits 15:0
/// @param source what started the switch, bits 31:30
public record TaskSwitchQualification(int selector, Source source) {
    /// In the order of bits 31:30.
    public enum Source {
        CALL,
        IRET,
        JMP,
        TASK_GATE_IN_IDT;

        private static final Source[] ALL = values();
    }

    public static TaskSwitchQualification of(long field) {
        return new TaskSwitchQualification((int) field & 0xFFFF, Source.ALL[(int) field >>> 30]);
    }

    public long toLong() {
        return selector | (long) source.ordinal() << 30;
    }
}
