package nestbox.cpu.apic;

import static nestbox.cpu.apic.ApicRegister.*;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LocalApicTest {
    private static final int MASKED = 1 << 16;

    private final ApicBoard board = new ApicBoard(0, 1).enabled();
    private final LocalApic apic = board.apic();

    @Test
    void stateAfterReset() {
        ApicBoard fresh = new ApicBoard(3, 4);
        assertThat(fresh.apic().apicBase()).isEqualTo(0xFEE0_0900L);
        assertThat(fresh.apics.get(1).apicBase()).isEqualTo(0xFEE0_0800L);
        assertThat(fresh.apic().page()).isEqualTo(0xFEE0_0000L);
        assertThat(fresh.read(ID)).isEqualTo(3 << 24);
        assertThat(fresh.read(VERSION)).isEqualTo(0x0106_0015);
        assertThat(fresh.read(TASK_PRIORITY)).isZero();
        assertThat(fresh.read(LOGICAL_DESTINATION)).isZero();
        assertThat(fresh.read(DESTINATION_FORMAT)).isEqualTo(-1);
        assertThat(fresh.read(SPURIOUS_VECTOR)).isEqualTo(0xFF);
        assertThat(fresh.read(INITIAL_COUNT)).isZero();
        for (ApicRegister entry : new LocalVectorTable().registers()) {
            assertThat(fresh.read(entry)).as(entry.name()).isEqualTo(MASKED);
        }
    }

    @Test
    void highestPriorityComesFirst() {
        board.raise(0x31);
        board.raise(0xA7);
        board.raise(0xA2);
        assertThat(board.core().requested).isTrue();
        assertThat(apic.acknowledge()).isEqualTo(0xA7);
        assertThat(apic.highestPending()).as("same class waits").isEqualTo(-1);
        assertThat(board.core().requested).isFalse();
        assertThat(board.read(PROCESSOR_PRIORITY)).isEqualTo(0xA0);
        board.write(END_OF_INTERRUPT, 0);
        assertThat(apic.acknowledge()).isEqualTo(0xA2);
        board.raise(0xB0);
        assertThat(apic.acknowledge()).as("a higher class nests").isEqualTo(0xB0);
        board.write(END_OF_INTERRUPT, 0);
        board.write(END_OF_INTERRUPT, 0);
        assertThat(apic.acknowledge()).isEqualTo(0x31);
        board.write(END_OF_INTERRUPT, 0);
        assertThat(apic.highestPending()).isEqualTo(-1);
    }

    @Test
    void taskPriorityHoldsBackItsClassAndBelow() {
        board.raise(0x5F);
        board.write(TASK_PRIORITY, 0x50);
        assertThat(apic.highestPending()).isEqualTo(-1);
        assertThat(apic.acknowledge()).as("the spurious vector").isEqualTo(0xFF);
        assertThat(board.read(IN_SERVICE)).isZero();
        board.write(TASK_PRIORITY, 0x4F);
        assertThat(board.read(PROCESSOR_PRIORITY)).isEqualTo(0x4F);
        assertThat(apic.highestPending()).isEqualTo(0x5F);
    }

    @Test
    void cr8IsTheClassOfTheTaskPriority() {
        board.write(TASK_PRIORITY, 0x9C);
        assertThat(apic.taskPriority()).isEqualTo(9);
        apic.setTaskPriority(3);
        assertThat(board.read(TASK_PRIORITY)).isEqualTo(0x30);
    }

    @Test
    void aVectorIsRequestedOnceWhileItWaits() {
        board.raise(0x40);
        board.raise(0x40);
        assertThat(apic.acknowledge()).isEqualTo(0x40);
        board.raise(0x40);
        board.write(END_OF_INTERRUPT, 0);
        assertThat(apic.acknowledge()).as("one may wait behind one in service").isEqualTo(0x40);
        board.write(END_OF_INTERRUPT, 0);
        assertThat(apic.highestPending()).isEqualTo(-1);
    }

    @Test
    void registersShowRequestServiceAndTriggerMode() {
        board.bus.message(0xFEE0_0000L, 0x8000 | 0x4000 | 0x63);
        assertThat(apic.read(INTERRUPT_REQUEST.offset() + 0x30, 4)).isEqualTo(1 << 3);
        assertThat(apic.read(TRIGGER_MODE.offset() + 0x30, 4)).isEqualTo(1 << 3);
        apic.acknowledge();
        assertThat(apic.read(INTERRUPT_REQUEST.offset() + 0x30, 4)).isZero();
        assertThat(apic.read(IN_SERVICE.offset() + 0x30, 4)).isEqualTo(1 << 3);
    }

    @Test
    void endOfALevelTriggeredInterruptIsBroadcast() {
        board.bus.message(0xFEE0_0000L, 0x8000 | 0x63);
        board.raise(0x75);
        apic.acknowledge();
        board.write(END_OF_INTERRUPT, 0);
        assertThat(board.ends).as("an edge").isEmpty();
        apic.acknowledge();
        board.write(END_OF_INTERRUPT, 0);
        assertThat(board.ends).containsExactly(0x63);
        board.write(END_OF_INTERRUPT, 0);
        assertThat(board.ends).as("nothing in service").hasSize(1);
    }

    @Test
    void broadcastCanBeSuppressed() {
        board.write(SPURIOUS_VECTOR, 0x11FF);
        board.bus.message(0xFEE0_0000L, 0x8000 | 0x63);
        apic.acknowledge();
        board.write(END_OF_INTERRUPT, 0);
        assertThat(board.ends).isEmpty();
        assertThat(board.read(IN_SERVICE)).isZero();
    }

    @Test
    void softwareDisableMasksTheTableAndRefusesInterruptsButKeepsThoseAccepted() {
        board.write(LVT_ERROR, 0x55);
        board.raise(0x40);
        board.write(SPURIOUS_VECTOR, 0xFF);
        assertThat(board.read(LVT_ERROR)).isEqualTo(MASKED | 0x55);
        board.write(LVT_ERROR, 0x55);
        assertThat(board.read(LVT_ERROR)).isEqualTo(MASKED | 0x55);
        board.raise(0x50);
        assertThat(apic.highestPending()).isEqualTo(0x40);
        board.bus.message(0xFEE0_0000L, 4 << 8);
        assertThat(board.core().events).containsExactly("nmi");
    }

    @Test
    void errorsShowAfterAWriteToTheirRegister() {
        board.write(LVT_ERROR, 0xFE);
        board.raise(0x0F);
        assertThat(board.read(ERROR_STATUS)).isZero();
        assertThat(apic.acknowledge()).isEqualTo(0xFE);
        board.write(END_OF_INTERRUPT, 0);
        apic.read(0x3A0, 4);
        assertThat(apic.highestPending()).as("not armed again yet").isEqualTo(-1);
        board.write(ERROR_STATUS, 0);
        assertThat(board.read(ERROR_STATUS)).isEqualTo(0xC0);
        board.write(ERROR_STATUS, 0);
        assertThat(board.read(ERROR_STATUS)).isZero();
        apic.write(0x10, 4, 1);
        assertThat(apic.highestPending()).isEqualTo(0xFE);
    }

    @Test
    void illegalErrorVectorIsAnErrorItself() {
        board.write(LVT_ERROR, 3);
        apic.read(0xFF0, 4);
        board.write(ERROR_STATUS, 0);
        assertThat(board.read(ERROR_STATUS)).isEqualTo(0xC0);
        assertThat(apic.highestPending()).isEqualTo(-1);
    }

    @Test
    void oddAccessesReadBytesAndDropWrites() {
        board.write(TASK_PRIORITY, 0x7B);
        assertThat(apic.read(0x81, 1)).isZero();
        assertThat(apic.read(0x80, 1)).isEqualTo(0x7B);
        assertThat(apic.read(0x33, 1)).isEqualTo(0x01);
        assertThat(apic.read(0x30, 8)).isEqualTo(0x0106_0015L);
        assertThat(apic.read(0x84, 4)).isZero();
        apic.write(0x80, 1, 0x10);
        apic.write(0x84, 4, 0x10);
        assertThat(board.read(TASK_PRIORITY)).isEqualTo(0x7B);
        apic.write(0x80, 8, 0x20);
        assertThat(board.read(TASK_PRIORITY)).isEqualTo(0x20);
    }

    @Test
    void lint0CarriesThe8259() {
        apic.lint0().set(true);
        assertThat(apic.extIntPending()).as("masked").isFalse();
        board.write(LVT_LINT0, 0x700);
        assertThat(apic.extIntPending()).isTrue();
        assertThat(board.core().requested).isTrue();
        board.write(TASK_PRIORITY, 0xFF);
        assertThat(apic.extIntPending()).as("no priority").isTrue();
        board.extIntVector = 0x38;
        assertThat(apic.acknowledgeExtInt()).isEqualTo(0x38);
        apic.lint0().set(false);
        assertThat(board.core().requested).isFalse();
    }

    @Test
    void extIntMessageWaitsForItsAcknowledge() {
        board.bus.message(0xFEE0_0000L, 7 << 8);
        assertThat(apic.extIntPending()).isTrue();
        assertThat(apic.acknowledgeExtInt()).isEqualTo(0x20);
        assertThat(apic.extIntPending()).isFalse();
        assertThat(board.core().requested).isFalse();
    }

    @Test
    void levelOnLint0ComesAgainUntilItIsServed() {
        board.write(LVT_LINT0, 0x8000 | 0x45);
        apic.lint0().set(true);
        assertThat(board.read(LVT_LINT0)).isEqualTo(0x8000 | 0x4000 | 0x45);
        assertThat(apic.acknowledge()).isEqualTo(0x45);
        assertThat(apic.highestPending()).isEqualTo(-1);
        board.write(END_OF_INTERRUPT, 0);
        assertThat(apic.acknowledge()).isEqualTo(0x45);
        apic.lint0().set(false);
        board.write(END_OF_INTERRUPT, 0);
        assertThat(board.read(LVT_LINT0)).isEqualTo(0x8000 | 0x45);
        assertThat(apic.highestPending()).isEqualTo(-1);
    }

    @Test
    void pinsHaveEdgesAndPolarity() {
        board.write(LVT_LINT1, 0x2000 | 0x46);
        apic.lint1().set(true);
        assertThat(apic.highestPending()).isEqualTo(-1);
        apic.lint1().set(false);
        assertThat(apic.highestPending()).isEqualTo(0x46);
        board.write(LVT_LINT1, 0x400);
        apic.lint1().pulse();
        apic.lint1().set(false);
        board.write(LVT_LINT1, 0x200);
        apic.lint1().pulse();
        board.write(LVT_LINT1, 0x500);
        apic.lint1().pulse();
        assertThat(board.core().events).containsExactly("nmi", "smi", "init");
    }

    @Test
    void disabledApicIsJustTwoPins() {
        assertThat(apic.writeApicBase(0xFEE0_0100L)).isTrue();
        assertThat(apic.page()).isEqualTo(-1);
        apic.lint0().set(true);
        assertThat(apic.extIntPending()).isTrue();
        apic.lint1().pulse();
        board.raise(0x40);
        assertThat(apic.highestPending()).isEqualTo(-1);
        assertThat(board.core().events).containsExactly("base", "nmi");
    }

    @Test
    void virtualWireModeIsWhatFirmwareLeaves() {
        ApicBoard fresh = new ApicBoard(0, 1);
        fresh.apics.forEach(LocalApic::enterVirtualWireMode);
        assertThat(fresh.read(LVT_LINT0)).isEqualTo(0x700);
        assertThat(ApicBoard.read(fresh.apics.get(1), LVT_LINT0)).isEqualTo(MASKED);
        assertThat(ApicBoard.read(fresh.apics.get(1), LVT_LINT1)).isEqualTo(0x400);
        fresh.apics.forEach(apic -> apic.lint0().set(true));
        assertThat(fresh.apic().extIntPending()).isTrue();
        assertThat(fresh.apics.get(1).extIntPending()).isFalse();
    }

    @Test
    void initKeepsIdAndMode() {
        board.write(ID, 9 << 24);
        board.write(TASK_PRIORITY, 0x40);
        board.raise(0x90);
        apic.init();
        assertThat(board.read(ID)).isEqualTo(9 << 24);
        assertThat(board.read(TASK_PRIORITY)).isZero();
        assertThat(board.read(SPURIOUS_VECTOR)).isEqualTo(0xFF);
        assertThat(board.core().requested).isFalse();
        apic.reset();
        assertThat(board.read(ID)).isZero();
    }

    @Test
    void performanceInterruptMasksItsEntry() {
        board.write(LVT_PERFORMANCE, 0x400);
        apic.performanceInterrupt();
        apic.performanceInterrupt();
        assertThat(board.core().events).containsExactly("nmi");
        assertThat(board.read(LVT_PERFORMANCE)).isEqualTo(MASKED | 0x400);
    }

    @Test
    void thermalAndMachineCheckEntriesDeliver() {
        board.write(LVT_THERMAL, 0xFA);
        board.write(LVT_CMCI, 0xF9);
        apic.thermalInterrupt();
        apic.correctedMachineCheckInterrupt();
        assertThat(apic.acknowledge()).isEqualTo(0xFA);
        board.write(END_OF_INTERRUPT, 0);
        assertThat(apic.acknowledge()).isEqualTo(0xF9);
    }

    @Test
    void absentMachineCheckEntryIsReserved() {
        ApicConfiguration plain =
                new ApicConfiguration(0, true, 39, ApicBoard.CRYSTAL, false, false, false, false);
        LocalApic old = new LocalApic(plain, board.bus, board.clock, new StoppedTsc());
        assertThat(ApicBoard.read(old, VERSION)).isEqualTo(0x0005_0015);
        ApicBoard.write(old, LVT_CMCI, 0x30);
        ApicBoard.write(old, ERROR_STATUS, 0);
        assertThat(ApicBoard.read(old, ERROR_STATUS)).isEqualTo(0x80);
        ApicBoard.write(old, SPURIOUS_VECTOR, 0x11FF);
        assertThat(ApicBoard.read(old, SPURIOUS_VECTOR)).isEqualTo(0x1FF);
        ApicBoard.write(old, LVT_TIMER, 0x4_0030);
        assertThat(ApicBoard.read(old, LVT_TIMER)).isEqualTo(0x30);
        assertThat(old.writeApicBase(0xFEE0_0D00L)).isFalse();
    }

    private record StoppedTsc() implements TscClock {
        @Override
        public long tsc() {
            return 0;
        }

        @Override
        public long nanosAt(long tsc) {
            return Long.MAX_VALUE;
        }
    }
}
