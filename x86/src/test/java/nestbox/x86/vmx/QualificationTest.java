package nestbox.x86.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.SplittableRandom;
import java.util.function.LongUnaryOperator;

/// Layouts: what is read from a field is what was written to it, and only defined bits are.
class QualificationTest {
    private static final long SEED = 3;

    private static void keeps(long defined, LongUnaryOperator roundTrip) {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 2000; i++) {
            long field = random.nextLong() & defined;
            assertThat(roundTrip.applyAsLong(field))
                    .as("seed %d: %X", SEED, field)
                    .isEqualTo(field);
        }
    }

    @Test
    void controlRegisterAccess() {
        keeps(0xFFFF_0F7FL, field -> CrQualification.of(field).toLong());
        assertThat(CrQualification.of(0x314).generalRegister()).isEqualTo(3);
        assertThat(CrQualification.of(0x314).access())
                .isEqualTo(CrQualification.Access.MOV_FROM_CR);
        assertThat(CrQualification.ofLmsw(true, 0xFFF1).toLong()).isEqualTo(0xFFF1_0070L);
    }

    @Test
    void debugRegisterAccess() {
        keeps(0xF17, field -> DrQualification.of(field).toLong());
    }

    @Test
    void inputAndOutput() {
        keeps(0xFFFF_007FL, field -> IoQualification.of(field).toLong());
        assertThat(new IoQualification(1, false, false, false, true, 0x80).toLong())
                .isEqualTo(0x80_0040);
    }

    @Test
    void taskSwitch() {
        keeps(0xC000_FFFFL, field -> TaskSwitchQualification.of(field).toLong());
    }

    @Test
    void apicAccess() {
        keeps(0x1_3FFF, field -> ApicAccessQualification.of(field).toLong());
        keeps(0x1_0FFF, field -> ApicAccessQualification.of(field | 0xF000).toLong() & ~0xF000L);
    }

    @Test
    void eptViolation() {
        keeps(-1, field -> EptViolationQualification.of(field).toLong());
        EptViolationQualification write = EptViolationQualification.of(0x18A);
        assertThat(write.isWrite()).isTrue();
        assertThat(write.isRead()).isFalse();
        assertThat(write.permissions()).isEqualTo(1);
        assertThat(write.isTranslation()).isTrue();
    }

    @Test
    void interruption() {
        keeps(0x8000_1FFFL, field -> InterruptionInformation.of(field).toLong());
        assertThat(
                        InterruptionInformation.of(InterruptionType.HARDWARE_EXCEPTION, 14)
                                .withErrorCode()
                                .toLong())
                .isEqualTo(0x8000_0B0EL);
    }

    @Test
    void instruction() {
        // A part that isn't there has its "invalid" bit alone.
        keeps(
                0xFFFF_9FFBL & ~(1L << 22 | 1L << 27),
                field -> InstructionInformation.of(field).toLong());
        keeps(
                0xF003_9FFBL,
                field -> InstructionInformation.of(field | 0x840_0000).toLong() & ~0x840_0000L);
        assertThat(InstructionInformation.of(1 << 22).index())
                .isEqualTo(InstructionInformation.NONE);
        assertThat(InstructionInformation.size(8)).isEqualTo(2);
    }

    @Test
    void eptPointer() {
        keeps(0x000F_FFFF_FFFF_F07FL, field -> EptPointer.of(field).toLong());
        assertThat(EptPointer.of(0x1234_505EL).walkLength()).isEqualTo(4);
    }
}
