package nestbox.cpu.apic;

import static nestbox.cpu.apic.ApicRegister.*;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.List;

class ApicBusTest {
    private static final int LOGICAL = 1 << 11;
    private static final int ASSERT = 1 << 14;
    private static final int LEVEL = 1 << 15;
    private static final int SELF = 1 << 18;
    private static final int ALL = 2 << 18;
    private static final int OTHERS = 3 << 18;
    private static final int LOWEST = 1 << 8;
    private static final int NMI = 4 << 8;
    private static final int INIT = 5 << 8;
    private static final int STARTUP = 6 << 8;

    private final ApicBoard board = new ApicBoard(0, 1, 2, 3).enabled();

    private void flat() {
        for (int i = 0; i < 4; i++) {
            ApicBoard.write(board.apics.get(i), LOGICAL_DESTINATION, 1 << 24 + i);
        }
    }

    private List<List<String>> events() {
        return board.cores.stream().map(core -> List.copyOf(core.events)).toList();
    }

    @Test
    void physicalDestinationIsAnId() {
        board.send(2, 0x41);
        assertThat(board.pending()).containsExactly(-1, -1, 0x41, -1);
        board.drain();
        board.send(0xFF, 0x42);
        assertThat(board.pending()).containsExactly(0x42, 0x42, 0x42, 0x42);
        board.drain();
        board.send(9, 0x43);
        assertThat(board.pending()).containsExactly(-1, -1, -1, -1);
    }

    @Test
    void flatLogicalDestinationIsASet() {
        flat();
        board.send(0b1010, LOGICAL | 0x41);
        assertThat(board.pending()).containsExactly(-1, 0x41, -1, 0x41);
    }

    @Test
    void clusterLogicalDestinationIsASetWithinACluster() {
        for (int i = 0; i < 4; i++) {
            ApicBoard.write(board.apics.get(i), DESTINATION_FORMAT, 0);
            ApicBoard.write(
                    board.apics.get(i), LOGICAL_DESTINATION, (i / 2 << 4 | 1 << i % 2) << 24);
        }
        board.send(0x13, LOGICAL | 0x41);
        assertThat(board.pending()).containsExactly(-1, -1, 0x41, 0x41);
        board.drain();
        board.send(0x01, LOGICAL | 0x42);
        assertThat(board.pending()).containsExactly(0x42, -1, -1, -1);
        board.drain();
        board.send(0xFF, LOGICAL | 0x43);
        assertThat(board.pending()).containsExactly(0x43, 0x43, 0x43, 0x43);
    }

    @Test
    void shorthandsIgnoreTheDestination() {
        board.send(3, SELF | 0x41);
        assertThat(board.pending()).containsExactly(0x41, -1, -1, -1);
        board.drain();
        board.send(3, ALL | 0x42);
        assertThat(board.pending()).containsExactly(0x42, 0x42, 0x42, 0x42);
        board.drain();
        board.send(3, OTHERS | 0x43);
        assertThat(board.pending()).containsExactly(-1, 0x43, 0x43, 0x43);
    }

    @Test
    void lowestPriorityGoesToOne() {
        flat();
        ApicBoard.write(board.apics.get(1), TASK_PRIORITY, 0x40);
        ApicBoard.write(board.apics.get(2), TASK_PRIORITY, 0x20);
        ApicBoard.write(board.apics.get(3), TASK_PRIORITY, 0x20);
        board.send(0b1110, LOGICAL | LOWEST | 0x91);
        assertThat(board.pending()).containsExactly(-1, -1, 0x91, -1);
        board.send(0b1110, LOGICAL | LOWEST | 0x92);
        assertThat(board.pending()).as("that one is busy").containsExactly(-1, -1, 0x91, 0x92);
    }

    @Test
    void softwareDisabledProcessorsAreNoCandidates() {
        flat();
        ApicBoard.write(board.apics.get(0), SPURIOUS_VECTOR, 0xFF);
        board.bus.message(0xFEE0_0000L | 0xF << 12 | 1 << 2, LOWEST | 0x91);
        assertThat(board.pending()).containsExactly(-1, 0x91, -1, -1);
    }

    @Test
    void redirectionHintPicksOneOfALogicalSet() {
        flat();
        board.bus.message(0xFEE0_0000L | 0xC << 12 | 1 << 3 | 1 << 2, 0x91);
        assertThat(board.pending()).containsExactly(-1, -1, 0x91, -1);
        board.bus.message(0xFEE0_0000L | 1 << 12 | 1 << 3, 0x92);
        assertThat(board.pending()).containsExactly(-1, 0x92, 0x91, -1);
    }

    @Test
    void messagesCarryDestinationModeAndVector() {
        flat();
        board.bus.message(0xFEE0_3000L, 0x61);
        board.bus.message(0xFEE0_2004L, 0x62);
        assertThat(board.pending()).containsExactly(-1, 0x62, -1, 0x61);
        board.bus.message(0xFEE0_1000L, NMI);
        board.bus.message(0xFEE0_1000L, 2 << 8);
        assertThat(board.cores.get(1).events).containsExactly("nmi", "smi");
    }

    @Test
    void processorsAreStartedByInitAndStartup() {
        board.send(0, OTHERS | INIT | LEVEL | ASSERT);
        board.send(0, OTHERS | INIT | LEVEL);
        board.send(1, STARTUP | 0x9A);
        assertThat(events())
                .containsExactly(
                        List.of(),
                        List.of("init", "startup 154"),
                        List.of("init"),
                        List.of("init"));
    }

    @Test
    void nobodyResetsHimselfByShorthand() {
        board.send(0, SELF | INIT | ASSERT);
        board.send(0, ALL | STARTUP);
        board.send(0, SELF | NMI);
        assertThat(board.core().events).containsExactly("nmi");
        assertThat(board.cores.get(1).events).containsExactly("startup 0");
    }

    @Test
    void interprocessorInterruptsAreEdges() {
        board.send(1, LEVEL | ASSERT | 0x41);
        LocalApic target = board.apics.get(1);
        assertThat(target.read(TRIGGER_MODE.offset() + 0x20, 4)).isZero();
        target.acknowledge();
        ApicBoard.write(target, END_OF_INTERRUPT, 0);
        assertThat(board.ends).isEmpty();
    }

    @Test
    void illegalVectorIsAnErrorOnBothSides() {
        board.send(1, 0x0E);
        board.write(ERROR_STATUS, 0);
        assertThat(board.read(ERROR_STATUS)).isEqualTo(0x20);
        ApicBoard.write(board.apics.get(1), ERROR_STATUS, 0);
        assertThat(ApicBoard.read(board.apics.get(1), ERROR_STATUS)).isEqualTo(0x40);
        assertThat(board.pending()).containsExactly(-1, -1, -1, -1);
    }

    @Test
    void reservedDeliveryModesGoNowhere() {
        board.send(0xFF, 3 << 8 | 0x41);
        board.send(0xFF, 7 << 8 | 0x41);
        board.bus.message(0xFEEF_F000L, 3 << 8 | 0x41);
        assertThat(board.pending()).containsExactly(-1, -1, -1, -1);
        assertThat(board.apic().extIntPending()).isFalse();
    }
}
