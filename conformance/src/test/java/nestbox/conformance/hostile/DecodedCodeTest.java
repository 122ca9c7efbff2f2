package nestbox.conformance.hostile;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.app.board.Outcome;
import nestbox.cpu.StartState;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// Decoded instructions are kept, but not without bound: a guest that jumps to every byte of its
/// memory makes a block at each.
@Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DecodedCodeTest {
    private static final int FIRST = 0x10_0000;
    private static final int LAST = 0x14_0000;

    /// RET at the end of so many NOPs.
    private static final int STRIDE = 128;

    private static final long MIB = 1 << 20;

    @Test
    void codeThatIsEnteredAtEveryByteTakesLimitedMemory() throws IOException {
        try (Victim victim = new Victim(1, List.of())) {
            StartState start = guest(victim);
            long before = usedHeap();

            Optional<Outcome> outcome = victim.run(start, 10_000_000_000L);

            assertThat(outcome).contains(new Outcome.GuestExit(3));
            assertThat(usedHeap() - before).as("bytes of heap").isLessThan(400 * MIB);
        }
    }

    private static StartState guest(Victim victim) {
        byte[] nops = new byte[LAST - FIRST];
        for (int i = 0; i < nops.length; i++) {
            nops[i] = (byte) (i % STRIDE == STRIDE - 1 ? 0xC3 : 0x90);
        }
        victim.memory().write(FIRST, nops, 0, nops.length);
        CodeBuffer code = new CodeBuffer();
        code.move32(3, FIRST).hex("FFD3 FFC3 81FB").doubleWord(LAST).hex("75F4");
        code.out(0xF4, 1, 1);
        return new FlatGuest(victim.memory(), true).put(Memory.CODE, code).start();
    }

    private static long usedHeap() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
}
