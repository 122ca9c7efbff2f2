package nestbox.app.console;

import org.jline.terminal.Attributes;
import org.jline.terminal.Attributes.InputFlag;
import org.jline.terminal.Attributes.LocalFlag;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

import java.io.IOException;
import java.util.EnumSet;
import java.util.Optional;

/// The user's terminal, switched so that every key goes to the guest as it is typed, Ctrl-C
/// included. Closing it, or the end of the process, switches it back.
///
/// Only the mode is changed here; bytes are read and written as on any other file.
final class RawTerminal implements AutoCloseable {
    private final Terminal terminal;
    private final Attributes before;

    private RawTerminal(Terminal terminal) {
        this.terminal = terminal;
        before = terminal.getAttributes();
        Attributes raw = new Attributes(before);
        raw.setLocalFlags(
                EnumSet.of(LocalFlag.ICANON, LocalFlag.ECHO, LocalFlag.IEXTEN, LocalFlag.ISIG),
                false);
        raw.setInputFlags(
                EnumSet.of(
                        InputFlag.IXON,
                        InputFlag.ICRNL,
                        InputFlag.INLCR,
                        InputFlag.IGNCR,
                        InputFlag.BRKINT,
                        InputFlag.ISTRIP),
                false);
        raw.setControlChar(Attributes.ControlChar.VMIN, 1);
        raw.setControlChar(Attributes.ControlChar.VTIME, 0);
        terminal.setAttributes(raw);
    }

    /// Nothing if standard input is no terminal, or no other stream is one.
    static Optional<RawTerminal> open() {
        try {
            // The type only has to be one for which the library doesn't pretend; nothing is asked
            // of the terminal, because the guest would get the answers.
            Terminal terminal =
                    TerminalBuilder.builder()
                            .system(true)
                            .providers("ffm")
                            .type("ansi")
                            .graphemeCluster(false)
                            .nativeSignals(false)
                            .dumb(false)
                            .build();
            return Optional.of(new RawTerminal(terminal));
        } catch (IOException | IllegalStateException e) {
            return Optional.empty();
        }
    }

    @Override
    public void close() {
        terminal.setAttributes(before);
        try {
            terminal.close();
        } catch (IOException e) {
            // The mode is restored, and nothing else was held.
        }
    }
}
