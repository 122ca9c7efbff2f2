/// The real-time clock and its CMOS memory.
package nestbox.devices.rtc;
