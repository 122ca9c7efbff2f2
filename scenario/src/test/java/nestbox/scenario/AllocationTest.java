package nestbox.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.scenario.Allocation.Port;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.board.Bdf;
import nestbox.scenario.board.Board;
import nestbox.scenario.board.Boards;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;

class AllocationTest {
    @Test
    void theTutorialsServiceVm() throws IOException {
        VmPlan plan = service(ScenariosTest.NESTED, Boards.standard());
        assertThat(plan.uuid()).contains(UUID.fromString("dbbbd434-7a57-4216-a12c-2201f1ab0240"));
        assertThat(plan.cpus()).containsExactly(1, 2, 3);
        assertThat(plan.console()).flatMap(Port::address).contains(new Bdf(0, 1, 0));
        assertThat(plan.commandLine())
                .startsWith("root=/dev/nvme0n1p2 rw rootwait console=ttyS4 ")
                .doesNotContain("ttyS0")
                .doesNotContain("idle=halt")
                .contains(" maxcpus=3 ");
    }

    @Test
    void theReferencePlatformKeepsAnotherDeviceFree() throws IOException {
        Board board = Boards.builtIn("tgl-rvp").orElseThrow();
        assertThat(service(ScenariosTest.NESTED, board).console().flatMap(Port::address))
                .isEqualTo(Optional.of(new Bdf(0, 3, 0)));
    }

    @Test
    void theServiceVmsPortsAreThoseOfTheBoard() throws IOException {
        Path file = Path.of("src/test/resources/rules/vuart.target/good.xml");
        VmPlan plan = service(file, Boards.standard());
        assertThat(plan.ports()).extracting(Port::ioPort).containsExactly(0x3F8, 0x2F8);
        assertThat(plan.ports()).extracting(Port::irq).containsExactly(4, 3);
        assertThat(plan.cpus()).containsExactly(0, 1, 2, 3);
        assertThat(plan.commandLine()).startsWith("console=ttyS0 idle=halt");
    }

    private static VmPlan service(Path file, Board board) throws IOException {
        Scenario scenario = Scenarios.parse(file).scenario().orElseThrow();
        return Allocation.of(scenario, board).vms().getFirst();
    }
}
