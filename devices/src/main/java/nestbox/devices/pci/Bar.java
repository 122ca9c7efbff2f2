package nestbox.devices.pci;

import nestbox.platform.Mmio;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortIo;
import nestbox.platform.PortSpace;

/// One base address register (pair) and the window that it opens while decoding is on.
///
/// Sizing needs no code: address bits below the size are not writable, so a write of ones reads
/// back as the size.
final class Bar implements Mmio, PortIo {
    private static final long NOWHERE = -1;
    private static final long PORTS = 0x10000;

    private final BarKind kind;
    private final long size;
    private final Mmio target;
    private final RegisterBlock.Register low;
    private final RegisterBlock.Register high;
    private long mappedAt = NOWHERE;

    Bar(RegisterBlock config, int index, BarKind kind, long size, Mmio target, Runnable changed) {
        long smallest = kind.isIo() ? 4 : 16;
        long largest = kind.isIo() ? 256 : 1L << 30;
        if (Long.bitCount(size) != 1 || size < smallest || size > largest) {
            throw new IllegalArgumentException("BAR size " + size);
        }
        this.kind = kind;
        this.size = size;
        this.target = target;
        int offset = PciRegisters.BAR0 + 4 * index;
        low =
                config.register("BAR" + index, offset, 4)
                        .reset(kind.typeBits())
                        .writable((int) -size)
                        .onWrite(changed);
        high =
                kind.is64Bit()
                        ? config.register("BAR" + (index + 1), offset + 4, 4)
                                .writable(-1)
                                .onWrite(changed)
                        : low;
    }

    BarKind kind() {
        return kind;
    }

    Mmio target() {
        return target;
    }

    long size() {
        return size;
    }

    /// Brings the window to where the registers say.
    ///
    /// @param decoding whether COMMAND enables this kind of address space
    /// @return whether addresses became free that another BAR may be waiting for
    boolean remap(boolean decoding, PortSpace ports, MmioSpace mmio) {
        long wanted = decoding ? address() : NOWHERE;
        if (wanted == mappedAt) {
            return false;
        }
        boolean freed = mappedAt != NOWHERE;
        if (freed) {
            if (kind.isIo()) {
                ports.unmap((int) mappedAt, (int) size, this);
            } else {
                mmio.unmap(mappedAt, this);
            }
            mappedAt = NOWHERE;
        }
        if (wanted != NOWHERE && map(wanted, ports, mmio)) {
            mappedAt = wanted;
        }
        return freed;
    }

    /// Somebody else's addresses stay theirs: the window opens when they are free.
    private boolean map(long at, PortSpace ports, MmioSpace mmio) {
        if (!kind.isIo()) {
            return mmio.map(at, size, this);
        }
        for (long port = at; port < at + size; port++) {
            if (ports.isMapped((int) port)) {
                return false;
            }
        }
        ports.map((int) at, (int) size, this);
        return true;
    }

    /// Address zero is where a register stands that nobody has programmed.
    private long address() {
        long address = low.value() & -size & 0xFFFF_FFFFL;
        if (kind.is64Bit()) {
            address |= (long) high.value() << 32;
        }
        boolean beyondPorts = kind.isIo() && address + size > PORTS;
        return address == 0 || beyondPorts ? NOWHERE : address;
    }

    @Override
    public long read(long offset, int width) {
        return target.read(offset, width);
    }

    @Override
    public void write(long offset, int width, long value) {
        target.write(offset, width, value);
    }

    @Override
    public int read(int port, int width) {
        return (int) target.read(port - mappedAt, width);
    }

    @Override
    public void write(int port, int width, int value) {
        target.write(port - mappedAt, width, value & 0xFFFF_FFFFL);
    }
}
