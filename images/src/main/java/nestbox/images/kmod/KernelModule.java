package nestbox.images.kmod;

import nestbox.images.elf.ElfFile;

import org.tukaani.xz.XZInputStream;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// A loadable driver and what it says of itself in its `.modinfo` section.
///
/// Packages ship no `modules.dep`; it is made when a package is installed. The modules themselves
/// name what they need, which is where that file comes from too.
///
/// @param name with `_` for `-`, as the kernel sees it
/// @param path where it is in the package, always ending in `.ko`
/// @param image the module, uncompressed
/// @param depends modules whose symbols it uses
/// @param before modules that it wants to be there first, from its soft dependencies
/// @param aliases patterns of devices and services that call for it
record KernelModule(
        String name,
        String path,
        byte[] image,
        List<String> depends,
        List<String> before,
        List<String> aliases) {

    private static final int MAX_IMAGE = 64 << 20;
    private static final int XZ_MEMORY_KIB = 128 << 10;

    static KernelModule of(String path, byte[] file) throws IOException {
        String plain = path.replaceFirst("\\.(xz|gz|zst)$", "");
        byte[] image = path.equals(plain) ? file : unpacked(path, file);
        byte[] info =
                ElfFile.section(image, ".modinfo")
                        .orElseThrow(() -> new IOException(path + " is not a kernel module"));
        List<String> depends = new ArrayList<>();
        List<String> before = new ArrayList<>();
        List<String> aliases = new ArrayList<>();
        for (String line : new String(info, StandardCharsets.UTF_8).split("\0")) {
            if (line.startsWith("depends=")) {
                names(line.substring(8), ",").forEach(depends::add);
            } else if (line.startsWith("softdep=pre:")) {
                names(line.substring(12).replaceFirst("post:.*", ""), " ").forEach(before::add);
            } else if (line.startsWith("alias=")) {
                aliases.add(line.substring(6));
            }
        }
        return new KernelModule(name(plain), plain, image, depends, before, List.copyOf(aliases));
    }

    /// The name under which the kernel knows the module in a file.
    static String name(String path) {
        String file = path.substring(path.lastIndexOf('/') + 1);
        return file.replaceFirst("\\.ko(\\.(xz|gz|zst))?$", "").replace('-', '_');
    }

    private static List<String> names(String list, String separator) {
        List<String> names = new ArrayList<>();
        for (String name : list.split(separator)) {
            if (!name.isBlank()) {
                names.add(name.strip().replace('-', '_'));
            }
        }
        return names;
    }

    private static byte[] unpacked(String path, byte[] file) throws IOException {
        if (!path.endsWith(".xz")) {
            throw new IOException(path + " is compressed in a way that is not supported");
        }
        try (InputStream in = new XZInputStream(new ByteArrayInputStream(file), XZ_MEMORY_KIB)) {
            byte[] image = in.readNBytes(MAX_IMAGE + 1);
            if (image.length > MAX_IMAGE) {
                throw new IOException(path + " unpacks to more than a module can be");
            }
            return image;
        }
    }
}
