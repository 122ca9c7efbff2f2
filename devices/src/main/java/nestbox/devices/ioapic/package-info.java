/// The I/O APIC.
package nestbox.devices.ioapic;
