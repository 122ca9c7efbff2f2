package nestbox.images.apt;

/// One version of one package, as the machine's package sources offer it.
///
/// @param name the package's name
/// @param fileName what apt-get calls the file that it downloads
/// @param algorithm the name of a message digest, as Java spells it
/// @param digest the digest of the file, in hexadecimal
/// @param size the size of the file
public record AptPackage(
        String name, String fileName, String algorithm, String digest, long size) {}
