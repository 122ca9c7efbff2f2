/// Power management hardware and the ACPI tables that describe the board.
package nestbox.devices.acpi;
