package nestbox.cpu.apic;

import static nestbox.cpu.apic.ApicRegister.LOGICAL_DESTINATION;
import static nestbox.cpu.apic.ApicRegister.TASK_PRIORITY;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.apic.ConfinedMessages.Blocked;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

class ConfinedMessagesTest {
    private static final long SEED = 0xC0F1_0001L;
    private static final int MESSAGES = 20_000;
    private static final long RANGE = 0xFEE0_0000L;
    private static final long BROADCAST = RANGE | 0xFF000;
    private static final int LOGICAL = 1 << 2;
    private static final int LOWEST = 1 << 8;

    private final ApicBoard board = board();

    /// Four processors, one bit each as logical destination.
    private static ApicBoard board() {
        ApicBoard board = new ApicBoard(0, 1, 2, 3).enabled();
        for (int i = 0; i < 4; i++) {
            ApicBoard.write(board.apics.get(i), LOGICAL_DESTINATION, 1 << 24 + i);
        }
        return board;
    }

    private ConfinedMessages to(int... processors) {
        List<LocalApic> reach = new ArrayList<>();
        for (int processor : processors) {
            reach.add(board.apics.get(processor));
        }
        return board.bus.confinedTo(reach);
    }

    @Test
    void onlyTheProcessorsInReachAreInterrupted() {
        ConfinedMessages messages = to(1, 2);
        messages.message(RANGE | 1 << 12, 0x41);
        assertThat(messages.blocked()).isZero();
        messages.message(RANGE | 3 << 12, 0x42);
        assertThat(board.pending()).containsExactly(-1, 0x41, -1, -1);
        assertThat(messages.blocked()).isEqualTo(1);
        assertThat(messages.lastBlocked()).contains(new Blocked(RANGE | 3 << 12, 0x42));
    }

    @Test
    void aMessageForManyReachesSome() {
        ConfinedMessages messages = to(1, 2);
        messages.message(BROADCAST, 0x41);
        assertThat(board.pending()).containsExactly(-1, 0x41, 0x41, -1);
        messages.message(RANGE | 0b1100 << 12 | LOGICAL, 0x51);
        assertThat(board.pending()).containsExactly(-1, 0x41, 0x51, -1);
        assertThat(messages.blocked()).isEqualTo(2);
        messages.message(RANGE | 0b0110 << 12 | LOGICAL, 0x61);
        assertThat(messages.blocked()).isEqualTo(2);
    }

    @Test
    void arbitrationIsAmongThoseInReach() {
        ApicBoard.write(board.apics.get(1), TASK_PRIORITY, 0x30);
        ApicBoard.write(board.apics.get(2), TASK_PRIORITY, 0x20);
        to(1, 2).message(RANGE | 0b1111 << 12 | LOGICAL, LOWEST | 0x91);
        assertThat(board.pending()).containsExactly(-1, -1, 0x91, -1);
    }

    @Test
    void nobodyInReachIsNobodyInterrupted() {
        ConfinedMessages messages = to();
        messages.message(BROADCAST, 0x41);
        assertThat(board.pending()).containsOnly(-1);
        assertThat(messages.blocked()).isEqualTo(1);
    }

    @Test
    void whatHasNoVectorDoesNotPass() {
        ConfinedMessages messages = to(0, 1, 2, 3);
        for (int mode = 2; mode < 8; mode++) {
            messages.message(BROADCAST, mode << 8 | 0x41);
        }
        assertThat(messages.blocked()).isEqualTo(6);
        assertThat(board.pending()).containsOnly(-1);
        assertThat(board.cores).allSatisfy(core -> assertThat(core.events).isEmpty());
        assertThat(board.apics).noneMatch(LocalApic::extIntPending);
    }

    /// Next to a board whose sender is not confined: processors in reach see the same of fixed
    /// messages, the others nothing of any.
    @Test
    void randomMessages() {
        System.out.println("seed " + SEED);
        SplittableRandom random = new SplittableRandom(SEED);
        ApicBoard open = board();
        for (int i = 0; i < MESSAGES; i++) {
            int set = random.nextInt(16);
            List<LocalApic> reach = new ArrayList<>();
            for (int p = 0; p < 4; p++) {
                if ((set >> p & 1) != 0) {
                    reach.add(board.apics.get(p));
                }
            }
            long address =
                    random.nextBoolean() ? RANGE | random.nextInt(1 << 20) : random.nextLong();
            int data = random.nextInt() >>> random.nextInt(32);
            ConfinedMessages messages = board.bus.confinedTo(reach);
            messages.message(address, data);
            open.bus.message(address, data);
            boolean toOne = InterruptMessage.of(address, data).redirect();
            boolean vector = InterruptMessage.of(address, data).hasVector();
            boolean leftOut = false;
            for (int p = 0; p < 4; p++) {
                boolean inReach = (set >> p & 1) != 0;
                int expected = inReach && vector ? open.pending().get(p) : -1;
                leftOut |= !inReach && vector && open.pending().get(p) >= 0;
                if (!inReach || !toOne) {
                    assertThat(board.pending().get(p)).as("message %d", i).isEqualTo(expected);
                }
                assertThat(board.cores.get(p).events).isEmpty();
            }
            assertThat(messages.blocked() > 0 || vector && !leftOut).as("message %d", i).isTrue();
            board.drain();
            open.drain();
            open.cores.forEach(core -> core.events.clear());
        }
    }
}
