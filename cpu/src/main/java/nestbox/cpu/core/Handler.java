package nestbox.cpu.core;

/// A [Semantic] in the form in which the step loop calls it: a class, since a call through a
/// class's table is cheaper than one through an interface.
public abstract class Handler {
    public abstract void execute(Cpu cpu, Insn insn);

    public static Handler of(Semantic semantic) {
        return new Handler() {
            @Override
            public void execute(Cpu cpu, Insn insn) {
                semantic.execute(cpu, insn);
            }
        };
    }
}
