package nestbox.images.initramfs;

import com.github.luben.zstd.ZstdOutputStream;

import java.io.IOException;
import java.io.OutputStream;
import java.util.zip.GZIPOutputStream;

/// How an initramfs is packed.
///
/// Unpacking is work for the guest's processor, which is the slow one here: not compressing at
/// all costs disk space and boots fastest.
public enum Compression {
    NONE,
    GZIP,
    ZSTD;

    OutputStream over(OutputStream out) throws IOException {
        return switch (this) {
            case NONE -> out;
            case GZIP -> new GZIPOutputStream(out, 1 << 16);
            case ZSTD -> new ZstdOutputStream(out).setLevel(19);
        };
    }
}
