/// The program: the only module that knows all others.
module nestbox.app {
    requires nestbox.cpu;
    requires nestbox.devices;
    requires nestbox.images;
    requires nestbox.platform;
    requires nestbox.x86;

    exports nestbox.app.board;
}
