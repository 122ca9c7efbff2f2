package nestbox.hypervisor.devicemodel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

class VmCreationTest {
    private static final UUID IDENTITY = UUID.fromString("d2795438-25d6-11e8-864e-cb7a18b34643");

    private static VmCreation named(String name) {
        ByteBuffer structure = ServiceMemory.structure(VmCreation.SIZE);
        structure.put(8, name.getBytes(StandardCharsets.US_ASCII));
        structure.putLong(24, 0x12);
        structure.putLong(40, 0xC);
        return VmCreation.of(structure);
    }

    @Test
    void aVmIsNamedByTheBytesOfItsUuidInTheOrderOfTheText() {
        ByteBuffer structure = ServiceMemory.structure(VmCreation.SIZE);
        structure.put(8, new byte[] {(byte) 0xD2, 0x79, 0x54, 0x38, 0x25, (byte) 0xD6, 0x11});
        structure.put(15, new byte[] {(byte) 0xE8, (byte) 0x86, 0x4E, (byte) 0xCB, 0x7A, 0x18});
        structure.put(21, new byte[] {(byte) 0xB3, 0x46, 0x43});

        assertThat(VmCreation.of(structure).isFor(IDENTITY)).isTrue();
        assertThat(named("launched").isFor(IDENTITY)).isFalse();
    }

    @Test
    void aVmIsNamedByItsName() {
        assertThat(named("launched").isFor("launched")).isTrue();
        assertThat(named("launched").isFor("launche")).isFalse();
        assertThat(named("launched").isFor("launched2")).isFalse();
        assertThat(named("").isFor("")).isFalse();
    }

    @Test
    void ofALongNameTheFirstBytesCount() {
        assertThat(named("sixteen bytes it").isFor("sixteen bytes it is")).isTrue();
    }

    @Test
    void flagsAndProcessorsAreWhereTheDeviceModelHasThem() {
        assertThat(named("x").flags()).isEqualTo(0x12);
        assertThat(named("x").affinity()).isEqualTo(0xC);
    }

    @Test
    void theAnswerIsInTheStructure() {
        ByteBuffer structure = ServiceMemory.structure(VmCreation.SIZE);
        VmCreation.created(structure, 2, 3);
        assertThat(structure.getShort(0)).isEqualTo((short) 2);
        assertThat(structure.getShort(4)).isEqualTo((short) 3);
        VmCreation.refused(structure);
        assertThat(structure.getShort(0)).isEqualTo((short) 0xFFFF);
    }
}
