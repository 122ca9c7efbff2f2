package nestbox.cpu.entry;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.vmx.EntryFailureQualification;
import nestbox.x86.vmx.VmcsField;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

class EntryChecksTest {
    private static final long SEED = 20;

    static List<EntryRuleSamples.Sample> samples() {
        return EntryRuleSamples.all();
    }

    private static String outcome(Setup setup) {
        return EntryChecks.firstFailure(EntryState.of(setup, setup))
                .map(failure -> failure.rule().id() + ": " + failure)
                .orElse("accepted");
    }

    @Test
    void theBaselinesAreAccepted() {
        assertThat(outcome(new Setup())).isEqualTo("accepted");
        assertThat(outcome(new Setup().protectedGuest())).isEqualTo("accepted");
        assertThat(outcome(new Setup().virtual8086Guest())).isEqualTo("accepted");
        assertThat(outcome(new Setup().protectedHost())).isEqualTo("accepted");
    }

    @ParameterizedTest
    @MethodSource("samples")
    void aRuleIsKeptAndThenBroken(EntryRuleSamples.Sample sample) {
        Setup setup = new Setup();
        sample.given().accept(setup);
        assertThat(outcome(setup)).isEqualTo("accepted");
        sample.breaks().accept(setup);
        assertThat(outcome(setup)).startsWith(sample.rule() + ": ");
    }

    @Test
    void everyRuleHasASampleAndAnIdOfItsOwn() {
        Set<String> ids = new HashSet<>();
        for (EntryRule rule : EntryChecks.all()) {
            assertThat(ids.add(rule.id())).as(rule.id()).isTrue();
        }
        Set<String> sampled =
                samples().stream().map(EntryRuleSamples.Sample::rule).collect(Collectors.toSet());
        assertThat(sampled).isEqualTo(ids);
    }

    @Test
    void stagesFollowEachOther() {
        EntryRule.Stage stage = EntryRule.Stage.CONTROLS;
        for (EntryRule rule : EntryChecks.all()) {
            assertThat(rule.stage()).as(rule.id()).isGreaterThanOrEqualTo(stage);
            stage = rule.stage();
            boolean isGuest = stage == EntryRule.Stage.GUEST_STATE;
            assertThat(isGuest || rule.qualification() == EntryFailureQualification.NOT_SPECIFIC)
                    .as(rule.id())
                    .isTrue();
        }
    }

    @Test
    void aFailureSaysWhatWouldBeAccepted() {
        Setup setup = new Setup().set(VmcsField.GUEST_CR4, 0x20);
        EntryFailure failure = EntryChecks.firstFailure(EntryState.of(setup, setup)).orElseThrow();
        assertThat(failure.toString())
                .isEqualTo(
                        "GUEST_CR4 = 0x20; accepted: VMXE set, and nothing but 0x7767FF (rule"
                                + " guest.cr4.fixed; SDM Vol. 3C, \"Checks on Guest Control Registers,"
                                + " Debug Registers, and MSRs\")");
    }

    @Test
    void linkPointerAndPdptesHaveTheirQualification() {
        for (EntryRule rule : EntryChecks.all()) {
            if (rule.id().startsWith("guest.link.")) {
                assertThat(rule.qualification())
                        .isEqualTo(EntryFailureQualification.VMCS_LINK_POINTER);
            }
            if (rule.id().startsWith("guest.pdpte")) {
                assertThat(rule.qualification()).isEqualTo(EntryFailureQualification.PDPTE);
            }
        }
    }

    /// Whatever is in a VMCS, the checks come to an end with a rule or with success: with random
    /// contents, and with a valid VMCS in which a few fields are random or have one bit changed.
    @Test
    void anyContentsAreAcceptedOrBreakARule() {
        SplittableRandom random = new SplittableRandom(SEED);
        VmcsField[] fields = VmcsField.values();
        Set<String> broken = new HashSet<>();
        for (int round = 0; round < 20_000; round++) {
            Setup setup = new Setup();
            if (round % 4 == 0) {
                for (VmcsField field : fields) {
                    setup.set(field, random.nextLong() & -1L >>> 64 - 8 * field.width().bytes());
                }
            }
            for (int i = random.nextInt(4); i >= 0; i--) {
                VmcsField field = fields[random.nextInt(fields.length)];
                int bits = 8 * field.width().bytes();
                long value =
                        random.nextBoolean()
                                ? setup.read(field) ^ 1L << random.nextInt(bits)
                                : random.nextLong() & -1L >>> 64 - bits;
                setup.set(field, value);
            }
            String outcome = outcome(setup);
            assertThat(outcome).as("seed %d, round %d", SEED, round).isNotBlank();
            broken.add(outcome.substring(0, Math.max(outcome.indexOf(':'), 0)));
        }
        assertThat(broken).hasSizeGreaterThan(80);
    }
}
