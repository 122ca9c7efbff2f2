package nestbox.conformance.hostile;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.app.board.DiskSpec;
import nestbox.cpu.StartState;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/// Random accesses to every device of the board, and virtio rings that break every rule: nothing is
/// thrown, every run comes to its end, nothing outside the board changes.
@Timeout(value = 15, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HostileDeviceTest {
    private static final long SEED = Long.getLong("nestbox.fuzz.seed", 0x5EED_0DE7);
    private static final int CASES = Integer.getInteger("nestbox.fuzz.cases", 1_500);
    private static final long NANOS = 200_000;
    private static final int CASES_PER_CHECK = 250;
    private static final int DISK_BYTES = 1 << 16;

    /// Lets the processors run on without a reset now and then, with the devices as they are.
    private static final int CASES_PER_RESET = 4;

    @TempDir private Path folder;

    /// Fills memory with a guest that does one case.
    private interface Guest {
        StartState prepare(SplittableRandom random, Victim victim);
    }

    @Test
    void noAccessBreaksADevice() throws IOException {
        runAll((random, victim) -> new DevicePokes(random, victim.memory()).prepare());
    }

    @Test
    void noRingBreaksAVirtioDevice() throws IOException {
        runAll((random, victim) -> new BrokenRings(random, victim.memory(), 60).prepare());
    }

    /// As the guest of a hypervisor that gave it the devices: their lies reach its own memory only.
    @Test
    void noRingReachesBeyondWhatItsDeviceWasGiven() throws IOException {
        System.out.printf("%d cases of seed %x%n", CASES, SEED);
        Guest lies = (random, victim) -> new BrokenRings(random, victim.memory(), 6).prepare();
        long faults = 0;
        try (Victim victim = victim()) {
            OthersMemory others = new OthersMemory(victim.memory());
            for (int number = 0; number < CASES; number++) {
                victim.reset();
                victim.confineDevices(BrokenRings.OWN, BrokenRings.OWN_END - BrokenRings.OWN);
                run(victim, lies, number);
                faults += victim.dmaFaults();
                others.check("case %d of seed %x".formatted(number, SEED));
            }
        }
        assertThat(faults).isGreaterThan(CASES / 4);
    }

    private Victim victim() throws IOException {
        Path disk = Files.write(folder.resolve("disk"), new byte[DISK_BYTES]);
        DiskSpec overlay = new DiskSpec(disk, DiskSpec.Access.OVERLAY);
        return new Victim(2, List.of(overlay));
    }

    private void runAll(Guest guest) throws IOException {
        System.out.printf("%d cases of seed %x%n", CASES, SEED);
        try (Victim victim = victim()) {
            for (int number = 0; number < CASES; number++) {
                if (number % CASES_PER_RESET == 0) {
                    victim.reset();
                }
                run(victim, guest, number);
                if (number % CASES_PER_CHECK == CASES_PER_CHECK - 1) {
                    victim.checkSurroundings();
                }
            }
            victim.checkSurroundings();
        }
    }

    private static void run(Victim victim, Guest guest, int number) {
        try {
            SplittableRandom random = new SplittableRandom(SEED + number);
            victim.run(guest.prepare(random, victim), NANOS);
        } catch (RuntimeException | Error e) {
            throw new AssertionError("case %d of seed %x".formatted(number, SEED), e);
        }
    }
}
