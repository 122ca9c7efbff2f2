/// Device models.
module nestbox.devices {
    requires transitive nestbox.platform;

    // exports nestbox.devices;
    exports nestbox.devices.pci;
}
