/// The manual as data.
module nestbox.x86 {
    exports nestbox.x86;
    exports nestbox.x86.vmx;
}
