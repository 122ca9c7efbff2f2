package nestbox.cpu.entry;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.platform.trace.TraceField;
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

    @Test
    void aFailureToLoadIsExplained() {
        registers.put(Msr.IA32_PAT.number(), 1L);
        entry(0, Msr.IA32_PAT.number(), -1);
        assertThat(whyNotLoaded(1).toString())
                .isEqualTo(
                        "entry 1 of the area, MSR 0x277 (IA32_PAT) = 0xFFFFFFFFFFFFFFFF: WRMSR is"
                                + " #GP with this value (SDM Vol. 3C, \"Loading MSRs\")");
        entry(0, 0x1234, 0);
        assertThat(whyNotLoaded(1).why()).contains("RDMSR and WRMSR are #GP");
        entry(0, 0x803, 0);
        assertThat(whyNotLoaded(1).why()).contains("local APIC");
        entry(0, 0x2_0000_0277L, 0);
        assertThat(whyNotLoaded(1).why()).contains("63:32 of the entry are 0x2");
        entry(0, Msr.IA32_GS_BASE.number() & 0xFFFF_FFFFL, 0);
        assertThat(whyNotLoaded(1).why()).contains("can't be loaded from a list");
        assertThat(whyNotLoaded(LONGEST + 1).why()).contains("no more than 512");
    }

    @Test
    void aFailureToStoreIsExplained() {
        registers.put(Msr.IA32_SMBASE.number(), 0L);
        entry(1, 0x1234, 0);
        MsrAreaFailure unknown = MsrAreas.storeFailure(memory, AREA, 2, LONGEST, msrs);
        assertThat(unknown.why()).contains("RDMSR and WRMSR are #GP");
        assertThat(unknown.fields())
                .startsWith(new TraceField.Number("entry", 2), new TraceField.Bits("msr", 0x1234));
        entry(1, Msr.IA32_SMBASE.number(), 0);
        assertThat(MsrAreas.storeFailure(memory, AREA, 2, LONGEST, msrs).why())
                .contains("can't be stored");
    }

    private MsrAreaFailure whyNotLoaded(long number) {
        return MsrAreas.loadFailure(memory, AREA, number, LONGEST, msrs);
    }
}
