package nestbox.cpu;

import java.util.List;

/// What a processor's registers hold at one moment, for the user who looks at it.
///
/// @param general the general registers as they are numbered: RAX RCX RDX RBX RSP RBP RSI RDI R8 …
public record Registers(
        List<Long> general,
        long rip,
        long rflags,
        long cr0,
        long cr2,
        long cr3,
        long cr4,
        long efer) {
    public Registers {
        general = List.copyOf(general);
    }
}
