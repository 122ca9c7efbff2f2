package nestbox.boot;

import nestbox.platform.GuestMemory;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/// What loader tests do again and again.
final class Boots {
    static final long MIB = 1 << 20;

    private Boots() {}

    static BootImages images(byte[] kernel, String commandLine, BootImages.Module... modules) {
        return new BootImages(
                BootFile.of("kernel", kernel), Optional.empty(), commandLine, List.of(modules));
    }

    static BootImages images(byte[] kernel, byte[] initrd, String commandLine) {
        return new BootImages(
                BootFile.of("kernel", kernel),
                Optional.of(BootFile.of("initrd", initrd)),
                commandLine,
                List.of());
    }

    static BootImages.Module module(String name, String content, String arguments) {
        byte[] bytes = content.getBytes(StandardCharsets.US_ASCII);
        return new BootImages.Module(BootFile.of(name, bytes), arguments);
    }

    static byte[] bytes(GuestMemory memory, long address, int length) {
        byte[] into = new byte[length];
        memory.read(address, into, 0, length);
        return into;
    }

    /// The zero-ended string at an address.
    static String text(GuestMemory memory, long address) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (long at = address; memory.readByte(at) != 0; at++) {
            out.write(memory.readByte(at));
        }
        return out.toString(StandardCharsets.UTF_8);
    }
}
