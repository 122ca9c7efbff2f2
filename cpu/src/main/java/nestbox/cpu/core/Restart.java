package nestbox.cpu.core;

/// Leaves a block in front of an instruction, which will be executed anew: its bytes have changed,
/// or it is a string operation that gives way to events.
public final class Restart extends Handler {
    /// The pseudo vector of the fault that means "again from this instruction".
    public static final int VECTOR = -1;

    private static final Restart HANDLER = new Restart();

    private Restart() {}

    /// A stand-in at the place of an instruction.
    static Insn at(Insn place) {
        Insn stop = new Insn();
        stop.handler = HANDLER;
        stop.offset = place.offset;
        stop.end = place.end;
        stop.index = place.index;
        stop.row = place.row;
        return stop;
    }

    @Override
    public void execute(Cpu cpu, Insn insn) {
        throw cpu.fault.of(VECTOR, 0);
    }
}
