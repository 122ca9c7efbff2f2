package nestbox.app.console;

/// The receiving end of a guest's serial port.
public interface SerialInput {
    void send(byte[] bytes);

    /// Nothing more will come.
    void end();

    /// How many bytes the guest has not taken yet.
    int backlog();
}
