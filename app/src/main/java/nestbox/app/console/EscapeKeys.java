package nestbox.app.console;

import java.io.ByteArrayOutputStream;
import java.util.function.Consumer;

/// Filters what is typed on a raw terminal: Ctrl-A starts a command to Nestbox, everything else
/// goes to the guest.
final class EscapeKeys {
    private static final String LEAVE = "\nCtrl-A x       leave\n";
    private static final String NEXT = "Ctrl-A s       switch to the next console\n";
    private static final String REST =
            """
            Ctrl-A h       this help
            Ctrl-A Ctrl-A  send Ctrl-A to the guest
            """;

    private static final byte CTRL_A = 1;

    private final Console.Keys commands;
    private final Consumer<String> say;
    private boolean escaped;

    /// @param say shows the user a text
    EscapeKeys(Console.Keys commands, Consumer<String> say) {
        this.commands = commands;
        this.say = say;
    }

    /// What of the bytes typed is for the guest.
    byte[] filter(byte[] typed, int count) {
        ByteArrayOutputStream guest = new ByteArrayOutputStream(count);
        for (int i = 0; i < count; i++) {
            if (escaped) {
                escaped = false;
                command(typed[i], guest);
            } else if (typed[i] == CTRL_A) {
                escaped = true;
            } else {
                guest.write(typed[i]);
            }
        }
        return guest.toByteArray();
    }

    private void command(byte key, ByteArrayOutputStream guest) {
        switch (key) {
            case 'x', 'X' -> commands.leave().run();
            case 's', 'S' -> commands.next().ifPresent(Runnable::run);
            case 'h', 'H', '?' -> say.accept(help());
            case 'a', 'A', CTRL_A -> guest.write(CTRL_A);
            default -> {}
        }
    }

    private String help() {
        return LEAVE + commands.next().map(_ -> NEXT).orElse("") + REST;
    }
}
