package nestbox.devices.pci;

import static nestbox.devices.pci.PciRegisters.BAR0;
import static nestbox.devices.pci.PciRegisters.BAR_64_BIT;
import static nestbox.devices.pci.PciRegisters.BAR_COUNT;
import static nestbox.devices.pci.PciRegisters.BAR_IO;
import static nestbox.devices.pci.PciRegisters.COMMAND;
import static nestbox.devices.pci.PciRegisters.COMMAND_IO;
import static nestbox.devices.pci.PciRegisters.COMMAND_MEMORY;

import java.util.ArrayList;
import java.util.List;

/// What a base address register asks for, found out through configuration space.
///
/// @param index 0 to 5; a 64-bit register takes the next as well
/// @param typeBits its read-only low bits
/// @param size in bytes
public record BarSize(int index, int typeBits, long size) {
    /// Asks all base address registers of a function, which doesn't decode meanwhile.
    public static List<BarSize> of(PciFunction function) {
        int command = function.readConfig(COMMAND, 2);
        function.writeConfig(COMMAND, 2, command & ~(COMMAND_IO | COMMAND_MEMORY));
        List<BarSize> sizes = new ArrayList<>();
        for (int bar = 0; bar < BAR_COUNT; bar++) {
            int offset = BAR0 + 4 * bar;
            int before = function.readConfig(offset, 4);
            function.writeConfig(offset, 4, -1);
            int mask = function.readConfig(offset, 4);
            function.writeConfig(offset, 4, before);
            if (mask != 0) {
                int typeBits = mask & ((mask & BAR_IO) != 0 ? 3 : 0xF);
                BarSize size = new BarSize(bar, typeBits, -(mask - typeBits));
                sizes.add(size);
                bar += size.is64Bit() ? 1 : 0;
            }
        }
        function.writeConfig(COMMAND, 2, command);
        return sizes;
    }

    public boolean isIo() {
        return (typeBits & BAR_IO) != 0;
    }

    public boolean is64Bit() {
        return !isIo() && (typeBits & BAR_64_BIT) != 0;
    }

    /// Offset of the register in configuration space.
    public int offset() {
        return BAR0 + 4 * index;
    }

    /// The address that the register has.
    public long address(PciFunction function) {
        long low = function.readConfig(offset(), 4) & 0xFFFF_FFFFL & ~typeBits;
        return is64Bit() ? low | (long) function.readConfig(offset() + 4, 4) << 32 : low;
    }

    /// The bit of COMMAND that enables decoding of it.
    public int enable() {
        return isIo() ? COMMAND_IO : COMMAND_MEMORY;
    }
}
