/// One logical processor.
module nestbox.cpu {
    requires transitive nestbox.x86;
    requires transitive nestbox.platform;

    exports nestbox.cpu;
    exports nestbox.cpu.apic;
    exports nestbox.cpu.entry;
    exports nestbox.cpu.model;
}
