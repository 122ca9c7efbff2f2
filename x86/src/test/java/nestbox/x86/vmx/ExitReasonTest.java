package nestbox.x86.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.HashSet;
import java.util.Set;

class ExitReasonTest {
    @Test
    void everyNumberLeadsBackToItsRow() {
        Set<Integer> seen = new HashSet<>();
        for (ExitReason reason : ExitReason.values()) {
            assertThat(seen.add(reason.number())).as("%s", reason).isTrue();
            assertThat(ExitReason.of(reason.number())).contains(reason);
            assertThat(ExitReason.of(reason.number() | ExitReason.ENTRY_FAILURE)).contains(reason);
        }
        assertThat(ExitReason.of(35)).isEmpty();
        assertThat(ExitReason.of(0xFFFF)).isEmpty();
    }

    @Test
    void errorNumbersLeadBackToTheirRows() {
        for (VmInstructionError error : VmInstructionError.values()) {
            assertThat(VmInstructionError.of(error.number())).contains(error);
        }
        assertThat(VmInstructionError.of(14)).isEmpty();
    }
}
