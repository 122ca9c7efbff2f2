package nestbox.console.subject;

/// What the scheduler does with a vCPU; the names are what the list of vCPUs has.
public enum ThreadState {
    RUNNING,
    RUNNABLE,
    BLOCKED
}
