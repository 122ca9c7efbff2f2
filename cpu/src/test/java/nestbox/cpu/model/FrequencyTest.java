package nestbox.cpu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

import java.math.BigInteger;
import java.util.SplittableRandom;

class FrequencyTest {
    private static final long SEED = 0x5EED_0001;

    @Test
    void ticksAreTheFloorOfTheExactQuotient() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 10_000; i++) {
            long hertz = random.nextLong(1, 9_000_000_001L);
            long nanos = random.nextLong(0, 1L << random.nextInt(1, 60));
            BigInteger exact =
                    BigInteger.valueOf(nanos)
                            .multiply(BigInteger.valueOf(hertz))
                            .divide(BigInteger.valueOf(1_000_000_000));
            assertThat(Frequency.of(hertz).ticksIn(nanos))
                    .as("%d ns at %d Hz, seed %x", nanos, hertz, SEED)
                    .isEqualTo(exact.longValueExact());
        }
    }

    @Test
    void nanosUntilIsTheFirstNanosecondWithSoManyTicks() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 10_000; i++) {
            long hertz = random.nextLong(1_000_000, 9_000_000_001L);
            long ticks = random.nextLong(1, 1L << random.nextInt(1, 50));
            Frequency frequency = Frequency.of(hertz);
            long nanos = frequency.nanosUntil(ticks);
            assertThat(frequency.ticksIn(nanos))
                    .as("%d ticks at %d Hz, seed %x", ticks, hertz, SEED)
                    .isGreaterThanOrEqualTo(ticks);
            assertThat(frequency.ticksIn(nanos - 1)).isLessThan(ticks);
        }
    }

    @Test
    void timesBeyondTheRangeSaturate() {
        Frequency crystal = Frequency.of(24_000_000);
        assertThat(crystal.nanosUntil(-1)).isEqualTo(Long.MAX_VALUE);
        assertThat(crystal.nanosUntil(Long.MAX_VALUE)).isEqualTo(Long.MAX_VALUE);
        assertThat(Frequency.of(2_600_000_000L).nanosUntil(Long.MAX_VALUE)).isPositive();
    }

    @Test
    void refusesRatesWhoseProductsWouldOverflow() {
        assertThatIllegalArgumentException().isThrownBy(() -> Frequency.of(0));
        assertThatIllegalArgumentException().isThrownBy(() -> Frequency.of(10_000_000_000L));
    }
}
