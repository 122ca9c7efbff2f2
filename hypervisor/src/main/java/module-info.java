/// L0: a hypervisor that runs the virtual machines of a scenario on a board's processors.
module nestbox.hypervisor {
    requires transitive nestbox.boot;
    requires transitive nestbox.cpu;
    requires transitive nestbox.devices;
    requires transitive nestbox.platform;
    requires transitive nestbox.scenario;
    requires transitive nestbox.x86;

    exports nestbox.hypervisor;
    exports nestbox.hypervisor.vuart;
}
