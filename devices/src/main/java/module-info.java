/// Device models and the board's firmware tables.
module nestbox.devices {
    requires transitive nestbox.platform;

    exports nestbox.devices;
    exports nestbox.devices.ioapic;
    exports nestbox.devices.pci;
    exports nestbox.devices.pic;
    exports nestbox.devices.pit;
    exports nestbox.devices.uart;
}
