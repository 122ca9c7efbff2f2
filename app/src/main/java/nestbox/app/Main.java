package nestbox.app;

import nestbox.app.cli.Nestbox;
import nestbox.app.console.StandardStreams;

/// The program that `./nestbox` starts.
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        System.exit(Nestbox.run(StandardStreams.ofProcess(), arguments));
    }
}
