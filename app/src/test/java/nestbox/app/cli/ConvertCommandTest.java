package nestbox.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// What `nestbox convert` writes, and what it refuses.
@Timeout(60)
class ConvertCommandTest {
    private static final String OLD = "../scenarios/nested.xml";

    @TempDir private Path folder;

    @Test
    void convertedScenarioIsGoodInTheNewFormat() {
        Path output = folder.resolve("new.xml");
        Run run = Run.of("convert", OLD, "-o", output.toString());
        assertThat(run.status()).isZero();
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains("VM \"ACRN SOS VM\" is now called \"ACRN_SOS_VM\".");
        Run check = Run.of("check", output.toString());
        assertThat(check.out()).contains("no errors", "(v3.x, ");
        assertThat(check.status()).isZero();
        assertThat(output)
                .content()
                .contains("<nested_virtualization_support>y<", "<lapic_passthrough>y<");
    }

    @Test
    void standardOutputHasTheFileAndNothingElse() throws IOException {
        Path output = folder.resolve("new.xml");
        Run.of("convert", OLD, "-o", output.toString());
        Run run = Run.of("convert", OLD);
        assertThat(run.out()).isEqualTo(Files.readString(output)).startsWith("<?xml ");
        assertThat(run.err().lines()).allMatch(line -> line.startsWith("nestbox: "));
    }

    @Test
    void newFormatIsTakenToo() {
        Run run = Run.of("convert", "../scenarios/nested-v3.xml");
        assertThat(run.status()).isZero();
        assertThat(run.err()).contains("in the format of v3.x already");
        assertThat(run.out()).contains("<load_order>SERVICE_VM<");
    }

    @Test
    void fileWithErrorsIsNotConverted() throws IOException {
        String text = Files.readString(Path.of(OLD)).replace("SCHED_NOOP", "SCHED_FIFO");
        Path broken = Files.writeString(folder.resolve("broken.xml"), text);
        Path output = folder.resolve("new.xml");
        Run run = Run.of("convert", broken.toString(), "-o", output.toString());
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains("error [value.choice]", "Nothing was converted");
        assertThat(output).doesNotExist();
    }

    @Test
    void existingFileIsOverwrittenOnlyIfAsked() throws IOException {
        Path output = Files.writeString(folder.resolve("new.xml"), "precious");
        Run refused = Run.of("convert", OLD, "-o", output.toString());
        assertThat(refused.status()).isEqualTo(2);
        assertThat(refused.err()).contains("is there already: --force overwrites it");
        assertThat(output).hasContent("precious");
        assertThat(Run.of("convert", OLD, "-o", output.toString(), "--force").status()).isZero();
        assertThat(output).content().startsWith("<?xml ").doesNotContain("precious");
    }

    @Test
    void mistakesEndWithOneSentence() {
        mistake("Missing required parameter: 'FILE'", "convert");
        mistake("there is no file or folder missing.xml", "convert", "missing.xml");
        mistake("is a folder", "convert", folder.toString());
        mistake("is a folder: name a file", "convert", OLD, "-o", folder.toString());
        mistake("no file or folder", "convert", OLD, "-o", folder.resolve("a/b").toString());
    }

    private static void mistake(String why, String... arguments) {
        Run run = Run.of(arguments);
        assertThat(run.err()).contains(why).doesNotContain("\tat ");
        assertThat(run.status()).isEqualTo(2);
    }
}
