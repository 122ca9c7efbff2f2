package nestbox.images.tree;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// One scratch file that holds the contents of everything unpacked during a build.
///
/// A single file that this program names can't be led astray by what a package calls its files,
/// which unpacking to a folder could. It also bounds what a build may unpack in all.
public final class Spool implements AutoCloseable {
    private static final int CHUNK = 1 << 16;

    private final FileChannel file;
    private final long limit;
    private long end;

    private Spool(FileChannel file, long limit) {
        this.file = file;
        this.limit = limit;
    }

    public static Spool create(Path path, long limit) throws IOException {
        return new Spool(
                FileChannel.open(
                        path,
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.DELETE_ON_CLOSE),
                limit);
    }

    /// Takes the rest of a stream.
    ///
    /// @throws IOException also if the spool would grow beyond its limit
    public Content add(InputStream in) throws IOException {
        long start = end;
        byte[] chunk = new byte[CHUNK];
        for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
            if (n > limit - end) {
                throw new IOException("the packages unpack to more than " + (limit >> 20) + " MiB");
            }
            ByteBuffer buffer = ByteBuffer.wrap(chunk, 0, n);
            while (buffer.hasRemaining()) {
                end += file.write(buffer, end);
            }
        }
        return new Slice(file, start, end - start);
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    /// Content that is a part of the spool; it can be read until the spool is closed.
    static final class Slice implements Content {
        private final FileChannel file;
        private final long start;
        private final long size;

        private Slice(FileChannel file, long start, long size) {
            this.file = file;
            this.start = start;
            this.size = size;
        }

        @Override
        public long size() {
            return size;
        }

        @Override
        public byte[] read() throws IOException {
            if (size > Integer.MAX_VALUE - 8) {
                throw new IOException("a file of " + size + " bytes is too large for an image");
            }
            byte[] bytes = new byte[(int) size];
            fill(ByteBuffer.wrap(bytes), 0);
            return bytes;
        }

        @Override
        public void copyTo(OutputStream out) throws IOException {
            byte[] chunk = new byte[CHUNK];
            for (long at = 0; at < size; at += CHUNK) {
                int n = (int) Math.min(CHUNK, size - at);
                fill(ByteBuffer.wrap(chunk, 0, n), at);
                out.write(chunk, 0, n);
            }
        }

        private void fill(ByteBuffer into, long offset) throws IOException {
            long at = start + offset;
            while (into.hasRemaining()) {
                int n = file.read(into, at);
                if (n < 0) {
                    throw new IOException("the scratch file of the build was cut short");
                }
                at += n;
            }
        }
    }
}
