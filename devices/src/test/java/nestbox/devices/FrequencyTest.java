package nestbox.devices;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.math.BigInteger;
import java.util.SplittableRandom;

class FrequencyTest {
    private static final long SEED = 0x5EED_F4E9L;

    @Test
    void ticksAreExactAtAnyTime() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 2000; i++) {
            Frequency frequency = new Frequency(random.nextLong(1, 200_000_000));
            long nanos = random.nextLong(Long.MAX_VALUE) >>> random.nextInt(40);
            BigInteger exact =
                    BigInteger.valueOf(nanos)
                            .multiply(BigInteger.valueOf(frequency.hertz()))
                            .divide(BigInteger.valueOf(1_000_000_000));
            assertThat(frequency.ticks(nanos)).as("seed %x", SEED).isEqualTo(exact.longValue());
        }
    }

    @Test
    void nanosIsTheFirstMomentOfATick() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 2000; i++) {
            Frequency frequency = new Frequency(random.nextLong(1, 200_000_000));
            long tick = random.nextLong(1, frequency.hertz() * 1_000_000);
            long nanos = frequency.nanos(tick);
            assertThat(frequency.ticks(nanos)).as("seed %x", SEED).isEqualTo(tick);
            assertThat(frequency.ticks(nanos - 1)).as("seed %x", SEED).isEqualTo(tick - 1);
        }
    }

    @Test
    void aTickBeyondTheEndOfTimeNeverComes() {
        assertThat(new Frequency(1).nanos(Long.MAX_VALUE / 2)).isEqualTo(Long.MAX_VALUE);
    }
}
