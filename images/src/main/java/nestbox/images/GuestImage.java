package nestbox.images;

import java.nio.file.Path;
import java.util.Optional;

/// A kernel and the initial file system that makes it a usable guest.
///
/// The files lie in the cache folder and are never changed once they are there, so any number of
/// machines may boot from them at the same time.
///
/// @param name the recipe's name
/// @param kernel a Linux bzImage, or for a hypervisor the ELF file in it
/// @param initrd the initramfs, a cpio archive
/// @param hypervisor a multiboot kernel to boot in place of the kernel, which is then its first
///     module, and the initramfs its second
/// @param defaultAppend the kernel command line that the image is made for
/// @param memoryMiB the memory that the guest needs to be comfortable
public record GuestImage(
        String name,
        Path kernel,
        Path initrd,
        Optional<Path> hypervisor,
        String defaultAppend,
        int memoryMiB) {}
