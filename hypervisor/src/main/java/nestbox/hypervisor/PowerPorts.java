package nestbox.hypervisor;

import nestbox.devices.BoardMap;
import nestbox.devices.acpi.PowerManagement;
import nestbox.platform.PortIo;
import nestbox.platform.PortSpace;

/// The ports by which the Service VM switches itself off or resets itself: L0 looks at what is
/// written, and passes on the rest.
final class PowerPorts implements PortIo {
    private static final int KEYBOARD_RESET = 0xFE;
    private static final int RESET_STARTS = 1 << 2;
    private static final int RESET_KIND = 0xA;
    private static final int SLEEP_ENABLE = 1 << 13;
    private static final int SLEEP_TYPE_SHIFT = 10;
    private static final int SLEEP_TYPE = 7;

    /// What a virtual machine can ask for.
    interface Requests {
        void powerOff(Vm vm);

        void reset(Vm vm);
    }

    private final Vm vm;
    private final PortSpace board;
    private final Requests requests;

    private PowerPorts(Vm vm, PortSpace board, Requests requests) {
        this.vm = vm;
        this.board = board;
        this.requests = requests;
    }

    /// Takes the ports but for that of the reset register, whose neighbours are somebody else's.
    static PowerPorts of(Vm vm, PortSpace board, Requests requests) {
        PowerPorts ports = new PowerPorts(vm, board, requests);
        vm.emulatePorts(BoardMap.KEYBOARD_COMMAND, 1, ports);
        vm.emulatePorts(BoardMap.PM1A_CNT, 2, ports);
        return ports;
    }

    @Override
    public int read(int port, int size) {
        return port == BoardMap.RESET ? 0xFF : board.read(port, size);
    }

    @Override
    public void write(int port, int size, int value) {
        switch (port) {
            case BoardMap.KEYBOARD_COMMAND -> {
                if (size == 1 && value == KEYBOARD_RESET) {
                    requests.reset(vm);
                } else {
                    board.write(port, size, value);
                }
            }
            case BoardMap.RESET -> {
                if (size == 1 && (value & RESET_STARTS) != 0 && (value & RESET_KIND) != 0) {
                    requests.reset(vm);
                }
            }
            default -> {
                boolean sleeps = size == 2 && (value & SLEEP_ENABLE) != 0;
                int type = value >>> SLEEP_TYPE_SHIFT & SLEEP_TYPE;
                if (sleeps && type == PowerManagement.SLEEP_TYPE_S5) {
                    requests.powerOff(vm);
                } else {
                    board.write(port, size, value);
                }
            }
        }
    }
}
