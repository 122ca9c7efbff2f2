package nestbox.x86.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ControlWordTest {
    @Test
    void noBitOfAWordHasTwoNames() {
        for (ControlWord word : ControlWord.values()) {
            long seen = 0;
            for (VmxControl control : word.controls()) {
                assertThat(control.word()).isEqualTo(word);
                assertThat(seen & control.mask()).as("%s", control).isZero();
                seen |= control.mask();
            }
        }
    }

    @Test
    void bitsWithoutMeaningStay1WhereTheyWereFirst1() {
        assertThat(ControlWord.PIN_BASED.reserved1()).isEqualTo(0x16);
        assertThat(ControlWord.PRIMARY.reserved1()).isEqualTo(0x0400_6172);
        assertThat(ControlWord.PRIMARY_EXIT.reserved1()).isEqualTo(0x3_6DFB);
        assertThat(ControlWord.ENTRY.reserved1()).isEqualTo(0x11FB);
    }

    @Test
    void aWordIsActivatedByAnEarlierOne() {
        for (ControlWord word : ControlWord.values()) {
            word.activation().ifPresent(control -> assertThat(control.word()).isLessThan(word));
        }
    }

    @Test
    void everyWordHasAFieldThatExistsWhenItCanBeActivated() {
        for (ControlWord word : ControlWord.values()) {
            word.activation()
                    .ifPresent(control -> assertThat(word.field().controls()).contains(control));
        }
    }
}
