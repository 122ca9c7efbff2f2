package nestbox.scenario;

import nestbox.scenario.board.Bdf;

import java.util.Optional;

/// A virtual serial port of a VM, as the scenario asks for it.
///
/// Both formats come to the same: index 0 is the console, the others connect two VMs.
///
/// @param index 0 to 7 within the VM
/// @param target the other end, of a port that is no console
public record Vuart(
        int index,
        Transport transport,
        Base base,
        Irq irq,
        Optional<Bdf> address,
        Optional<Target> target) {

    /// The kind of device.
    public enum Transport {
        /// Eight I/O ports and an interrupt of the legacy interrupt controllers.
        LEGACY,
        /// A PCI function with an MSI-X interrupt.
        PCI
    }

    /// Where the registers are; [Allocation] says which port this is on a board.
    ///
    /// @param kind NONE if the port is disabled
    /// @param number COM number of a port that the Service VM gets from the board, else I/O port
    public record Base(Kind kind, int number) {
        /// How the place is found.
        public enum Kind {
            /// Disabled.
            NONE,
            /// An I/O port that the scenario names.
            PORT,
            /// The board's nth usable I/O port.
            BOARD,
            /// Found by the PCI allocator, or the address that the scenario names.
            PCI
        }

        public static final Base NONE = new Base(Kind.NONE, 0);
        public static final Base PCI = new Base(Kind.PCI, 0);

        public static Base port(int port) {
            return new Base(Kind.PORT, port);
        }

        public static Base board(int com) {
            return new Base(Kind.BOARD, com);
        }
    }

    /// The interrupt of a legacy port.
    ///
    /// @param fromBoard whether the board's nth usable port decides
    /// @param number COM number if from the board, or 0 for any that is free; else IRQ, or 0 for
    ///     none, so that the driver polls
    public record Irq(boolean fromBoard, int number) {
        public static final Irq NONE = new Irq(false, 0);
        public static final Irq ANY = new Irq(true, 0);

        public static Irq of(int irq) {
            return new Irq(false, irq);
        }

        public static Irq board(int com) {
            return new Irq(true, com);
        }

        public boolean present() {
            return fromBoard || number != 0;
        }
    }

    /// The other end of a connection.
    ///
    /// @param vmId the id that the scenario file gives the VM, or -1 for none
    /// @param index the port's index there, or -1 for none
    public record Target(int vmId, int index) {}

    public boolean enabled() {
        return base.kind() != Base.Kind.NONE;
    }

    public boolean isConsole() {
        return index == 0;
    }
}
