package nestbox.cpu.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import nestbox.cpu.Stepper;
import nestbox.cpu.core.GuestFault;
import nestbox.x86.Msr;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MsrsTest {
    private static final int POWER_CTL = Msr.MSR_POWER_CTL.number();
    private static final long C1E = 1 << 1;

    private final Stepper stepper = new Stepper(true);
    private final Msrs msrs = stepper.cpu.msrs;

    @AfterEach
    void close() {
        stepper.close();
    }

    @Test
    void firmwareLeavesC1eOnAndAnOperatingSystemTurnsItOff() {
        assertThat(msrs.read(POWER_CTL)).isEqualTo(C1E);

        msrs.write(POWER_CTL, msrs.read(POWER_CTL) & ~C1E);

        assertThat(msrs.read(POWER_CTL)).isZero();
    }

    @Test
    void powerControlHasReservedBits() {
        assertThatExceptionOfType(GuestFault.class)
                .isThrownBy(() -> msrs.write(POWER_CTL, 1L << 63));

        assertThat(msrs.read(POWER_CTL)).isEqualTo(C1E);
    }
}
