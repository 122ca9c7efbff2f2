package nestbox.devices.smbios;

import java.util.UUID;

/// Who made the board and what it is called. An empty text means "not specified".
public record BoardIdentity(Bios bios, SystemUnit system, BaseBoard baseBoard) {
    /// @param date as mm/dd/yyyy
    public record Bios(String vendor, String version, String date, int major, int minor) {}

    public record SystemUnit(
            String manufacturer,
            String product,
            String version,
            String serialNumber,
            UUID uuid,
            String family) {}

    public record BaseBoard(
            String manufacturer, String product, String version, String serialNumber) {}

    /// The NUC7i5DNHE.
    public static final BoardIdentity NUC7I5DNHE =
            new BoardIdentity(
                    new Bios("Intel Corp.", "DNKBLi7v.86A.0064.2019.0524.1002", "05/24/2019", 5, 6),
                    new SystemUnit(
                            "Intel Corporation",
                            "NUC7i5DNHE",
                            "J57828-507",
                            "DW1710099900081",
                            UUID.fromString("36711CA2-A784-AD49-B0DC-54B2030B16AB"),
                            "Intel NUC"),
                    new BaseBoard("Intel Corporation", "NUC7i5DNB", "", ""));
}
