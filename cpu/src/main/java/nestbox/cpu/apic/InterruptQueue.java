package nestbox.cpu.apic;

/// The interrupts that a local APIC has accepted, and their priorities: IRR, ISR, TMR and TPR. SDM
/// Vol. 3A, "Handling Interrupts".
final class InterruptQueue {
    private final Vectors inService = new Vectors();
    private final Vectors triggerMode = new Vectors();
    private final Vectors requested = new Vectors();
    private int taskPriority;

    void clear() {
        inService.restore(ApicState.Bits.NONE);
        triggerMode.restore(ApicState.Bits.NONE);
        requested.restore(ApicState.Bits.NONE);
        taskPriority = 0;
    }

    int taskPriority() {
        return taskPriority;
    }

    void setTaskPriority(int tpr) {
        taskPriority = tpr;
    }

    /// SDM Vol. 3A, "Task and Processor Priorities".
    int processorPriority() {
        int highest = Math.max(inService.highest(), 0);
        return taskPriority >> 4 >= highest >> 4 ? taskPriority : highest & 0xF0;
    }

    /// SDM Vol. 3A, "Interrupt Distribution Mechanisms", the equations of the APR.
    int arbitrationPriority() {
        int irrv = Math.max(requested.highest(), 0);
        int isrv = Math.max(inService.highest(), 0);
        if (taskPriority >> 4 >= irrv >> 4 && taskPriority >> 4 > isrv >> 4) {
            return taskPriority;
        }
        return Math.max(taskPriority & isrv & 0xF0, irrv & 0xF0);
    }

    /// The requested vector of the highest priority, if that is above the processor's; else -1.
    int deliverable() {
        int highest = requested.highest();
        return highest >> 4 > processorPriority() >> 4 ? highest : -1;
    }

    void request(int vector, boolean level) {
        requested.add(vector);
        if (level) {
            triggerMode.add(vector);
        } else {
            triggerMode.remove(vector);
        }
    }

    /// The processor takes a requested interrupt.
    void take(int vector) {
        requested.remove(vector);
        inService.add(vector);
    }

    /// The processor has finished with its most urgent interrupt.
    ///
    /// @return its vector; -1 if none was in service
    int finish() {
        int vector = inService.highest();
        if (vector >= 0) {
            inService.remove(vector);
        }
        return vector;
    }

    boolean isLevel(int vector) {
        return triggerMode.contains(vector);
    }

    Vectors inService() {
        return inService;
    }

    Vectors triggerMode() {
        return triggerMode;
    }

    Vectors requested() {
        return requested;
    }

    void restore(ApicState state) {
        inService.restore(state.inService());
        triggerMode.restore(state.triggerMode());
        requested.restore(state.requested());
        taskPriority = state.taskPriority();
    }
}
