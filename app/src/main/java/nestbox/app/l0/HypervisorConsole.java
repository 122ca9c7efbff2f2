package nestbox.app.l0;

import nestbox.app.board.Board;
import nestbox.app.session.Software;
import nestbox.console.ConsoleMultiplexer;
import nestbox.console.GuestInput;
import nestbox.console.subject.LogLevels;
import nestbox.hypervisor.Hypervisor;
import nestbox.hypervisor.Vcpu;
import nestbox.hypervisor.VcpuState;
import nestbox.hypervisor.Vm;
import nestbox.hypervisor.vuart.Vuart;
import nestbox.platform.Clock;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/// L0's own console: log, shell and the consoles of the VMs, on a serial port that a timer polls.
///
/// Polling needs no interrupts, which may all be the guests'; every poll takes all that has come
/// in, so that pasted lines arrive whole.
final class HypervisorConsole {
    /// The board's serial port that the terminal is at.
    private static final int TERMINAL = 0;

    private static final long POLL_NANOS = 40_000_000;

    /// What one poll takes at most.
    private static final int MOST_AT_ONCE = 1 << 16;

    /// As long as so much input waits for a VM, the sender has to wait.
    private static final int MOST_WAITING = 1024;

    private final Hypervisor hypervisor;
    private final HostUart uart;
    private final Clock clock;
    private final HypervisorLog log;
    private final ConsoleMultiplexer multiplexer;
    private final Clock.Alarm timer;
    private final Board board;
    private final TerminalUser user;
    private final Set<Integer> connected = new HashSet<>();
    private final Map<Integer, String> elsewhere = new HashMap<>();
    private final Set<Vcpu> running = new HashSet<>();
    private long polls;

    /// @param port first port of the UART
    HypervisorConsole(
            Board board,
            Hypervisor hypervisor,
            int port,
            HypervisorSubject.Identity identity,
            LogLevels levels,
            TerminalUser user) {
        this.board = board;
        this.hypervisor = hypervisor;
        this.user = user;
        clock = board.machine().clock();
        uart = new HostUart(board.machine().ports(), port);
        log = new HypervisorLog(clock, levels, this::print);
        multiplexer =
                new ConsoleMultiplexer(
                        new HypervisorSubject(board, hypervisor, identity, this), uart);
        timer = clock.alarm(this::poll);
        uart.begin();
    }

    HypervisorLog log() {
        return log;
    }

    private void print(String text) {
        multiplexer.print(text);
    }

    /// How often the timer has rung.
    long polls() {
        return polls;
    }

    /// Whether the console of a VM can have the line.
    boolean leadsTo(int vm) {
        return connected.contains(vm);
    }

    /// Where the console of a VM is, if it isn't one of those that can have the line.
    Optional<String> elsewhere(int vm) {
        return Optional.ofNullable(elsewhere.get(vm));
    }

    /// Remembers where the console of a VM is.
    void elsewhere(int vm, String place) {
        elsewhere.put(vm, place);
    }

    /// Makes a VM's console one of those that can have the line.
    ///
    /// @param consoles see what the VM sends, whoever has the line
    void connect(int vm, Vuart port, Software.Consoles consoles) {
        GuestInput input =
                new GuestInput() {
                    @Override
                    public boolean canReceive() {
                        return port.room() > 0;
                    }

                    @Override
                    public void receive(byte value) {
                        port.receive(value);
                    }
                };
        connected.add(vm);
        port.attach(consoles.watched(multiplexer.connect(vm, input)));
    }

    /// @param vm whose console has the line at first; nothing for the shell
    void start(OptionalInt vm) {
        multiplexer.start(vm);
        timer.at(clock.nanos() + POLL_NANOS);
    }

    void stop() {
        timer.cancel();
    }

    private void poll() {
        polls++;
        for (int i = 0; i < MOST_AT_ONCE && mayTake() && uart.hasInput(); i++) {
            multiplexer.receive(uart.read());
        }
        for (int wanted = user.takeSwitches(); wanted > 0; wanted--) {
            multiplexer.next();
        }
        multiplexer.poll();
        tellStarts();
        if (user.isGone() && !hasInput()) {
            board.endAtStandstill();
        }
        timer.at(clock.nanos() + POLL_NANOS);
    }

    private boolean hasInput() {
        return uart.hasInput() || board.serialBacklog(TERMINAL) > 0;
    }

    private boolean mayTake() {
        return multiplexer.backlog() < MOST_WAITING;
    }

    /// Application processors that have got their startup IPI since the last poll.
    private void tellStarts() {
        for (Vm vm : hypervisor.vms()) {
            for (Vcpu vcpu : vm.vcpus()) {
                if (vcpu.state() != VcpuState.RUNNING) {
                    running.remove(vcpu);
                } else if (running.add(vcpu) && vcpu.id() != 0) {
                    String thread = "vm%d:vcpu%d".formatted(vm.id(), vcpu.id());
                    log.write(
                            HypervisorLog.ERROR,
                            thread,
                            "Start vCPU %d of VM %d".formatted(vcpu.id(), vm.id()));
                }
            }
        }
    }
}
