package nestbox.conformance.boot;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.app.board.DiskSpec;
import nestbox.app.board.Outcome;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/// Debian's own kernel as the test of everything at once: it boots to a shell, and what commands
/// compute there is what the host computes.
class LinuxBootTest {
    private static final long MIB = 1 << 20;
    private static final long SEED = 0x5EED_B007;
    private static final int DISK_BYTES = (int) (4 * MIB);

    /// Commands aren't broken into lines, and the kernel keeps its messages to itself.
    private static final String QUIET = "stty columns 500; dmesg -n 1";
    private static final String UNAME = "uname -srm";
    private static final String PROCESSORS = "grep 'model name' /proc/cpuinfo";
    private static final String MEMORY = "grep MemTotal /proc/meminfo";
    private static final String SYSTEM = "dmidecode -t 1";
    private static final String HARDWARE = "lshw -quiet -c system";
    private static final String SHA256 = "sha256sum /dev/vda";
    private static final String MD5 = "md5sum /dev/vda";
    private static final String FLOATING_POINT =
            "awk 'BEGIN { for (i = 1; i <= 2000; i++) s += 1 / (i * i * 1.5); printf \"%.13e\", s }'";
    private static final String INTEGERS =
            "echo $((1234567890123 * 987654 % 1000000007)) $((-1234567 / 89)) $((3 << 61))";
    private static final String FILE_SYSTEM =
            "mkdosfs /dev/vda && mount -t vfat /dev/vda /mnt && seq 50000 >/mnt/numbers"
                    + " && umount /mnt && echo 3 >/proc/sys/vm/drop_caches"
                    + " && mount -t vfat /dev/vda /mnt && sha256sum /mnt/numbers && umount /mnt";
    private static final String RANDOM_DEVICE =
            "cat /sys/class/misc/hw_random/rng_current; head -c 1000 /dev/hwrng | wc -c";
    private static final String NETWORK =
            "echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6; ip link set eth0 promisc on up;"
                    + " ip addr add 192.0.2.1/24 dev eth0; arping -c 3 -w 3 192.0.2.2 >/dev/null;"
                    + " cd /sys/class/net/eth0/statistics; cat tx_packets rx_packets rx_bytes; cd /";
    private static final String PING = "ping -c 2 127.0.0.1 | grep loss";
    private static final String PARALLEL =
            "for i in 1 2 3 4; do sha256sum /dev/vda & done 2>/dev/null; wait";
    private static final String KERNEL_COMPLAINTS = "dmesg -r | grep -E '^<[0-3]>'";
    private static final String POWER_OFF = "poweroff -f";

    @TempDir private Path folder;

    @Test
    void linuxOnOneProcessorComputesWhatTheHostDoes() throws Exception {
        byte[] content = randomBytes();
        Path disk = Files.write(folder.resolve("disk"), content);
        List<String> commands =
                List.of(
                        QUIET,
                        UNAME,
                        PROCESSORS,
                        MEMORY,
                        SYSTEM,
                        HARDWARE,
                        SHA256,
                        MD5,
                        FLOATING_POINT,
                        INTEGERS,
                        FILE_SYSTEM,
                        RANDOM_DEVICE,
                        NETWORK,
                        PING,
                        KERNEL_COMPLAINTS,
                        POWER_OFF);

        LinuxRun run = run(8192 * MIB, 1, disk, commands);

        assertThat(run.outcome()).as(run.console()).isEqualTo(new Outcome.PoweredOff());
        assertThat(run.answer(UNAME)).startsWith("Linux 6.").endsWith("-amd64 x86_64");
        assertThat(run.answer(PROCESSORS).lines()).hasSize(1);
        long totalKib = Long.parseLong(run.answer(MEMORY).replaceAll("[^0-9]", ""));
        assertThat(totalKib).isBetween(7700L * 1024, 8192L * 1024);
        checkBoardIdentity(run);
        assertThat(run.answer(SHA256)).startsWith(digest("SHA-256", content) + " ");
        assertThat(run.answer(MD5)).startsWith(digest("MD5", content) + " ");
        checkArithmetic(run);
        checkDevices(run);
        assertThat(run.answer(KERNEL_COMPLAINTS)).isEmpty();
        assertThat(Files.readAllBytes(disk)).as("the file below the overlay").isEqualTo(content);
    }

    /// What the board of the tutorial on nested virtualization says of itself.
    private static void checkBoardIdentity(LinuxRun run) {
        assertThat(run.answer(SYSTEM))
                .contains(
                        "Manufacturer: Intel Corporation",
                        "Product Name: NUC7i5DNHE",
                        "Version: J57828-507",
                        "Serial Number: DW1710099900081",
                        "UUID: 36711ca2-a784-ad49-b0dc-54b2030b16ab",
                        "Family: Intel NUC");
        assertThat(run.answer(HARDWARE).toLowerCase(Locale.ROOT))
                .contains(
                        "product: nuc7i5dnhe",
                        "vendor: intel corporation",
                        "version: j57828-507",
                        "serial: dw1710099900081",
                        "width: 64 bits",
                        "smbios-3.1",
                        "dmi-3.1",
                        "family=intel nuc",
                        "uuid=36711ca2-a784-ad49-b0dc-54b2030b16ab");
    }

    private static void checkArithmetic(LinuxRun run) {
        double sum = 0;
        for (int i = 1; i <= 2000; i++) {
            sum += 1 / (i * i * 1.5);
        }
        assertThat(run.answer(FLOATING_POINT)).isEqualTo(String.format(Locale.ROOT, "%.13e", sum));
        assertThat(run.answer(INTEGERS))
                .isEqualTo(
                        "%d %d %d"
                                .formatted(
                                        1234567890123L * 987654 % 1000000007,
                                        -1234567 / 89,
                                        3L << 61));
    }

    private static void checkDevices(LinuxRun run) {
        StringBuilder numbers = new StringBuilder();
        for (int i = 1; i <= 50_000; i++) {
            numbers.append(i).append('\n');
        }
        byte[] file = numbers.toString().getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        assertThat(run.answer(FILE_SYSTEM)).contains(digest("SHA-256", file) + "  /mnt/numbers");
        assertThat(run.answer(RANDOM_DEVICE)).startsWith("virtio_rng").endsWith("\n1000");
        List<Long> frames = run.answer(NETWORK).lines().map(Long::valueOf).toList();
        assertThat(frames).hasSize(3);
        assertThat(frames.get(0)).as("frames sent").isGreaterThanOrEqualTo(3);
        assertThat(frames.get(1)).as("frames that came back").isEqualTo(frames.get(0));
        assertThat(frames.get(2)).as("bytes that came back").isGreaterThanOrEqualTo(3 * 42);
        assertThat(run.answer(PING)).contains("2 packets received");
    }

    @Test
    void linuxOnFourProcessorsRunsTheSameEveryTime() throws Exception {
        byte[] content = randomBytes();
        Path disk = Files.write(folder.resolve("disk"), content);
        List<String> commands =
                List.of(QUIET, PROCESSORS, HARDWARE, PARALLEL, KERNEL_COMPLAINTS, POWER_OFF);

        LinuxRun run = run(512 * MIB, 4, disk, commands);

        assertThat(run.outcome()).as(run.console()).isEqualTo(new Outcome.PoweredOff());
        assertThat(run.answer(PROCESSORS).lines()).hasSize(4);
        assertThat(run.answer(HARDWARE)).contains(" smp ");
        String line = digest("SHA-256", content) + "  /dev/vda";
        Stream<String> digests = run.answer(PARALLEL).lines().filter(line::equals);
        assertThat(digests).as(run.answer(PARALLEL)).hasSize(4);
        assertThat(run.answer(KERNEL_COMPLAINTS)).isEmpty();

        LinuxRun again = run(512 * MIB, 4, disk, commands);

        assertThat(again.console()).isEqualTo(run.console());
        assertThat(again.statistics()).isEqualTo(run.statistics());
    }

    private static LinuxRun run(long memory, int processors, Path disk, List<String> commands)
            throws IOException {
        return LinuxRun.of(
                memory, processors, new DiskSpec(disk, DiskSpec.Access.OVERLAY), commands);
    }

    private static byte[] randomBytes() {
        byte[] content = new byte[DISK_BYTES];
        new SplittableRandom(SEED).nextBytes(content);
        return content;
    }

    private static String digest(String algorithm, byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }
}
