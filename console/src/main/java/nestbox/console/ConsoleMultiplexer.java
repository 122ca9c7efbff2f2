package nestbox.console;

import nestbox.console.command.VmConsole;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Vm;
import nestbox.console.subject.VmState;
import nestbox.platform.ByteSink;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// The one serial line of the host, shared by the hypervisor's shell and the consoles of the VMs.
///
/// The line belongs to the shell until `vm_console` gives it to a VM; Ctrl+Space, which terminals
/// send as NUL, takes it back, and so does the VM's end. The escape works whatever the VM does, and
/// the VM never sees it.
///
/// What the hypervisor prints has a carriage return behind each line feed, so messages with plain
/// line feeds look right. What a VM prints is passed on untouched.
///
/// Everything here happens on the thread that runs the processors.
public final class ConsoleMultiplexer {
    private static final byte ESCAPE = 0;
    private static final String BACK = "\r\n\r\n ---Entering ACRN SHELL---\r\n";

    private final Subject subject;
    private final ByteSink wire;
    private final Shell shell;
    private final Map<Integer, GuestConsole> consoles = new HashMap<>();
    private OptionalInt owner = OptionalInt.empty();

    public ConsoleMultiplexer(Subject subject, ByteSink wire) {
        this.subject = subject;
        this.wire = wire;
        shell = new Shell(subject, this::print);
    }

    /// Connects a VM's console port. A VM that starts again gets a new cable.
    ///
    /// @return where the port sends to
    public GuestConsole connect(int vm, GuestInput guest) {
        GuestConsole console = new GuestConsole(guest, wire);
        consoles.put(vm, console);
        if (owner.equals(OptionalInt.of(vm))) {
            console.select();
        }
        return console;
    }

    /// Begins with the shell, or with the console of a VM if there is one.
    public void start(OptionalInt vm) {
        if (vm.isPresent() && hasConsole(vm.getAsInt())) {
            enter(vm.getAsInt());
        } else {
            shell.prompt();
        }
    }

    /// Takes a byte from the line.
    public void receive(byte value) {
        if (owner.isEmpty()) {
            shell.type(value).ifPresent(this::enter);
        } else if (value == ESCAPE) {
            leave();
        } else {
            consoles.get(owner.getAsInt()).type(value);
        }
    }

    /// Gives the line to the next console: behind the shell come those of the VMs, by id, and
    /// behind the last of them the shell.
    public void next() {
        int before = owner.orElse(-1);
        OptionalInt vm =
                subject.vms().stream()
                        .mapToInt(Vm::id)
                        .filter(id -> id > before && hasConsole(id))
                        .min();
        if (vm.isPresent()) {
            owner.ifPresent(this::release);
            print(VmConsole.entering(vm.getAsInt()));
            enter(vm.getAsInt());
        } else if (owner.isPresent()) {
            leave();
        }
    }

    /// Does what time brings: input that a VM now has room for, VMs that ended. Called regularly.
    public void poll() {
        if (owner.isPresent()) {
            if (hasConsole(owner.getAsInt())) {
                consoles.get(owner.getAsInt()).deliver();
            } else {
                leave();
            }
        }
    }

    /// Prints a message of the hypervisor, such as a line of its log.
    public void print(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (byte value : bytes) {
            wire.write(value);
            if (value == '\n') {
                wire.write((byte) '\r');
            }
        }
    }

    /// The VM whose console the line is now.
    public OptionalInt owner() {
        return owner;
    }

    /// How much input waits for the VM that has the line, so that a fast sender can hold back.
    public int backlog() {
        return owner.isPresent() ? consoles.get(owner.getAsInt()).backlog() : 0;
    }

    private void enter(int vm) {
        if (!consoles.containsKey(vm)) {
            leave();
            return;
        }
        owner = OptionalInt.of(vm);
        consoles.get(vm).select();
    }

    private void leave() {
        owner.ifPresent(this::release);
        owner = OptionalInt.empty();
        print(BACK);
        shell.prompt();
    }

    private void release(int vm) {
        consoles.get(vm).deselect();
        consoles.get(vm).forget();
    }

    private boolean hasConsole(int id) {
        Optional<Vm> vm = subject.vm(id);
        return vm.isPresent()
                && consoles.containsKey(id)
                && vm.get().hasConsole()
                && vm.get().state() != VmState.POWERED_OFF
                && vm.get().state() != VmState.PAUSED;
    }
}
