package nestbox.cpu.apic;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.SplittableRandom;

class LocalApicFuzzTest {
    private static final long SEED = 0x5EED_0004;

    @Test
    void nothingThatAGuestDoesThrowsOrStalls() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int run = 0; run < 40; run++) {
            ApicBoard board = new ApicBoard(0, 1, 5);
            for (int i = 0; i < 2_000; i++) {
                LocalApic apic = board.apics.get(random.nextInt(3));
                act(board, apic, random);
                checkPromises(board);
            }
        }
    }

    @Test
    void restoredApicBehavesAsTheSavedOne() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int run = 0; run < 40; run++) {
            ApicBoard board = new ApicBoard(0, 1, 5);
            for (int i = 0; i < 200; i++) {
                act(board, board.apics.get(random.nextInt(3)), random);
            }
            ApicBoard copy = new ApicBoard(0, 1, 5);
            copy.clock.advanceTo(board.clock.nanos());
            for (int i = 0; i < 3; i++) {
                copy.apics.get(i).restore(board.apics.get(i).save());
            }
            SplittableRandom one = new SplittableRandom(SEED + run);
            SplittableRandom two = new SplittableRandom(SEED + run);
            for (int i = 0; i < 200; i++) {
                act(board, board.apics.get(one.nextInt(3)), one);
                act(copy, copy.apics.get(two.nextInt(3)), two);
                for (int n = 0; n < 3; n++) {
                    assertThat(copy.apics.get(n).save())
                            .as("seed %x, run %d, step %d", SEED, run, i)
                            .isEqualTo(board.apics.get(n).save());
                }
            }
        }
    }

    private static void act(ApicBoard board, LocalApic apic, SplittableRandom random) {
        int value = random.nextInt() & random.nextInt();
        switch (random.nextInt(16)) {
            case 0, 1, 2 -> apic.write(random.nextInt(0x400) & ~0xF, 4, value & 0xFFFF_FFFFL);
            case 3, 4 -> apic.writeMsr(0x800 + random.nextInt(0x100), value & 0x7_FFFFL);
            case 5 -> apic.read(random.nextInt(0x1000), 1 << random.nextInt(4));
            case 6 -> apic.readMsr(0x800 + random.nextInt(0x100));
            case 7 -> apic.writeApicBase(0xFEE0_0000L | (long) random.nextInt(16) << 8);
            case 8 -> board.bus.message(0xFEE0_0000L | value & 0xF_F00C, random.nextInt(0x10000));
            case 9 -> apic.lint0().set(random.nextBoolean());
            case 10 -> apic.lint1().set(random.nextBoolean());
            case 11 -> {
                if (apic.highestPending() >= 0) {
                    apic.acknowledge();
                }
            }
            case 12 -> ApicBoard.write(apic, ApicRegister.END_OF_INTERRUPT, 0);
            case 13 -> ApicBoard.write(apic, ApicRegister.SPURIOUS_VECTOR, 0x1FF);
            case 14 -> apic.setTscDeadline(board.clock.nanos() * 13 / 5 + value);
            default -> board.clock.advanceTo(board.clock.nanos() + random.nextInt(100_000));
        }
    }

    private static void checkPromises(ApicBoard board) {
        for (int i = 0; i < board.apics.size(); i++) {
            LocalApic apic = board.apics.get(i);
            int pending = apic.highestPending();
            assertThat(board.cores.get(i).requested)
                    .as("seed %x", SEED)
                    .isEqualTo(pending >= 0 || apic.extIntPending());
            assertThat(pending < 0 || pending > 15).isTrue();
            if (apic.mode() != ApicMode.DISABLED && pending >= 0) {
                int priority = ApicBoard.read(apic, ApicRegister.PROCESSOR_PRIORITY);
                assertThat(pending >> 4).isGreaterThan(priority >> 4);
            }
        }
    }
}
