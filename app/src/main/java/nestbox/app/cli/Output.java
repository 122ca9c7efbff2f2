package nestbox.app.cli;

import java.io.PrintWriter;

/// The end of a command whose work is what it prints: a script must not take half of it for all.
final class Output {
    private Output() {}

    /// @return the exit status of the process
    static int finish(PrintWriter out, ExitStatus status) {
        if (out.checkError()) {
            throw new UserMistake("The output can't be written.");
        }
        return status.code();
    }
}
