package nestbox.conformance.boot;

import nestbox.platform.ByteSink;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.function.Consumer;

/// Somebody at a console that belongs to more than one system in turn, who types each text as soon
/// as the console shows what that text waits for.
///
/// Where a [Typist] knows one shell's prompt, each step here names its own.
final class Dialogue implements ByteSink {
    /// What the console shows last, and what is typed then.
    record Step(String shown, String typed) {}

    private final Queue<Step> steps;
    private final StringBuilder console = new StringBuilder();
    private int answered;
    private Consumer<byte[]> keyboard = bytes -> {};

    Dialogue(List<Step> steps) {
        this.steps = new ArrayDeque<>(steps);
    }

    void sitDownAt(Consumer<byte[]> keyboard) {
        this.keyboard = keyboard;
    }

    @Override
    public void write(byte value) {
        console.append((char) (value & 0xFF));
        Step next = steps.peek();
        if (next != null && endsWith(next.shown)) {
            steps.remove();
            answered = console.length();
            keyboard.accept((next.typed + "\n").getBytes(StandardCharsets.US_ASCII));
        }
    }

    /// Whether the console ends with a text, no part of which was there at the last answer.
    private boolean endsWith(String text) {
        int start = console.length() - text.length();
        return start >= answered && console.indexOf(text, start) == start;
    }

    /// Steps whose turn has not come.
    List<Step> open() {
        return List.copyOf(steps);
    }

    /// All that was sent to the console.
    String console() {
        return console.toString();
    }
}
