package nestbox.devices.acpi;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.platform.BoardControl;

import org.junit.jupiter.api.Test;

class SleepControlTest {
    private int powerOffs;

    private final SleepControl sleep =
            new SleepControl(
                    new BoardControl() {
                        @Override
                        public void reset() {
                            throw new AssertionError("reset");
                        }

                        @Override
                        public void powerOff() {
                            powerOffs++;
                        }

                        @Override
                        public void exit(int code) {
                            throw new AssertionError("exit");
                        }
                    });

    @Test
    void enablingTheOffStateSwitchesThePowerOff() {
        sleep.write(0x400, 5 << 2);
        assertThat(powerOffs).isZero();
        sleep.write(0x400, 1 << 5 | 5 << 2);
        assertThat(powerOffs).isEqualTo(1);
        assertThat(sleep.read(0x400)).as("SLP_EN reads as zero").isEqualTo(5 << 2);
    }

    @Test
    void otherStatesAndTheStatusRegisterDoNothing() {
        for (int type = 0; type < 8; type++) {
            if (type != 5) {
                sleep.write(0x400, 1 << 5 | type << 2);
            }
        }
        sleep.write(0x401, 1 << 5 | 5 << 2);
        assertThat(powerOffs).isZero();
        assertThat(sleep.read(0x401)).isZero();
    }

    @Test
    void stateIsKept() {
        sleep.write(0x400, 3 << 2);
        SleepControl.State state = sleep.save();
        sleep.reset();
        assertThat(sleep.read(0x400)).isZero();
        sleep.restore(state);
        assertThat(sleep.read(0x400)).isEqualTo(3 << 2);
    }
}
