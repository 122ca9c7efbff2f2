package nestbox.app.console;

import java.io.ByteArrayOutputStream;

/// Filters what is typed on a raw terminal: Ctrl-A starts a command to Nestbox, everything else
/// goes to the guest.
final class EscapeKeys {
    static final String HELP =
            """

            Ctrl-A x       leave
            Ctrl-A h       this help
            Ctrl-A Ctrl-A  send Ctrl-A to the guest
            """;

    private static final byte CTRL_A = 1;

    private final Runnable leave;
    private final Runnable help;
    private boolean escaped;

    EscapeKeys(Runnable leave, Runnable help) {
        this.leave = leave;
        this.help = help;
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
            case 'x', 'X' -> leave.run();
            case 'h', 'H', '?' -> help.run();
            case 'a', 'A', CTRL_A -> guest.write(CTRL_A);
            default -> {}
        }
    }
}
