package nestbox.cpu.entry;

import java.util.OptionalLong;

/// Model-specific registers as RDMSR and WRMSR at CPL 0 reach them.
public interface MsrAccess {
    /// @return nothing where RDMSR would be #GP
    OptionalLong read(int number);

    /// @return false where WRMSR would be #GP
    boolean write(int number, long value);
}
