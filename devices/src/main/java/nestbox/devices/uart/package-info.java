/// The serial ports.
package nestbox.devices.uart;
