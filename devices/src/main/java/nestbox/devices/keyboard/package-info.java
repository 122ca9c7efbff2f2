/// The keyboard controller.
package nestbox.devices.keyboard;
