package nestbox.app.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

@Timeout(60)
class OutputWriterTest {
    @Test
    void everyByteArrivesInOrder() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputWriter writer = writer(out)) {
            for (int i = 0; i < 1_000_000; i++) {
                writer.write((byte) (i * 31 >> 3));
            }
        }
        byte[] bytes = out.toByteArray();
        assertThat(bytes).hasSize(1_000_000);
        for (int i = 0; i < bytes.length; i += 997) {
            assertThat(bytes[i]).isEqualTo((byte) (i * 31 >> 3));
        }
    }

    @Test
    void singleByteIsWrittenWithoutWaitingForMore() throws InterruptedException {
        Semaphore written = new Semaphore(0);
        OutputStream out =
                new OutputStream() {
                    @Override
                    public void write(int value) {
                        written.release();
                    }
                };
        try (OutputWriter writer = writer(out)) {
            writer.write((byte) '$');
            assertThat(written.tryAcquire(30, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void streamThatTakesNoMoreIsReportedAndDoesNotBlock() {
        CompletableFuture<IOException> failure = new CompletableFuture<>();
        OutputStream out =
                new OutputStream() {
                    @Override
                    public void write(int value) throws IOException {
                        throw new IOException("Broken pipe");
                    }
                };
        try (OutputWriter writer = new OutputWriter("test", out, failure::complete)) {
            for (int i = 0; i < 1_000_000; i++) {
                writer.write((byte) i);
            }
            assertThat(failure.join()).hasMessage("Broken pipe");
        }
    }

    private static OutputWriter writer(OutputStream out) {
        return new OutputWriter("test", out, e -> {});
    }
}
