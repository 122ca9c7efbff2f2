package nestbox.boot;

import nestbox.platform.GuestMemory;

/// The address fields of a multiboot header: what a file that need not be ELF says about where its
/// bytes go.
///
/// @param fileOffset first byte of the file to load
/// @param load where it goes
/// @param loadEnd end of what is loaded; 0 for all of the file
/// @param bssEnd end of the zeroes that follow; 0 for none
record LoadAddresses(long fileOffset, long load, long loadEnd, long bssEnd) {

    /// @param headerOffset where the header lies in the file
    /// @param header where it is to lie in memory
    static LoadAddresses of(long headerOffset, long header, long load, long loadEnd, long bssEnd) {
        return new LoadAddresses(headerOffset - (header - load), load, loadEnd, bssEnd);
    }

    /// Copies the file to memory.
    ///
    /// @return end of what was taken
    long load(BootFile file, FreeMemory free) {
        long inFile = loadEnd == 0 ? file.size() - fileOffset : loadEnd - load;
        if (inFile <= 0 || !file.contains(fileOffset, inFile)) {
            throw BootException.unusable(
                    file,
                    "the addresses in its multiboot header point outside the file:"
                            + " copy or build it again");
        }
        long inMemory = Math.max(inFile, bssEnd - load);
        if (!free.take(load, inMemory)) {
            if (load >= MemoryLayout.ONE_MIB && load + inMemory <= GuestMemory.PCI_HOLE) {
                throw MemoryNeed.exception(file, free.layout(), "the kernel", load + inMemory);
            }
            throw BootException.unusable(
                    file,
                    ("it wants 0x%x bytes at 0x%x, where there is no RAM: build it for"
                                    + " another address, such as 1 MiB")
                            .formatted(inMemory, load));
        }
        file.copyTo(free.ram(), load, fileOffset, inFile);
        free.zero(load + inFile, inMemory - inFile);
        return load + inMemory;
    }
}
