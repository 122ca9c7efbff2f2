package nestbox.x86;

/// What an instruction does, apart from where its operands are.
///
/// Each family of operations is an enum of its own, so that the code that gives meaning to a
/// family is a switch that the compiler checks for completeness.
public sealed interface Op
        permits Alu,
                Shift,
                Bits,
                Move,
                Branch,
                StringOp,
                SystemOp,
                IntegerSimd,
                X87,
                FloatSimd,
                StateSave,
                VmxOp {
    /// The constant's name: the mnemonic, with a suffix where one mnemonic has several meanings.
    String name();
}
