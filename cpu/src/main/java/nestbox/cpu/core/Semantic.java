package nestbox.cpu.core;

/// What one instruction does to a processor.
///
/// A fault is thrown before anything that the guest can see has changed, or after changes that
/// the manual allows. Instructions that don't branch leave RIP alone.
@FunctionalInterface
public interface Semantic {
    void execute(Cpu cpu, Insn insn);
}
