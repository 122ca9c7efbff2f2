/// The SMBIOS tables: what the board says it is.
package nestbox.devices.smbios;
