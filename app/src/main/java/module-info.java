/// The program: the only module that knows all others.
module nestbox.app {
    requires info.picocli;
    requires nestbox.boot;
    requires transitive nestbox.cpu;
    requires nestbox.console;
    requires transitive nestbox.devices;
    requires transitive nestbox.hypervisor;
    requires nestbox.images;
    requires transitive nestbox.platform;
    requires nestbox.scenario;
    requires nestbox.x86;
    requires org.jline.terminal;

    exports nestbox.app.board;

    opens nestbox.app to
            info.picocli;
    opens nestbox.app.cli to
            info.picocli;
}
