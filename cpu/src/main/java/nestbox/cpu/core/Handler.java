package nestbox.cpu.core;

import java.lang.invoke.MethodHandles;

/// A [Semantic] in the form in which the step loop calls it: a class, since a call through a
/// class's table is cheaper than one through an interface.
public abstract class Handler {
    public abstract void execute(Cpu cpu, Insn insn);

    /// A handler of its own for a semantic. Costs a class, so callers keep it.
    public static Handler of(Semantic semantic) {
        return Specializer.copy(MethodHandles.lookup(), SemanticTemplate.class, semantic);
    }
}
