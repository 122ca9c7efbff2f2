/// The PCI bus: configuration space, windows and interrupts, for devices that declare what they
/// have.
package nestbox.devices.pci;
