package nestbox.app.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Output that nobody sees until it is raised: then the newest of what was written so far appears,
/// and all that follows.
final class Curtain extends OutputStream {
    private static final int CAPACITY = 8192;
    private static final int LINES = 12;

    private final OutputStream out;
    private byte[] kept = new byte[0];
    private boolean raised;

    Curtain(OutputStream out) {
        this.out = out;
    }

    @Override
    public synchronized void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public synchronized void write(byte[] bytes, int from, int length) throws IOException {
        if (raised) {
            out.write(bytes, from, length);
            return;
        }
        byte[] all = Arrays.copyOf(kept, kept.length + length);
        System.arraycopy(bytes, from, all, kept.length, length);
        kept = Arrays.copyOfRange(all, Math.max(0, all.length - CAPACITY), all.length);
    }

    @Override
    public synchronized void flush() throws IOException {
        out.flush();
    }

    /// Shows the last lines, and from now on everything.
    synchronized void raise() throws IOException {
        if (!raised) {
            raised = true;
            out.write(lastLines().getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
        }
    }

    private String lastLines() {
        String text = new String(kept, StandardCharsets.ISO_8859_1);
        int start = text.length();
        for (int i = 0; i < LINES && start > 0; i++) {
            start = Math.max(0, text.lastIndexOf('\n', start - 1));
        }
        return text.substring(start).stripLeading();
    }
}
