/// What a BIOS leaves in the first mebibyte for programs that look there.
package nestbox.devices.bios;
