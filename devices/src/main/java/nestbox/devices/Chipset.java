package nestbox.devices;

import nestbox.devices.acpi.PowerManagement;
import nestbox.devices.acpi.ResetControl;
import nestbox.devices.exit.DebugConsole;
import nestbox.devices.exit.ExitPort;
import nestbox.devices.exit.PostCode;
import nestbox.devices.hpet.Hpet;
import nestbox.devices.ioapic.IoApic;
import nestbox.devices.keyboard.KeyboardController;
import nestbox.devices.pic.Pic;
import nestbox.devices.pit.Pit;
import nestbox.devices.rtc.Rtc;
import nestbox.devices.systemport.SystemPortA;
import nestbox.devices.systemport.SystemPortB;
import nestbox.devices.uart.Uart;
import nestbox.platform.BoardControl;
import nestbox.platform.ByteSink;
import nestbox.platform.Clock;
import nestbox.platform.Device;
import nestbox.platform.IrqLine;
import nestbox.platform.IrqRoute;
import nestbox.platform.MessageSink;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;

import java.time.Instant;
import java.util.List;

/// The devices that every board has, wired to each other and mapped where [BoardMap] says.
///
/// An ISA interrupt goes to both the 8259A pair and the I/O APIC, as on hardware: which of them
/// delivers is the guest's choice of masks. The timer's and the clock's interrupts pass through the
/// HPET on their way.
public final class Chipset {
    /// What the chip set drives.
    ///
    /// @param intr output of the 8259A pair, to LINT0 of the processors
    /// @param nmi to LINT1 of the processors
    public record Wiring(
            MessageSink messages, IrqLine intr, IrqLine nmi, A20Gate a20, BoardControl board) {}

    /// What differs between boards.
    ///
    /// @param start date and time at power-on
    /// @param memoryBelow4GiB bytes of RAM, for CMOS memory; likewise above 4 GiB
    /// @param console both debug console ports print here
    public record Options(
            Instant start,
            long memoryBelow4GiB,
            long memoryAbove4GiB,
            Uart.Timing timing,
            ByteSink com1,
            ByteSink com2,
            ByteSink console) {}

    /// Everything a snapshot holds.
    public record State(
            Uart.State com1,
            Uart.State com2,
            Pit.State pit,
            Rtc.State rtc,
            Hpet.State hpet,
            PowerManagement.State power,
            ResetControl.State resetControl,
            KeyboardController.State keyboard,
            SystemPortA.State portA,
            SystemPortB.State portB,
            PostCode.State postCode,
            Pic.State pic,
            IoApic.State ioApic) {}

    private static final int INTR_PIN = 0;

    private final IrqRoute intr;
    private final IrqRoute nmi;
    private final IoApic ioApic;
    private final Pic pic;
    private final IsaInterrupts isa;
    private final Hpet hpet;
    private final Pit pit;
    private final Rtc rtc;
    private final Uart com1;
    private final Uart com2;
    private final PowerManagement power;
    private final ResetControl resetControl;
    private final KeyboardController keyboard;
    private final SystemPortA portA;
    private final SystemPortB portB;
    private final PostCode postCode = new PostCode();
    private final DebugConsole console;
    private final ExitPort exit;

    public Chipset(Clock clock, Wiring wiring, Options options) {
        intr = new IrqRoute(wiring.intr);
        nmi = new IrqRoute(wiring.nmi);
        ioApic = new IoApic(wiring.messages);
        IrqLine intrPin = ioApic.input(INTR_PIN);
        pic =
                new Pic(
                        asserted -> {
                            intr.set(asserted);
                            intrPin.set(asserted);
                        });
        isa = new IsaInterrupts(pic, ioApic);
        hpet = new Hpet(clock, ioApic::input, isaIrq(0), isaIrq(8), wiring.messages);
        pit = new Pit(clock, hpet.pitInput());
        rtc =
                new Rtc(
                        clock,
                        hpet.rtcInput(),
                        options.start,
                        options.memoryBelow4GiB,
                        options.memoryAbove4GiB);
        com1 = uart("com1", clock, BoardMap.COM1_IRQ, options.com1, options.timing);
        com2 = uart("com2", clock, BoardMap.COM2_IRQ, options.com2, options.timing);
        power = new PowerManagement(clock, isaIrq(BoardMap.SCI_IRQ), wiring.board);
        resetControl = new ResetControl(wiring.board);
        WiredOr a20 = new WiredOr(wiring.a20::enable);
        keyboard =
                new KeyboardController(
                        clock,
                        isaIrq(BoardMap.KEYBOARD_IRQ),
                        isaIrq(BoardMap.MOUSE_IRQ),
                        wiring.board,
                        a20.source()::set);
        portA = new SystemPortA(wiring.board, a20.source()::set);
        portB = new SystemPortB(clock, pit, nmi, rtc::nmiMasked);
        rtc.onNmiMask(portB::nmiMaskChanged);
        console = new DebugConsole(options.console);
        exit = new ExitPort(wiring.board);
    }

    /// Claims the ports and addresses of all devices. PCI, mapped later, takes the bytes around the
    /// reset register.
    public void map(PortSpace ports, MmioSpace mmio) {
        ports.map(BoardMap.PIC_MASTER, 2, pic);
        ports.map(BoardMap.PIC_SLAVE, 2, pic);
        ports.map(BoardMap.ELCR, 2, pic);
        ports.map(BoardMap.PIT, 4, pit);
        ports.map(BoardMap.KEYBOARD_DATA, 1, keyboard);
        ports.map(BoardMap.KEYBOARD_COMMAND, 1, keyboard);
        ports.map(BoardMap.SYSTEM_PORT_A, 1, portA);
        ports.map(BoardMap.SYSTEM_PORT_B, 1, portB);
        ports.map(BoardMap.RTC, 8, rtc);
        ports.map(BoardMap.POST_CODE, 1, postCode);
        ports.map(BoardMap.SMI_COMMAND, 2, power);
        ports.map(BoardMap.PM_BASE, BoardMap.PM_LENGTH, power);
        ports.map(BoardMap.RESET, 1, resetControl);
        ports.map(BoardMap.COM1, 8, com1);
        ports.map(BoardMap.COM2, 8, com2);
        ports.map(BoardMap.DEBUG_CONSOLE, 1, console);
        ports.map(BoardMap.FIRMWARE_DEBUG_CONSOLE, 1, console);
        ports.map(BoardMap.EXIT, 4, exit);
        if (!mmio.map(BoardMap.IOAPIC, IoApic.LENGTH, ioApic)
                || !mmio.map(BoardMap.HPET, Hpet.LENGTH, hpet)) {
            throw new IllegalStateException("something is mapped over the chip set already");
        }
    }

    /// All devices, interrupt controllers last: the order for reset and restore.
    public List<Device> devices() {
        return List.of(
                com1,
                com2,
                pit,
                rtc,
                hpet,
                power,
                resetControl,
                keyboard,
                portA,
                portB,
                postCode,
                console,
                exit,
                pic,
                ioApic);
    }

    public void reset() {
        devices().forEach(Device::reset);
        intr.reset();
        nmi.reset();
        ioApic.messages().reset();
        hpet.messages().reset();
    }

    public State save() {
        return new State(
                com1.save(),
                com2.save(),
                pit.save(),
                rtc.save(),
                hpet.save(),
                power.save(),
                resetControl.save(),
                keyboard.save(),
                portA.save(),
                portB.save(),
                postCode.save(),
                pic.save(),
                ioApic.save());
    }

    /// To be called with the clock restored and before the processors are: while devices drive
    /// their lines anew, the interrupt controllers may send messages, which these must not keep.
    public void restore(State state) {
        com1.restore(state.com1);
        com2.restore(state.com2);
        pit.restore(state.pit);
        rtc.restore(state.rtc);
        hpet.restore(state.hpet);
        power.restore(state.power);
        resetControl.restore(state.resetControl);
        keyboard.restore(state.keyboard);
        portA.restore(state.portA);
        portB.restore(state.portB);
        postCode.restore(state.postCode);
        pic.restore(state.pic);
        ioApic.restore(state.ioApic);
    }

    /// A new source of an ISA interrupt, at both interrupt controllers.
    public IrqLine isaIrq(int irq) {
        return isa.source(irq);
    }

    /// Where the PCI interrupt router reaches an input of the 8259A pair; always the same wire.
    public IrqLine pirqInput(int irq) {
        return isa.pirqInput(irq);
    }

    /// The request of the 8259A pair to a processor.
    public IrqRoute intr() {
        return intr;
    }

    /// The non-maskable interrupts of the board.
    public IrqRoute nmi() {
        return nmi;
    }

    public IoApic ioApic() {
        return ioApic;
    }

    public Pic pic() {
        return pic;
    }

    public Pit pit() {
        return pit;
    }

    public Rtc rtc() {
        return rtc;
    }

    public Hpet hpet() {
        return hpet;
    }

    public Uart com1() {
        return com1;
    }

    public Uart com2() {
        return com2;
    }

    public PowerManagement power() {
        return power;
    }

    public ResetControl resetControl() {
        return resetControl;
    }

    public SystemPortB portB() {
        return portB;
    }

    public PostCode postCode() {
        return postCode;
    }

    private Uart uart(String name, Clock clock, int irq, ByteSink out, Uart.Timing timing) {
        return new Uart(name, clock, isaIrq(irq), out, timing);
    }
}
