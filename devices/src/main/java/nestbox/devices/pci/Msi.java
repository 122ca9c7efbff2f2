package nestbox.devices.pci;

import static nestbox.devices.pci.PciRegisters.CAPABILITY_MSI;

import java.util.List;
import java.util.stream.IntStream;

/// The MSI capability: up to 32 vectors, 64-bit address, a mask bit for each vector.
final class Msi {
    private static final int LENGTH = 0x18;
    private static final int ENABLE = 1;
    private static final int MULTIPLE_MESSAGE_ENABLE = 7 << 4;
    private static final int IS_64_BIT = 1 << 7;
    private static final int PER_VECTOR_MASKING = 1 << 8;

    private final PciFunction function;
    private final int vectors;
    private final RegisterBlock.Register control;
    private final RegisterBlock.Register addressLow;
    private final RegisterBlock.Register addressHigh;
    private final RegisterBlock.Register data;
    private final RegisterBlock.Register mask;
    private final RegisterBlock.Register pending;

    Msi(PciFunction function, RegisterBlock config, int vectors) {
        if (Integer.bitCount(vectors) != 1 || vectors > 32) {
            throw new IllegalArgumentException(vectors + " MSI vectors");
        }
        this.function = function;
        this.vectors = vectors;
        int at = function.addCapability(CAPABILITY_MSI, LENGTH);
        int capable = Integer.numberOfTrailingZeros(vectors) << 1;
        int allVectors = (int) ((1L << vectors) - 1);
        control =
                config.register("MSI Message Control", at + 2, 2)
                        .reset(capable | IS_64_BIT | PER_VECTOR_MASKING)
                        .writable(ENABLE | MULTIPLE_MESSAGE_ENABLE)
                        .onWrite(function::interruptsChanged);
        addressLow = config.register("MSI Message Address", at + 4, 4).writable(~3);
        addressHigh = config.register("MSI Message Upper Address", at + 8, 4).writable(-1);
        data = config.register("MSI Message Data", at + 0xC, 2).writable(0xFFFF);
        mask =
                config.register("MSI Mask Bits", at + 0x10, 4)
                        .writable(allVectors)
                        .onWrite(this::sendPending);
        pending = config.register("MSI Pending Bits", at + 0x14, 4);
    }

    boolean enabled() {
        return (control.value() & ENABLE) != 0;
    }

    /// A vector that software did not allocate is folded into those that it did.
    void signal(int vector) {
        int number = vector & allocated() - 1;
        if ((mask.value() >>> number & 1) != 0 || !send(number)) {
            pending.set(pending.value() | 1 << number);
        }
    }

    void sendPending() {
        int due = enabled() ? pending.value() & ~mask.value() : 0;
        for (int number = 0; due != 0; number++, due >>>= 1) {
            if ((due & 1) != 0 && send(number)) {
                pending.set(pending.value() & ~(1 << number));
            }
        }
    }

    /// Of an enabled capability.
    List<PciMessage> enabledMessages() {
        return IntStream.range(0, allocated())
                .filter(number -> (mask.value() >>> number & 1) == 0)
                .mapToObj(this::message)
                .toList();
    }

    private PciMessage message(int number) {
        long address = (long) addressHigh.value() << 32 | addressLow.value() & 0xFFFF_FFFFL;
        return new PciMessage(number, address, data.value() & -allocated() | number);
    }

    private boolean send(int number) {
        PciMessage message = message(number);
        return function.sendMessage(message.address(), message.data());
    }

    private int allocated() {
        int exponent = (control.value() & MULTIPLE_MESSAGE_ENABLE) >>> 4;
        return Math.min(1 << exponent, vectors);
    }
}
