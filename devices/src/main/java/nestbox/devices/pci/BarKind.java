package nestbox.devices.pci;

import java.util.stream.Stream;

/// What a base address register asks for.
public enum BarKind {
    IO(PciRegisters.BAR_IO),
    MEMORY_32(0),
    MEMORY_64(PciRegisters.BAR_64_BIT),
    PREFETCHABLE_64(PciRegisters.BAR_64_BIT | PciRegisters.BAR_PREFETCHABLE);

    private final int typeBits;

    BarKind(int typeBits) {
        this.typeBits = typeBits;
    }

    /// The kind of a register with these read-only low bits.
    public static BarKind of(int typeBits) {
        return Stream.of(values())
                .filter(kind -> kind.typeBits == typeBits)
                .findFirst()
                .orElse((typeBits & PciRegisters.BAR_64_BIT) != 0 ? MEMORY_64 : MEMORY_32);
    }

    /// The read-only low bits of the register.
    int typeBits() {
        return typeBits;
    }

    boolean isIo() {
        return this == IO;
    }

    boolean is64Bit() {
        return (typeBits & PciRegisters.BAR_64_BIT) != 0 && !isIo();
    }
}
