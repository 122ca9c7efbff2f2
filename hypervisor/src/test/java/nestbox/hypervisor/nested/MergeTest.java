package nestbox.hypervisor.nested;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.entry.VmcsView;
import nestbox.x86.vmx.VmcsField;

import org.junit.jupiter.api.Test;

import java.util.Map;
import java.util.SplittableRandom;

/// What VMCS02 makes of the bits of CR4 that neither L1 nor L2 has.
class MergeTest {
    private static final long SEED = 0x5EED_0170;
    private static final int CASES = 10_000;

    private long mask;
    private long shadow;
    private long hidden;

    private long merged(VmcsField field) {
        Map<VmcsField, Long> fields =
                Map.of(VmcsField.CR4_GUEST_HOST_MASK, mask, VmcsField.CR4_READ_SHADOW, shadow);
        VmcsView l1 = each -> fields.getOrDefault(each, 0L);
        Merge.Resources resources =
                new Merge.Resources(0, 0, 0, 0, 0, 0, 0, 1, new long[4], hidden, false);
        return new Merge(l1, each -> 0, resources).value(field);
    }

    private static boolean exits(long mask, long shadow, long value) {
        return ((value ^ shadow) & mask) != 0;
    }

    @Test
    void l2ReadsOfCr4WhatL1WantsAndNoneOfTheHiddenBits() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < CASES; i++) {
            random(random);
            long real = random.nextInt() & 0xFF_FFFFL & ~hidden;
            long mask02 = merged(VmcsField.CR4_GUEST_HOST_MASK);
            long shadow02 = merged(VmcsField.CR4_READ_SHADOW);
            long read = shadow02 & mask02 | real & ~mask02;
            assertThat(read & mask).isEqualTo(shadow & mask);
            assertThat(read & ~mask & ~hidden).isEqualTo(real & ~mask & ~hidden);
            assertThat(read & ~mask & hidden).isZero();
        }
    }

    /// So a write that exits for L0 alone is a #GP, and there is nothing to write for L2.
    @Test
    void aWriteExitsWhereL1WantsItOrIfItSetsAHiddenBit() {
        SplittableRandom random = new SplittableRandom(SEED + 1);
        int forL0 = 0;
        for (int i = 0; i < CASES; i++) {
            random(random);
            // Mostly what L2 reads, with few bits changed.
            long value = (shadow & mask | random.nextInt() & ~mask) & ~hidden & 0xFF_FFFFL;
            value ^= random.nextBoolean() ? 1L << random.nextInt(24) : 0;
            boolean wanted = exits(mask, shadow, value);
            boolean sets = (value & hidden & ~mask) != 0;
            assertThat(
                            exits(
                                    merged(VmcsField.CR4_GUEST_HOST_MASK),
                                    merged(VmcsField.CR4_READ_SHADOW),
                                    value))
                    .isEqualTo(wanted || sets);
            forL0 += sets && !wanted ? 1 : 0;
        }
        assertThat(forL0).isPositive();
    }

    private void random(SplittableRandom random) {
        mask = random.nextInt() & random.nextInt() & 0xFF_FFFFL;
        shadow = random.nextInt() & 0xFF_FFFFL;
        hidden = random.nextInt() & random.nextInt() & random.nextInt() & 0xFF_FFFFL;
    }
}
