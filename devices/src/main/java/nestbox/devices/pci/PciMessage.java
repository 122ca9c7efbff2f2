package nestbox.devices.pci;

/// A message that a function would send for one of its vectors, as its driver has programmed it.
///
/// @param entry number of the vector
public record PciMessage(int entry, long address, int data) {}
