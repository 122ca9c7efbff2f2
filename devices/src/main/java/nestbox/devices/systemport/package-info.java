/// The system control ports A (0x92) and B (0x61).
package nestbox.devices.systemport;
