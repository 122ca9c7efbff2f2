/// Device models and the board's firmware tables.
module nestbox.devices {
    requires transitive nestbox.platform;

    exports nestbox.devices;
    exports nestbox.devices.acpi;
    exports nestbox.devices.bios;
    exports nestbox.devices.exit;
    exports nestbox.devices.hpet;
    exports nestbox.devices.ioapic;
    exports nestbox.devices.keyboard;
    exports nestbox.devices.pci;
    exports nestbox.devices.pic;
    exports nestbox.devices.pit;
    exports nestbox.devices.rtc;
    exports nestbox.devices.smbios;
    exports nestbox.devices.systemport;
    exports nestbox.devices.uart;
    exports nestbox.devices.virtio;
    exports nestbox.devices.virtio.blk;
    exports nestbox.devices.virtio.console;
    exports nestbox.devices.virtio.net;
    exports nestbox.devices.virtio.rng;
}
