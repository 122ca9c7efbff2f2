package nestbox.x86;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.HashMap;
import java.util.Map;

class MsrTest {
    @Test
    void noNumberBelongsToTwoRows() {
        Map<Integer, Msr> seen = new HashMap<>();
        for (Msr msr : Msr.values()) {
            for (int i = 0; i < msr.count(); i++) {
                assertThat(seen.put(msr.number(i), msr)).as("%s %d", msr, i).isNull();
            }
        }
    }

    @Test
    void everyNumberOfARowLeadsBackToIt() {
        for (Msr msr : Msr.values()) {
            for (int i = 0; i < msr.count(); i++) {
                assertThat(Msr.of(msr.number(i))).contains(msr);
                assertThat(msr.index(msr.number(i))).isEqualTo(i);
            }
        }
    }

    @Test
    void numbersBetweenRowsAreUnknown() {
        assertThat(Msr.of(0x2)).isEmpty();
        assertThat(Msr.of(0x214)).isEmpty();
        assertThat(Msr.of(0x900)).isEmpty();
        assertThat(Msr.of(0xC000_0085)).isEmpty();
        assertThat(Msr.of(-1)).isEmpty();
    }

    @Test
    void familiesAreNumberedAsInTheManual() {
        assertThat(Msr.IA32_MTRR_PHYSMASK.number(9)).isEqualTo(0x213);
        assertThat(Msr.IA32_MC_STATUS.number(3)).isEqualTo(0x40D);
        assertThat(Msr.IA32_MTRR_FIX4K.number(7)).isEqualTo(0x26F);
        assertThat(Msr.IA32_X2APIC.number(0x30)).isEqualTo(0x830);
    }

    @Test
    void basesAndEntryPointsMustBeCanonical() {
        assertThat(Msr.IA32_LSTAR.isAddress()).isTrue();
        assertThat(Msr.IA32_KERNEL_GS_BASE.isAddress()).isTrue();
        assertThat(Msr.IA32_SYSENTER_EIP.isAddress()).isTrue();
        assertThat(Msr.IA32_EFER.isAddress()).isFalse();
    }
}
