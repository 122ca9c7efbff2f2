package nestbox.hypervisor;

/// How a guest goes on after L0 has handled its VM exit.
public enum Resume {
    /// Behind the instruction that exited.
    NEXT_INSTRUCTION,

    /// Where it exited: the instruction is executed again, or something was delivered.
    SAME_INSTRUCTION,

    /// In another task: what was being delivered is delivered by that.
    NEW_TASK,

    /// Behind the instruction, once something wakes it.
    BLOCK,

    /// Not yet: the exit is handled again once what it waits for has come.
    LATER,

    /// Not at all: its virtual machine is stopped.
    STOP
}
