/// Guest images made from distribution packages.
module nestbox.images {
    requires com.github.luben.zstd_jni;
    requires org.apache.commons.compress;
    requires org.tukaani.xz;

    exports nestbox.images;
}
