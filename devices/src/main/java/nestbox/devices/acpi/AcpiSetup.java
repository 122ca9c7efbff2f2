package nestbox.devices.acpi;

import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/// What the ACPI tables of a board or of a virtual machine depend on.
///
/// @param oemId up to 6 characters, in every table's header
/// @param oemTableId up to 8 characters, in every table's header
/// @param apicIds of the processors, the bootstrap processor first
/// @param parts what there is beside the processors
/// @param additionalTables complete tables that the board doesn't make itself, such as a DMAR;
///     their checksums are set
public record AcpiSetup(
        String oemId,
        String oemTableId,
        List<Integer> apicIds,
        Set<AcpiPart> parts,
        List<byte[]> additionalTables) {
    public AcpiSetup {
        apicIds = List.copyOf(apicIds);
        parts = Set.copyOf(parts);
        additionalTables = List.copyOf(additionalTables);
        if (apicIds.isEmpty()) {
            throw new IllegalArgumentException("no processors");
        }
        if (parts.contains(AcpiPart.ISA_BRIDGE) && !parts.contains(AcpiPart.PCI)) {
            throw new IllegalArgumentException("an ISA bridge without a bus that it is on");
        }
    }

    /// The NUC7i5DNHE with processors 0 to n - 1.
    public static AcpiSetup of(int processors) {
        List<Integer> ids = IntStream.range(0, processors).boxed().toList();
        return new AcpiSetup("INTEL", "NUC7i5DN", ids, AcpiPart.BOARD, List.of());
    }

    /// A virtual machine.
    ///
    /// @param apicIds of its vCPUs, the bootstrap processor first
    /// @param parts what it has beside them
    public static AcpiSetup ofVm(List<Integer> apicIds, Set<AcpiPart> parts) {
        return new AcpiSetup("NBOX", "NESTBOX", apicIds, parts, List.of());
    }

    boolean has(AcpiPart part) {
        return parts.contains(part);
    }
}
