package nestbox.boot;

import nestbox.platform.Ram;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A file that a boot loader reads: a kernel, an initial RAM disk or a module.
///
/// It stays open for as long as the machine lives, because a guest that resets itself boots the
/// same file again even if another has taken its name meanwhile. Nothing is kept in memory.
public final class BootFile implements AutoCloseable {
    private static final int CHUNK = 1 << 20;

    /// Reads bytes at a position into the buffer, like [FileChannel#read(ByteBuffer, long)].
    @FunctionalInterface
    private interface Source {
        int read(ByteBuffer into, long position) throws IOException;
    }

    /// How to let go of the source.
    @FunctionalInterface
    private interface Release {
        void run() throws IOException;
    }

    private final String name;
    private final long size;
    private final Source source;
    private final Release release;

    private BootFile(String name, long size, Source source, Release release) {
        this.name = name;
        this.size = size;
        this.source = source;
        this.release = release;
    }

    /// @param role what the file is to the user, such as "kernel"
    public static BootFile open(String role, Path path) {
        try {
            if (Files.exists(path) && !Files.isRegularFile(path)) {
                throw new BootException(
                        "The %s %s is not a file: name the file itself.".formatted(role, path));
            }
            FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
            try {
                return new BootFile(path.toString(), channel.size(), channel::read, channel::close);
            } catch (IOException e) {
                channel.close();
                throw e;
            }
        } catch (NoSuchFileException e) {
            throw new BootException(
                    "There is no %s %s: check the file's name.".formatted(role, path), e);
        } catch (AccessDeniedException e) {
            throw new BootException(
                    "The %s %s can't be read: permission denied.".formatted(role, path), e);
        } catch (IOException e) {
            throw new BootException(
                    "The %s %s can't be read: %s.".formatted(role, path, e.getMessage()), e);
        }
    }

    /// A file that exists only in memory.
    public static BootFile of(String name, byte[] content) {
        byte[] copy = content.clone();
        return new BootFile(
                name,
                copy.length,
                (into, position) -> {
                    int count = (int) Math.min(into.remaining(), copy.length - position);
                    if (count <= 0) {
                        return -1;
                    }
                    into.put(copy, (int) position, count);
                    return count;
                },
                () -> {});
    }

    public String name() {
        return name;
    }

    public long size() {
        return size;
    }

    /// True if the range lies in the file, whatever the numbers are.
    boolean contains(long offset, long length) {
        return offset >= 0 && length >= 0 && length <= size && offset <= size - length;
    }

    /// Up to `length` bytes from an offset, little-endian; fewer at the end of the file.
    ByteBuffer head(long offset, int length) {
        int count = Math.clamp(size - offset, 0, length);
        return bytes(offset, count);
    }

    /// The bytes of a range that [#contains] accepts, little-endian.
    ByteBuffer bytes(long offset, int length) {
        ByteBuffer into = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        fill(into, offset);
        return into.flip();
    }

    /// Copies a range that [#contains] accepts to physical addresses.
    void copyTo(Ram ram, long address, long offset, long length) {
        byte[] chunk = new byte[(int) Math.min(length, CHUNK)];
        for (long done = 0; done < length; ) {
            int count = (int) Math.min(chunk.length, length - done);
            fill(ByteBuffer.wrap(chunk, 0, count), offset + done);
            ram.write(address + done, chunk, 0, count);
            done += count;
        }
    }

    private void fill(ByteBuffer into, long offset) {
        long position = offset;
        try {
            while (into.hasRemaining()) {
                int count = source.read(into, position);
                if (count < 0) {
                    throw new BootException(
                            "%s became shorter while it was read: start again when it is whole."
                                    .formatted(name));
                }
                position += count;
            }
        } catch (IOException e) {
            throw new BootException("%s can't be read: %s.".formatted(name, e.getMessage()), e);
        }
    }

    @Override
    public void close() {
        try {
            release.run();
        } catch (IOException e) {
            throw new BootException("%s can't be closed: %s.".formatted(name, e.getMessage()), e);
        }
    }
}
