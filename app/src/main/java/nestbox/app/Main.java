package nestbox.app;

import nestbox.app.cli.Nestbox;

/// The program that `./nestbox` starts.
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        System.exit(Nestbox.run(arguments));
    }
}
