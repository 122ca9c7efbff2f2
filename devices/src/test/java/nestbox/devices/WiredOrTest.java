package nestbox.devices;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.platform.IrqLine;

import org.junit.jupiter.api.Test;

class WiredOrTest {
    @Test
    void isAssertedWhileAnySourceIs() {
        Wire pin = new Wire();
        WiredOr or = new WiredOr(pin);
        IrqLine a = or.source();
        IrqLine b = or.source();
        a.set(true);
        a.set(true);
        b.set(true);
        a.set(false);
        assertThat(pin.asserted).isTrue();
        b.set(false);
        assertThat(pin.asserted).isFalse();
        assertThat(pin.rises).isEqualTo(1);
    }
}
