/// Ports with which test programs and firmware talk to whoever runs the board.
package nestbox.devices.exit;
