package nestbox.cpu.apic;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.BitSet;
import java.util.SplittableRandom;

class VectorsTest {
    private static final long SEED = 0x5EED_0003;

    @Test
    void behavesAsASetOfBits() {
        SplittableRandom random = new SplittableRandom(SEED);
        BitSet expected = new BitSet(256);
        Vectors vectors = new Vectors();
        for (int i = 0; i < 10_000; i++) {
            int vector = random.nextInt(256);
            if (random.nextInt(3) == 0) {
                expected.set(vector);
                vectors.add(vector);
            } else {
                expected.clear(vector);
                vectors.remove(vector);
            }
            assertThat(vectors.highest()).as("seed %x", SEED).isEqualTo(expected.length() - 1);
            int other = random.nextInt(256);
            assertThat(vectors.contains(other)).isEqualTo(expected.get(other));
            assertThat(vectors.register(other >> 5) >>> (other & 31) & 1)
                    .isEqualTo(expected.get(other) ? 1 : 0);
        }
    }
}
