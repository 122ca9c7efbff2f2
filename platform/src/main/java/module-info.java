/// What a board is made of.
module nestbox.platform {
    exports nestbox.platform;
    exports nestbox.platform.trace;
}
