package nestbox.platform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

import java.math.BigInteger;
import java.util.SplittableRandom;

class FrequencyTest {
    private static final long SEED = 0x5EED_F4E9L;

    @Test
    void ticksAreTheFloorOfTheExactQuotient() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 10_000; i++) {
            Frequency frequency = new Frequency(hertz(random));
            long nanos = random.nextLong(Long.MAX_VALUE) >>> random.nextInt(4, 40);
            BigInteger exact =
                    BigInteger.valueOf(nanos)
                            .multiply(BigInteger.valueOf(frequency.hertz()))
                            .divide(BigInteger.valueOf(1_000_000_000));
            assertThat(frequency.ticks(nanos))
                    .as("%d ns at %s, seed %x", nanos, frequency, SEED)
                    .isEqualTo(exact.longValueExact());
        }
    }

    @Test
    void nanosIsTheFirstMomentWithSoManyTicks() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 10_000; i++) {
            Frequency frequency = new Frequency(hertz(random));
            long tick = random.nextLong(1, frequency.hertz() * 1_000_000);
            long nanos = frequency.nanos(tick);
            assertThat(frequency.ticks(nanos))
                    .as("tick %d at %s, seed %x", tick, frequency, SEED)
                    .isGreaterThanOrEqualTo(tick);
            assertThat(frequency.ticks(nanos - 1)).isLessThan(tick);
        }
    }

    @Test
    void timeBeforeTheFirstTickIsNegative() {
        Frequency frequency = new Frequency(32_768);
        assertThat(frequency.ticks(-1)).isEqualTo(-1);
        assertThat(frequency.ticks(frequency.nanos(-5))).isEqualTo(-5);
    }

    @Test
    void aTickBeyondTheEndOfTimeNeverComes() {
        assertThat(new Frequency(1).nanos(Long.MAX_VALUE / 2)).isEqualTo(Long.MAX_VALUE);
        assertThat(new Frequency(24_000_000).nanos(Long.MAX_VALUE)).isEqualTo(Long.MAX_VALUE);
        assertThat(new Frequency(2_600_000_000L).nanos(Long.MAX_VALUE))
                .isEqualTo(3_547_450_783_405_683_003L);
    }

    @Test
    void ratesWhoseProductsWouldOverflowAreRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> new Frequency(0));
        assertThatIllegalArgumentException().isThrownBy(() -> new Frequency(9_000_000_001L));
    }

    /// From those of real-time clocks to those of time-stamp counters.
    private static long hertz(SplittableRandom random) {
        return random.nextLong(1, random.nextBoolean() ? 200_000_000 : 9_000_000_001L);
    }
}
