package nestbox.conformance.boot;

import nestbox.platform.ByteSink;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Somebody at a guest's serial console, who types a command whenever the shell asks for one.
///
/// A key is pressed in the middle of the output that it answers, so that it reaches the guest at
/// the same instruction in every run.
final class Typist implements ByteSink {
    /// What the shell of the guests prints, and then asks the terminal where the cursor is.
    private static final String PROMPT = "nestbox:/# \u001b[6n";

    private final List<String> commands;
    private final StringBuilder console = new StringBuilder();
    private final List<Integer> prompts = new ArrayList<>();
    private Consumer<byte[]> keyboard = bytes -> {};

    Typist(List<String> commands) {
        this.commands = List.copyOf(commands);
    }

    void sitDownAt(Consumer<byte[]> keyboard) {
        this.keyboard = keyboard;
    }

    @Override
    public void write(byte value) {
        console.append((char) (value & 0xFF));
        if (value == PROMPT.charAt(PROMPT.length() - 1) && endsWithPrompt()) {
            prompts.add(console.length());
            if (prompts.size() <= commands.size()) {
                String line = commands.get(prompts.size() - 1) + "\n";
                keyboard.accept(line.getBytes(StandardCharsets.US_ASCII));
            }
        }
    }

    private boolean endsWithPrompt() {
        return console.length() >= PROMPT.length()
                && console.substring(console.length() - PROMPT.length()).equals(PROMPT);
    }

    /// All that the guest has sent.
    String console() {
        return console.toString();
    }

    /// What a command has printed, without the echo of the command itself.
    String answer(String command) {
        int number = commands.indexOf(command);
        if (number < 0 || number >= prompts.size()) {
            throw new AssertionError("The shell never asked for: " + command + "\n" + console);
        }
        boolean last = number + 1 == prompts.size();
        int end = last ? console.length() : prompts.get(number + 1) - PROMPT.length();
        String text = console.substring(prompts.get(number), end).replace("\r", "");
        return text.substring(text.indexOf('\n') + 1).strip();
    }
}
