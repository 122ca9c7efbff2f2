/// The program: the only module that knows all others.
module nestbox.app {
    requires nestbox.devices;
    requires nestbox.images;
    requires nestbox.x86;
    requires transitive nestbox.cpu;
    requires transitive nestbox.platform;

    exports nestbox.app.board;
    exports nestbox.app.boot;
}
