package nestbox.x86;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

class CpuidTest {
    @Test
    void noBitBelongsToTwoFlags() {
        Set<List<Integer>> places = new HashSet<>();
        for (Cpuid flag : Cpuid.values()) {
            assertThat(
                            places.add(
                                    List.of(
                                            flag.leaf(),
                                            flag.subleaf(),
                                            flag.register().ordinal(),
                                            flag.bit())))
                    .as(flag.name())
                    .isTrue();
        }
    }

    @Test
    void flagIsFoundInItsRegister() {
        assertThat(Cpuid.SSE4_2.in(new int[] {0, 0, 1 << 20, 0})).isTrue();
        assertThat(Cpuid.SSE4_2.in(new int[] {-1, -1, ~(1 << 20), -1})).isFalse();
    }
}
