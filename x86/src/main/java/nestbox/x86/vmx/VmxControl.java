package nestbox.x86.vmx;

/// One bit of one of the words that control VMX operation.
///
/// The words have an enum each, so that a bit can't be looked up in the wrong word.
public sealed interface VmxControl
        permits PinControl,
                PrimaryControl,
                SecondaryControl,
                TertiaryControl,
                ExitControl,
                SecondaryExitControl,
                EntryControl,
                VmFunctionControl {
    /// The constant's name.
    String name();

    int ordinal();

    ControlWord word();

    int bit();

    /// What the manual calls it.
    String title();

    default long mask() {
        return 1L << bit();
    }
}
