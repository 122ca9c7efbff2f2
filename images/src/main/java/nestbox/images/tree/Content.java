package nestbox.images.tree;

import java.io.IOException;
import java.io.OutputStream;

/// The bytes of a regular file, wherever they are kept.
///
/// Packages unpack to hundreds of megabytes of which an image takes a few, so most contents stay
/// on disk until somebody asks.
public sealed interface Content permits Content.Bytes, Spool.Slice {
    long size();

    byte[] read() throws IOException;

    void copyTo(OutputStream out) throws IOException;

    static Content of(byte[] bytes) {
        return new Bytes(bytes.clone());
    }

    /// Content that is in memory.
    final class Bytes implements Content {
        private final byte[] bytes;

        private Bytes(byte[] bytes) {
            this.bytes = bytes;
        }

        @Override
        public long size() {
            return bytes.length;
        }

        @Override
        public byte[] read() {
            return bytes.clone();
        }

        @Override
        public void copyTo(OutputStream out) throws IOException {
            out.write(bytes);
        }
    }
}
