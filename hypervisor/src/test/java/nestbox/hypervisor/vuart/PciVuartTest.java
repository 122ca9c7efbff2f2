package nestbox.hypervisor.vuart;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.pci.PciAddress;
import nestbox.devices.pci.PciBus;
import nestbox.platform.IrqLine;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class PciVuartTest {
    private static final int DEVICE = 5 << 3;
    private static final int COMMAND = 4;
    private static final int MEMORY_AND_MASTER = 6;
    private static final long REGISTERS = 0x9000_0000L;
    private static final long TABLE = 0x9000_1000L;
    private static final long PENDING = TABLE + 0x800;
    private static final long ENTRY_MASK = TABLE + 12;
    private static final int ENABLE = 0x8000;
    private static final int FUNCTION_MASK = 0x4000;
    private static final int MCR = 4;
    private static final int IER = 1;

    private final MmioSpace mmio = new MmioSpace();
    private final List<String> messages = new ArrayList<>();
    private final PciBus bus =
            new PciBus(
                    new PortSpace(),
                    mmio,
                    (address, data) -> messages.add("%x=%x".formatted(address, data)),
                    wire -> IrqLine.unconnected());
    private final PciVuart function = new PciVuart("vuart", new VirtualClock());

    @BeforeEach
    void programmed() {
        bus.add(new PciAddress(DEVICE >> 3, 0), function);
        bus.reset();
        config(0x10, 4, (int) REGISTERS);
        config(0x14, 4, (int) TABLE);
        config(COMMAND, 2, MEMORY_AND_MASTER);
        mmio.write(TABLE, 4, 0xFEE0_1000L);
        mmio.write(TABLE + 4, 4, 0);
        mmio.write(TABLE + 8, 4, 0x41);
        mmio.write(REGISTERS + MCR, 1, 2);
        mmio.write(REGISTERS + IER, 1, 1);
    }

    private int config(int offset, int size) {
        return bus.readConfig(0, DEVICE, offset, size);
    }

    private void config(int offset, int size, int value) {
        bus.writeConfig(0, DEVICE, offset, size, value);
    }

    private void control(int value) {
        config(config(0x34, 1) + 2, 2, value);
    }

    private void receive() {
        function.vuart().receive((byte) 'x');
    }

    @Test
    void driversFindIt() {
        assertThat(config(0, 4)).isEqualTo(0x9900_9710);
        assertThat(config(8, 4)).isEqualTo(0x0700_0200);
        assertThat(config(0x2C, 4)).isEqualTo(0x1000_A000);
        assertThat(config(0x3D, 1)).as("no INTx").isZero();
        int capability = config(0x34, 1);
        assertThat(config(capability, 1)).isEqualTo(0x11);
        assertThat(config(capability + 2, 2) & 0x7FF).as("table of one").isZero();
        assertThat(config(capability + 4, 4)).isEqualTo(1);
        assertThat(config(capability + 8, 4)).isEqualTo(0x801);
        config(0x10, 4, -1);
        config(0x14, 4, -1);
        assertThat(config(0x10, 4)).isEqualTo(0xFFFF_F000);
        assertThat(config(0x14, 4)).isEqualTo(0xFFFF_F000);
        assertThat(config(0x18, 4)).isZero();
    }

    @Test
    void registersAreBytes() {
        mmio.write(REGISTERS + 7, 1, 0x5A);
        assertThat(mmio.read(REGISTERS + 7, 1)).isEqualTo(0x5A);
        assertThat(mmio.read(REGISTERS + 4, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(mmio.read(REGISTERS + 8, 1)).isEqualTo(0xFF);
        mmio.write(REGISTERS + 4, 4, 0);
        assertThat(mmio.read(REGISTERS + 7, 1)).isEqualTo(0x5A);
    }

    @Test
    void sendsOneMessageForEachRequest() {
        control(ENABLE);
        mmio.write(ENTRY_MASK, 4, 0);
        receive();
        receive();
        assertThat(messages).containsExactly("fee01000=41");
        mmio.read(REGISTERS, 1);
        mmio.read(REGISTERS, 1);
        receive();
        assertThat(messages).hasSize(2);
    }

    @Test
    void aMaskedMessageIsPendingUntilUnmasked() {
        control(ENABLE);
        receive();
        assertThat(messages).isEmpty();
        assertThat(mmio.read(PENDING, 8)).isEqualTo(1);
        mmio.write(ENTRY_MASK, 4, 0);
        assertThat(messages).hasSize(1);
        assertThat(mmio.read(PENDING, 8)).isZero();
    }

    @Test
    void theFunctionMaskMasks() {
        mmio.write(ENTRY_MASK, 4, 0);
        control(ENABLE | FUNCTION_MASK);
        receive();
        assertThat(messages).isEmpty();
        control(ENABLE);
        assertThat(messages).hasSize(1);
    }

    @Test
    void nothingIsSentBeforeMessagesAreEnabledButThen() {
        mmio.write(ENTRY_MASK, 4, 0);
        receive();
        assertThat(messages).isEmpty();
        control(ENABLE);
        assertThat(messages).hasSize(1);
        control(ENABLE);
        assertThat(messages).hasSize(1);
    }

    @Test
    void nothingIsSentWithoutBusMaster() {
        control(ENABLE);
        mmio.write(ENTRY_MASK, 4, 0);
        config(COMMAND, 2, 2);
        receive();
        assertThat(messages).isEmpty();
        config(COMMAND, 2, MEMORY_AND_MASTER);
        assertThat(messages).hasSize(1);
    }
}
