package nestbox.x86;

/// Instructions that save and restore x87, SSE and extended state as a whole.
public enum StateSave implements Op {
    FXSAVE,
    FXRSTOR,
    XSAVE,
    XSAVEOPT,
    XSAVEC,
    XSAVES,
    XRSTOR,
    XRSTORS,
}
