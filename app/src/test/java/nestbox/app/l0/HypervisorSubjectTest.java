package nestbox.app.l0;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.app.board.Board;
import nestbox.app.board.BoardConfiguration;
import nestbox.app.board.NetSpec;
import nestbox.console.subject.IrqCount;
import nestbox.console.subject.LogLevels;
import nestbox.console.subject.PassThroughEntry;
import nestbox.console.subject.PassThroughEntry.Source;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Version;
import nestbox.cpu.StartState;
import nestbox.devices.BoardMap;
import nestbox.devices.pci.PciAddress;
import nestbox.devices.pci.PciFunction;
import nestbox.devices.pci.PciRegisters;
import nestbox.hypervisor.Hypervisor;
import nestbox.scenario.Allocation;
import nestbox.scenario.Scenarios;
import nestbox.scenario.board.Boards;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// What the shell's `int` and `pt` show of devices that a Service VM with local APIC pass-through
/// has programmed.
class HypervisorSubjectTest {
    private static final int COM1 = 0x3F8;
    private static final long MESSAGE_TO_CPU_1 = 0xFEE0_1000L;
    private static final int VECTOR = 0x51;
    private static final int PIN = 9;
    private static final int PIN_VECTOR = 0x39;

    private static final String SCENARIO =
            """
            <acrn-config board="nuc7i5dnhe" scenario="interrupts">
              <hv><FEATURES><SCHEDULER>SCHED_NOOP</SCHEDULER></FEATURES></hv>
              <vm id="0">
                <vm_type>SOS_VM</vm_type><name>service</name>
                <cpu_affinity><pcpu_id>0</pcpu_id><pcpu_id>1</pcpu_id></cpu_affinity>
                <guest_flags>
                  <guest_flag>GUEST_FLAG_LAPIC_PASSTHROUGH</guest_flag>
                </guest_flags>
              </vm>
            </acrn-config>
            """;

    private static BoardConfiguration configuration() {
        BoardConfiguration plain = BoardConfiguration.of(64 << 20, 2, value -> {});
        return new BoardConfiguration(
                64 << 20,
                2,
                plain.model(),
                List.of(),
                Optional.of(new NetSpec.Loopback()),
                plain.com1(),
                plain.com2(),
                plain.debugConsole(),
                Optional.empty(),
                plain.start(),
                plain.clock());
    }

    private static Subject subject(Board board) {
        Allocation plan =
                Allocation.of(
                        Scenarios.parse(SCENARIO, "test").scenario().orElseThrow(),
                        Boards.standard());
        StartState nowhere = new StartState(false, 0x1000, 0, 0, 0, 0, 0, 0, 8, 16);
        Hypervisor hypervisor =
                new Hypervisor(
                        board.machine(),
                        new Hypervisor.Setup(
                                plan, OptionalInt.of(COM1), (vm, ram, layout) -> nowhere));
        Version version = new Version("", "", "", true, "", "", "", "", "", 1, 0);
        HypervisorSubject.Identity identity = new HypervisorSubject.Identity(version, 8);
        HypervisorConsole console =
                new HypervisorConsole(
                        board,
                        hypervisor,
                        COM1,
                        identity,
                        new LogLevels(3, 3, 3),
                        new TerminalUser());
        return new HypervisorSubject(board, hypervisor, identity, console);
    }

    @Test
    void messagesOfPassedFunctionsAreListedAndCounted() throws IOException {
        try (Board board = new Board(configuration())) {
            board.reset();
            Subject subject = subject(board);
            assertThat(subject.passThrough()).isEmpty();
            Map.Entry<PciAddress, PciFunction> card =
                    board.pci().functions().entrySet().stream()
                            .filter(each -> msix(each.getValue()) != 0)
                            .findFirst()
                            .orElseThrow();
            PciFunction function = card.getValue();
            enableMessage(board, function);

            int bdf = card.getKey().deviceFunction();
            assertThat(subject.passThrough())
                    .containsExactly(
                            new PassThroughEntry(
                                    0, Source.MSI, 24, VECTOR, 1, false, 0, 0, bdf, bdf));
            assertThat(subject.irqs()).contains(new IrqCount(24, VECTOR, List.of(0L, 0L)));

            function.messages().message(MESSAGE_TO_CPU_1, VECTOR);
            function.messages().message(MESSAGE_TO_CPU_1, VECTOR);
            function.messages().message(MESSAGE_TO_CPU_1, VECTOR + 1);
            assertThat(subject.irqs()).contains(new IrqCount(24, VECTOR, List.of(0L, 2L)));
        }
    }

    /// @return where its MSI-X capability starts; 0 if it has none
    private static int msix(PciFunction function) {
        int at = function.readConfig(PciRegisters.CAPABILITIES_POINTER, 1) & 0xFF;
        while (at != 0 && function.readConfig(at, 1) != PciRegisters.CAPABILITY_MSIX) {
            at = function.readConfig(at + 1, 1) & 0xFF;
        }
        return at;
    }

    private static void enableMessage(Board board, PciFunction function) {
        int capability = msix(function);
        int bar = function.readConfig(capability + 4, 4) & 7;
        long table = function.readConfig(0x10 + 4 * bar, 4) & 0xFFFF_FFF0L;
        int command = function.readConfig(PciRegisters.COMMAND, 2);
        function.writeConfig(PciRegisters.COMMAND, 2, command | PciRegisters.COMMAND_MEMORY);
        board.machine().mmio().write(table, 4, MESSAGE_TO_CPU_1);
        board.machine().mmio().write(table + 8, 4, VECTOR);
        board.machine().mmio().write(table + 12, 4, 0);
        function.writeConfig(capability + 2, 2, 0x8000);
    }

    @Test
    void pinsAreListedAndCounted() throws IOException {
        try (Board board = new Board(configuration())) {
            board.reset();
            Subject subject = subject(board);
            redirect(board, 0x10 + 2 * PIN, PIN_VECTOR | 1 << 15);
            redirect(board, 0x11 + 2 * PIN, 0);

            assertThat(subject.passThrough())
                    .containsExactly(
                            new PassThroughEntry(
                                    0, Source.IOAPIC, PIN, PIN_VECTOR, 0, true, PIN, PIN, 0, 0));
            board.chipset().ioApic().input(PIN).set(true);
            assertThat(subject.irqs()).contains(new IrqCount(PIN, PIN_VECTOR, List.of(1L, 0L)));
        }
    }

    private static void redirect(Board board, int register, int value) {
        board.machine().mmio().write(BoardMap.IOAPIC, 4, register);
        board.machine().mmio().write(BoardMap.IOAPIC + 0x10, 4, value);
    }
}
