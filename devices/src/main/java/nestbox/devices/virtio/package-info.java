/// What all virtio devices share: queues and the PCI transport. Each kind of device is a package
/// below.
package nestbox.devices.virtio;
