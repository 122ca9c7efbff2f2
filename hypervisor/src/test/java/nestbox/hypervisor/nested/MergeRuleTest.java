package nestbox.hypervisor.nested;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.hypervisor.NestedState.Which;
import nestbox.hypervisor.nested.MergeRule.Place;
import nestbox.x86.vmx.VmcsField;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.SplittableRandom;

class MergeRuleTest {
    @ParameterizedTest
    @EnumSource
    void everyFieldHasARuleAndAPlace(VmcsField field) {
        MergeRule rule = MergeRule.of(field);

        assertThat(MergeRule.fields(rule.place())).contains(field);
        if (field.area() == VmcsField.Area.HOST_STATE) {
            assertThat(rule)
                    .as("host state is L0's in VMCS02")
                    .isIn(MergeRule.HOST_STATE, MergeRule.HOST_STACK, MergeRule.NOT_OFFERED);
        }
    }

    @Test
    void everyRuleIsUsed() {
        Set<MergeRule> used = EnumSet.noneOf(MergeRule.class);
        Arrays.stream(VmcsField.values()).forEach(field -> used.add(MergeRule.of(field)));

        assertThat(used).containsExactly(MergeRule.values());
    }

    @Test
    void l1IsOfferedNoFieldThatIsNowhere() {
        try (L1Machine l1 = new L1Machine()) {
            assertThat(l1.nested.capabilities().fields())
                    .doesNotContainAnyElementsOf(MergeRule.fields(Place.ABSENT));
        }
    }

    @Test
    void l1ReadsEveryFieldAsItHasWrittenIt() {
        try (L1Machine l1 = new L1Machine().on()) {
            SplittableRandom random = new SplittableRandom(1);
            for (VmcsField field : l1.nested.capabilities().fields()) {
                long value = random.nextLong();
                l1.set(field, value);
                assertThat(l1.get(field)).as("%s", field).isEqualTo(Vmcs12.truncate(field, value));
            }
        }
    }

    @Test
    void fieldsThatAreInVmcs02DontExit() {
        try (L1Machine l1 = new L1Machine().on()) {
            for (VmcsField field : l1.nested.capabilities().fields()) {
                l1.exits = 0;
                l1.get(field);
                int stop = 1;
                assertThat(l1.exits - stop)
                        .as("%s", field)
                        .isEqualTo(MergeRule.of(field).place().isShadowed() ? 0 : 1);
            }
        }
    }

    @Test
    void aVmcsThatIsClearedAndLoadedAgainIsTheSame() {
        try (L1Machine l1 = new L1Machine().on()) {
            SplittableRandom random = new SplittableRandom(2);
            l1.nested.capabilities().fields().forEach(field -> l1.set(field, random.nextLong()));
            var before = l1.nested.fields(Which.VMCS12);

            l1.run("66 0F C7 30", L1Machine.REGION);
            assertThat(l1.nested.fields(Which.VMCS12)).isEmpty();
            l1.run("0F C7 30", L1Machine.REGION);

            assertThat(l1.nested.fields(Which.VMCS12)).isEqualTo(before);
        }
    }

    @Test
    void vmcssBeyondTheCacheAreWrittenBack() {
        try (L1Machine l1 = new L1Machine().on()) {
            int count = Vmcs12Cache.CAPACITY + 3;
            for (int i = 0; i < count; i++) {
                long region = 0x40_0000 + 0x1000L * i;
                l1.writeInt(region, Capabilities12.REVISION);
                l1.run("0F C7 30", region).set(VmcsField.GUEST_RIP, i).set(VmcsField.HOST_RIP, ~i);
            }
            assertThat(l1.nested.state().vmcss()).hasSize(Vmcs12Cache.CAPACITY);
            for (int i = 0; i < count; i++) {
                l1.run("0F C7 30", 0x40_0000 + 0x1000L * i);
                assertThat(l1.get(VmcsField.GUEST_RIP)).isEqualTo(i);
                assertThat(l1.get(VmcsField.HOST_RIP)).isEqualTo(~i);
            }
        }
    }
}
