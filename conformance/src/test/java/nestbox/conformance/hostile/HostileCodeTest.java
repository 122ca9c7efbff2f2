package nestbox.conformance.hostile;

import nestbox.cpu.StartState;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/// Random code in every mode: nothing is thrown, every run comes to its end, nothing outside the
/// board changes.
@Timeout(value = 15, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HostileCodeTest {
    private static final long SEED = Long.getLong("nestbox.fuzz.seed", 0x5EED_0BAD);
    private static final int CASES = Integer.getInteger("nestbox.fuzz.cases", 3_000);

    /// 8,000 instructions.
    private static final long NANOS = 40_000;

    private static final int CASES_PER_CHECK = 500;

    @Test
    void noCodeBreaksTheBoard() throws IOException {
        System.out.printf("%d cases of seed %x%n", CASES, SEED);
        try (Victim victim = new Victim(2, List.of())) {
            for (int number = 0; number < CASES; number++) {
                run(victim, number);
                if (number % CASES_PER_CHECK == CASES_PER_CHECK - 1) {
                    victim.checkSurroundings();
                }
            }
            victim.checkSurroundings();
        }
    }

    private static void run(Victim victim, int number) {
        try {
            victim.reset();
            SplittableRandom random = new SplittableRandom(SEED + number);
            StartState start = HostileGuest.prepare(random, victim.memory());
            victim.run(start, NANOS);
        } catch (RuntimeException | Error e) {
            throw new AssertionError("case %d of seed %x".formatted(number, SEED), e);
        }
    }
}
