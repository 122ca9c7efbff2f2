package nestbox.cpu.entry;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Msr;

import org.junit.jupiter.api.Test;

import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;

class MsrAreasTest {
    private static final long AREA = 0x1000;
    private static final int LONGEST = 512;

    private final Setup memory = new Setup();
    private final Map<Integer, Long> registers = new HashMap<>();

    /// Registers that take any value but -1.
    private final MsrAccess msrs =
            new MsrAccess() {
                @Override
                public OptionalLong read(int number) {
                    Long value = registers.get(number);
                    return value == null ? OptionalLong.empty() : OptionalLong.of(value);
                }

                @Override
                public boolean write(int number, long value) {
                    if (value != -1) {
                        registers.put(number, value);
                    }
                    return value != -1;
                }
            };

    private void entry(int number, long index, long data) {
        memory.writePhysical(AREA + 16L * number, 8, index);
        memory.writePhysical(AREA + 16L * number + 8, 8, data);
    }

    private long load(long count) {
        return MsrAreas.load(memory, AREA, count, LONGEST, msrs);
    }

    private long store(long count) {
        return MsrAreas.store(memory, AREA, count, LONGEST, msrs);
    }

    @Test
    void registersAreLoadedInOrder() {
        entry(0, Msr.IA32_STAR.number() & 0xFFFF_FFFFL, 1);
        entry(1, Msr.IA32_LSTAR.number() & 0xFFFF_FFFFL, 2);
        entry(2, Msr.IA32_STAR.number() & 0xFFFF_FFFFL, 3);
        assertThat(load(3)).isEqualTo(MsrAreas.DONE);
        assertThat(registers)
                .containsEntry(Msr.IA32_STAR.number(), 3L)
                .containsEntry(Msr.IA32_LSTAR.number(), 2L);
    }

    @Test
    void theNumberOfAFailingEntryCountsFrom1() {
        entry(0, Msr.IA32_PAT.number(), 1);
        entry(1, Msr.IA32_PAT.number(), -1);
        assertThat(load(2)).isEqualTo(2);
        assertThat(registers).containsEntry(Msr.IA32_PAT.number(), 1L);
    }

    @Test
    void someRegistersAreNeverLoaded() {
        long[] indexes = {
            0xC000_0100L, 0xC000_0101L, 0x9B, 0x79, 0x8B, 0x800, 0x8FF, 0x1_0000_0277L
        };
        for (long index : indexes) {
            entry(0, index, 0);
            assertThat(load(1)).as("%X", index).isEqualTo(1);
        }
        assertThat(registers).isEmpty();
    }

    @Test
    void registersAreStoredBesideTheirIndex() {
        registers.put(Msr.IA32_PAT.number(), 0x1234L);
        entry(0, Msr.IA32_PAT.number(), 0);
        assertThat(store(1)).isEqualTo(MsrAreas.DONE);
        assertThat(memory.readPhysical(AREA + 8, 8)).isEqualTo(0x1234);
        assertThat(memory.readPhysical(AREA, 8)).isEqualTo(Msr.IA32_PAT.number());
    }

    @Test
    void whatCannotBeReadCannotBeStored() {
        registers.put(0x830, 1L);
        registers.put(0x9E, 1L);
        for (long index : new long[] {0x277, 0x830, 0x9E, 0x1_0000_0010L}) {
            entry(0, index, 0);
            assertThat(store(1)).as("%X", index).isEqualTo(1);
        }
    }

    @Test
    void anEmptyListIsDone() {
        assertThat(load(0)).isEqualTo(MsrAreas.DONE);
        assertThat(store(0)).isEqualTo(MsrAreas.DONE);
    }

    @Test
    void aListThatIsTooLongFailsAtItsFirstExcessEntry() {
        registers.put(0, 0L);
        assertThat(load(0xFFFF_FFFFL)).isEqualTo(LONGEST + 1);
        assertThat(store(0xFFFF_FFFFL)).isEqualTo(LONGEST + 1);
    }
}
