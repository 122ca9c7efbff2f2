/// The high precision event timers.
package nestbox.devices.hpet;
