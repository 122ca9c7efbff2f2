package nestbox.devices.virtio.net;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.stream.Collectors;

/// Which incoming frames the driver wants: *VIRTIO 1.2*, 5.1.6.5 "Control Virtqueue".
///
/// Until a driver says otherwise, it wants all of them.
public final class ReceiveFilter {
    /// What a snapshot holds.
    ///
    /// @param modes a bit for each command of the receive mode class whose mode is on
    public record State(int modes, MacAddress own, List<MacAddress> table, List<Integer> vlans) {
        public State {
            table = List.copyOf(table);
            vlans = List.copyOf(vlans);
        }
    }

    static final int CLASS_RX = 0;
    static final int CLASS_MAC = 1;
    static final int CLASS_VLAN = 2;

    private static final int RX_PROMISC = 0;
    private static final int RX_ALLMULTI = 1;
    private static final int RX_ALLUNI = 2;
    private static final int RX_NOMULTI = 3;
    private static final int RX_NOUNI = 4;
    private static final int RX_NOBCAST = 5;
    private static final int MAC_TABLE_SET = 0;
    private static final int MAC_ADDR_SET = 1;
    private static final int VLAN_ADD = 0;
    private static final int VLAN_DEL = 1;

    private static final int ETHERNET_HEADER = 14;
    private static final int ETHERTYPE_AT = 12;
    private static final int ETHERTYPE_VLAN = 0x8100;
    private static final int VLANS = 4096;

    /// As many as a control request has room for.
    static final int MAX_TABLE = 1024;

    private final MacAddress permanent;
    private State state;

    ReceiveFilter(MacAddress permanent) {
        this.permanent = permanent;
        state = initial();
    }

    void reset() {
        state = initial();
    }

    private State initial() {
        return new State(1 << RX_PROMISC, permanent, List.of(), List.of());
    }

    private boolean is(int mode) {
        return (state.modes >>> mode & 1) != 0;
    }

    MacAddress own() {
        return state.own;
    }

    State save() {
        return state;
    }

    void restore(State saved) {
        state = saved;
    }

    boolean accepts(byte[] frame, boolean filterVlans) {
        if (frame.length < ETHERNET_HEADER) {
            return false;
        }
        if (is(RX_PROMISC)) {
            return true;
        }
        if (filterVlans && !wantsVlan(frame)) {
            return false;
        }
        MacAddress to = MacAddress.of(frame, 0);
        if (to.equals(MacAddress.BROADCAST)) {
            return !is(RX_NOBCAST);
        }
        if (to.isMulticast()) {
            return !is(RX_NOMULTI) && (is(RX_ALLMULTI) || state.table.contains(to));
        }
        return !is(RX_NOUNI) && (is(RX_ALLUNI) || to.equals(state.own) || state.table.contains(to));
    }

    private boolean wantsVlan(byte[] frame) {
        ByteBuffer fields = ByteBuffer.wrap(frame);
        boolean tagged =
                frame.length >= ETHERNET_HEADER + 4
                        && (fields.getShort(ETHERTYPE_AT) & 0xFFFF) == ETHERTYPE_VLAN;
        return !tagged || state.vlans.contains(fields.getShort(ETHERNET_HEADER) & VLANS - 1);
    }

    /// Carries out a control command.
    ///
    /// @param data what follows class and command
    /// @return whether it was a legal one
    boolean command(int commandClass, int command, byte[] data) {
        return switch (commandClass) {
            case CLASS_RX -> data.length == 1 && receiveMode(command, data[0] != 0);
            case CLASS_MAC -> macCommand(command, data);
            case CLASS_VLAN -> data.length == 2 && vlanCommand(command, data);
            default -> false;
        };
    }

    /// Whether a command belongs to the extra receive modes, which have a feature bit of their own.
    static boolean isExtra(int command) {
        return command >= RX_ALLUNI;
    }

    static boolean isAddressSet(int command) {
        return command == MAC_ADDR_SET;
    }

    private boolean receiveMode(int command, boolean on) {
        if (command > RX_NOBCAST) {
            return false;
        }
        int others = state.modes & ~(1 << command);
        state = new State(others | (on ? 1 << command : 0), state.own, state.table, state.vlans);
        return true;
    }

    private boolean macCommand(int command, byte[] data) {
        if (command == MAC_ADDR_SET && data.length == MacAddress.BYTES) {
            state = new State(state.modes, MacAddress.of(data, 0), state.table, state.vlans);
            return true;
        }
        return command == MAC_TABLE_SET && setTable(data);
    }

    /// Two lists, unicast and multicast, each after the number of its entries. An address says
    /// itself which kind it is, so they are kept as one.
    private boolean setTable(byte[] data) {
        ByteBuffer fields = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
        List<MacAddress> table = new ArrayList<>();
        for (int list = 0; list < 2; list++) {
            if (fields.remaining() < Integer.BYTES) {
                return false;
            }
            long count = fields.getInt() & 0xFFFF_FFFFL;
            if (count * MacAddress.BYTES > fields.remaining()) {
                return false;
            }
            for (int i = 0; i < count; i++) {
                table.add(MacAddress.of(data, fields.position()));
                fields.position(fields.position() + MacAddress.BYTES);
            }
        }
        if (fields.hasRemaining() || table.size() > MAX_TABLE) {
            return false;
        }
        state = new State(state.modes, state.own, table, state.vlans);
        return true;
    }

    private boolean vlanCommand(int command, byte[] data) {
        int vlan = data[0] & 0xFF | (data[1] & 0xFF) << 8;
        if (vlan >= VLANS || command != VLAN_ADD && command != VLAN_DEL) {
            return false;
        }
        BitSet wanted = new BitSet(VLANS);
        state.vlans.forEach(wanted::set);
        wanted.set(vlan, command == VLAN_ADD);
        List<Integer> vlans = wanted.stream().boxed().collect(Collectors.toList());
        state = new State(state.modes, state.own, state.table, vlans);
        return true;
    }
}
