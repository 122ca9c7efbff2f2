package nestbox.cpu.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.entry.EntryRuleSamples;
import nestbox.cpu.entry.EntryState;
import nestbox.cpu.entry.Setup;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.VmcsField;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.Optional;

/// What has passed once is asked again as soon as anything changes that a rule looks at.
class PassedChecksTest {
    private final GuestMemory memory = new GuestMemory(1 << 20);

    static List<EntryRuleSamples.Sample> samples() {
        return EntryRuleSamples.all();
    }

    @AfterEach
    void close() {
        memory.close();
    }

    private static Vmcs written(Setup setup, Vmcs vmcs) {
        for (VmcsField field : VmcsField.values()) {
            vmcs.write(field, setup.read(field));
        }
        return vmcs;
    }

    private static Optional<String> broken(PassedChecks passed, Vmcs vmcs, Setup setup) {
        return passed.controlsAndHost(vmcs)
                .or(() -> passed.guestState(vmcs, EntryState.of(vmcs, setup)))
                .map(failure -> failure.rule().id());
    }

    @ParameterizedTest
    @MethodSource("samples")
    void aBrokenRuleIsFoundBehindEntriesThatPassed(EntryRuleSamples.Sample sample) {
        Setup setup = new Setup();
        sample.given().accept(setup);
        VmxCapabilities capabilities = setup.capabilities();
        int features = setup.features.size();
        VmcsLayout layout = VmcsLayout.of(capabilities);
        Vmcs vmcs = Vmcs.at(memory, layout, Setup.CURRENT).orElseThrow();
        PassedChecks passed = new PassedChecks(layout, setup);
        for (int i = 0; i < 3; i++) {
            assertThat(broken(passed, written(setup, vmcs), setup)).isEmpty();
        }
        sample.breaks().accept(setup);
        // A processor doesn't lose features while it runs.
        if (setup.capabilities() == capabilities && setup.features.size() == features) {
            assertThat(broken(passed, written(setup, vmcs), setup)).contains(sample.rule());
        }
    }
}
