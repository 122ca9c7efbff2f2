package nestbox.images.apt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.images.ImageException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.List;

final class CommandTest {
    @TempDir Path folder;

    @Test
    void aProgramThatIsNotThereIsExplained() {
        assertThatThrownBy(() -> Command.run(List.of("no-such-apt-get"), folder))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("no-such-apt-get can't be run here");
    }

    @Test
    void aFailureIsToldInTheProgramsOwnWords() {
        Command failed =
                Command.run(
                        List.of("sh", "-c", "echo W: minor >&2; echo E: major. >&2; exit 100"),
                        folder);

        assertThat(failed.status()).isEqualTo(100);
        assertThat(failed.complaint()).isEqualTo("major.");
        assertThat(Command.run(List.of("sh", "-c", "exit 3"), folder).complaint())
                .isEqualTo("it ended with status 3");
    }
}
