package nestbox.console.subject;

import java.util.List;

/// An allocated interrupt of the host.
///
/// @param counts how often each pCPU has got it, by pCPU
public record IrqCount(int irq, int vector, List<Long> counts) {
    public IrqCount {
        counts = List.copyOf(counts);
    }
}
