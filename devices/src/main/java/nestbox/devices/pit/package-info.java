/// The PC's interval timer.
package nestbox.devices.pit;
