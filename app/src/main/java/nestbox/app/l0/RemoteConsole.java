package nestbox.app.l0;

import nestbox.app.console.Endpoint;
import nestbox.hypervisor.vuart.Vuart;
import nestbox.platform.ByteSink;

/// The console of a VM that is at an endpoint of its own, not on L0's line.
final class RemoteConsole {
    private final Vuart port;
    private final Endpoint endpoint;
    private boolean delivering;

    private RemoteConsole(Vuart port, Endpoint endpoint) {
        this.port = port;
        this.endpoint = endpoint;
    }

    /// @param output leads to the endpoint, perhaps with someone who watches in between
    static RemoteConsole connect(Vuart port, Endpoint endpoint, ByteSink output) {
        RemoteConsole console = new RemoteConsole(port, endpoint);
        port.attach(output);
        port.onTaken(console::deliver);
        return console;
    }

    /// Brings in as much of what has come as there is room for. Called when something has come, and
    /// when the guest has taken something.
    void deliver() {
        if (delivering) {
            // A character that the guest takes at once is a matter of the loop below.
            return;
        }
        delivering = true;
        while (port.room() > 0 && endpoint.hasInput()) {
            port.receive(endpoint.read());
        }
        delivering = false;
    }
}
