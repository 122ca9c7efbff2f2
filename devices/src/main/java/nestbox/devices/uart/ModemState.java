package nestbox.devices.uart;

/// What a snapshot holds of a port's modem control lines.
///
/// @param control the MCR
/// @param status the MSR
/// @param inputs from outside
public record ModemState(int control, int status, int inputs) {}
