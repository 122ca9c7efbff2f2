/// Boot loaders: kernels by the protocols that they ask for.
module nestbox.boot {
    requires transitive nestbox.cpu;
    requires nestbox.devices;
    requires transitive nestbox.platform;

    exports nestbox.boot;
}
