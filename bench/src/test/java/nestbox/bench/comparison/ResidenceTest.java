package nestbox.bench.comparison;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

import java.util.List;

class ResidenceTest {
    private static final List<String> STATUS =
            List.of("Name:\tjava", "VmHWM:\t  300000 kB", "VmRSS:\t  290000 kB");

    @Test
    void theLargestAnonymousMappingIsTheGuest() {
        List<String> smaps =
                List.of(
                        "59001000-59e47000 rw-p 00001000 fe:00 16081667      /some/file",
                        "Size:              14616 kB",
                        "Rss:               14584 kB",
                        "687400000-69f000000 rw-p 00000000 00:00 0 ",
                        "Rss:              150000 kB",
                        "7ec568000000-7f0568cca000 rw-p 00000000 00:00 0 ",
                        "Size:          268448552 kB",
                        "Rss:              126124 kB",
                        "7f0574000000-7f0574f8b000 rw-p 00000000 00:00 0 ",
                        "Rss:               13044 kB");
        Residence residence = Residence.of(STATUS, smaps);
        assertThat(residence).isEqualTo(new Residence(300_000, 126_124));
        assertThat(residence.ownKib()).isEqualTo(173_876);
    }

    @Test
    void codeAndReservedSpaceAreNotTheGuest() {
        List<String> smaps =
                List.of(
                        "10000000-20000000 rw-p 00000000 00:00 0 ",
                        "Rss:                1000 kB",
                        "40000000-80000000 rwxp 00000000 00:00 0 ",
                        "Rss:                2000 kB",
                        "100000000-900000000 ---p 00000000 00:00 0 ",
                        "Rss:                   0 kB");
        assertThat(Residence.of(STATUS, smaps).guestKib()).isEqualTo(1000);
    }

    @Test
    void aProcessThatIsGoneHasNoMemory() {
        assertThatThrownBy(() -> Residence.of(List.of("Name:\tjava"), List.of()))
                .isInstanceOf(BenchException.class);
    }
}
