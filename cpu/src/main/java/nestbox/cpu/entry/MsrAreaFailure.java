package nestbox.cpu.entry;

import nestbox.platform.trace.TraceField;
import nestbox.x86.Msr;
import nestbox.x86.vmx.MsrAreaEntry;

import java.util.List;

/// Why a register of an MSR-load or MSR-store area was not loaded or stored.
///
/// @param number of the entry in its area, from 1 as in exit qualifications
/// @param why in words
/// @param section of the manual that asks for it
public record MsrAreaFailure(long number, MsrAreaEntry entry, String why, String section)
        implements Explanation {
    @Override
    public List<TraceField> fields() {
        return List.of(
                new TraceField.Number("entry", number),
                new TraceField.Bits("msr", entry.index() & 0xFFFF_FFFFL),
                new TraceField.Bits("value", entry.data()),
                new TraceField.Text("why", why),
                new TraceField.Text("section", section));
    }

    @Override
    public String toString() {
        String name = Msr.of(entry.index()).map(msr -> " (" + msr + ")").orElse("");
        return "entry %d of the area, MSR 0x%X%s = 0x%X: %s (SDM Vol. 3C, \"%s\")"
                .formatted(number, entry.index(), name, entry.data(), why, section);
    }
}
