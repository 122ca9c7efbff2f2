package nestbox.cpu.core;

import java.lang.invoke.MethodHandles;

/// Template of the handlers that have no template of their own: each copy calls one [Semantic],
/// which the just-in-time compiler knows. See [Specializer].
final class SemanticTemplate extends Handler {
    private static final Semantic SEMANTIC =
            Specializer.parameters(MethodHandles.lookup(), Semantic.class);

    @Override
    public void execute(Cpu cpu, Insn insn) {
        SEMANTIC.execute(cpu, insn);
    }
}
