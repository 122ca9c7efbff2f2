package nestbox.devices.acpi;

import java.util.List;
import java.util.stream.IntStream;

/// What the ACPI tables of a board depend on.
///
/// @param oemId up to 6 characters, in every table's header
/// @param oemTableId up to 8 characters, in every table's header
/// @param apicIds of the processors, the bootstrap processor first
/// @param hasCom2 whether there is a second serial port
/// @param additionalTables complete tables that the board doesn't make itself, such as a DMAR;
///     their checksums are set
public record AcpiSetup(
        String oemId,
        String oemTableId,
        List<Integer> apicIds,
        boolean hasCom2,
        List<byte[]> additionalTables) {
    public AcpiSetup {
        apicIds = List.copyOf(apicIds);
        additionalTables = List.copyOf(additionalTables);
        if (apicIds.isEmpty()) {
            throw new IllegalArgumentException("a board without processors");
        }
    }

    /// The NUC7i5DNHE with processors 0 to n - 1.
    public static AcpiSetup of(int processors) {
        List<Integer> ids = IntStream.range(0, processors).boxed().toList();
        return new AcpiSetup("INTEL", "NUC7i5DN", ids, true, List.of());
    }
}
