package nestbox.x86.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.vmx.VmcsField.Area;
import nestbox.x86.vmx.VmcsField.Width;

import org.junit.jupiter.api.Test;

import java.util.HashSet;
import java.util.Set;

class VmcsFieldTest {
    @Test
    void noEncodingBelongsToTwoFields() {
        Set<Integer> seen = new HashSet<>();
        for (VmcsField field : VmcsField.values()) {
            assertThat(seen.add(field.encoding())).as("%s", field).isTrue();
        }
    }

    @Test
    void rowsAreInTheOrderOfTheManual() {
        Width width = Width.BITS_16;
        int last = -1;
        for (VmcsField field : VmcsField.values()) {
            if (field.width() != width) {
                width = field.width();
            }
            assertThat(field.encoding()).as("%s", field).isGreaterThan(last);
            last = field.encoding();
        }
    }

    @Test
    void theEncodingSaysWidthAreaAndIndex() {
        assertThat(VmcsField.GUEST_RIP.width()).isEqualTo(Width.NATURAL);
        assertThat(VmcsField.GUEST_RIP.area()).isEqualTo(Area.GUEST_STATE);
        assertThat(VmcsField.GUEST_RIP.index()).isEqualTo(15);
        assertThat(VmcsField.HOST_TR_SELECTOR.width()).isEqualTo(Width.BITS_16);
        assertThat(VmcsField.HOST_TR_SELECTOR.area()).isEqualTo(Area.HOST_STATE);
        assertThat(VmcsField.PREEMPTION_TIMER_VALUE.index()).isEqualTo(23);
        assertThat(VmcsField.EPT_POINTER.width()).isEqualTo(Width.BITS_64);
        assertThat(VmcsField.EXIT_REASON.width()).isEqualTo(Width.BITS_32);
        assertThat(VmcsField.EXIT_REASON.isReadOnly()).isTrue();
        assertThat(VmcsField.EPT_POINTER.isReadOnly()).isFalse();
    }

    @Test
    void everyOperandFindsItsFieldAndNoOther() {
        for (long operand = 0; operand < 1 << 17; operand++) {
            long encoding = operand;
            boolean known = false;
            for (VmcsField field : VmcsField.values()) {
                boolean high = field.width() == Width.BITS_64 && encoding == field.encoding() + 1L;
                if (encoding == field.encoding() || high) {
                    known = true;
                    assertThat(VmcsField.of(encoding)).contains(field);
                }
            }
            if (!known) {
                assertThat(VmcsField.of(encoding)).as("%X", encoding).isEmpty();
            }
        }
        assertThat(VmcsField.of(0x1_0000_681EL)).isEmpty();
        assertThat(VmcsField.of(-1)).isEmpty();
    }

    @Test
    void onlyOddEncodingsMeanUpperHalves() {
        assertThat(VmcsField.isHigh(0x2001)).isTrue();
        assertThat(VmcsField.isHigh(0x2000)).isFalse();
        assertThat(VmcsField.of(0x681F)).isEmpty();
    }

    @Test
    void familiesFollowEachOther() {
        assertThat(VmcsField.GUEST_ES_SELECTOR.plus(7)).isEqualTo(VmcsField.GUEST_TR_SELECTOR);
        assertThat(VmcsField.GUEST_PDPTE0.plus(3)).isEqualTo(VmcsField.GUEST_PDPTE3);
    }
}
