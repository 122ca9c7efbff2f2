package nestbox.app.board;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.apic.LocalApic;
import nestbox.devices.BoardMap;
import nestbox.devices.ioapic.IoApic;
import nestbox.devices.pci.PciFunction;
import nestbox.devices.virtio.VirtioPci;
import nestbox.platform.DmaDomain;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// What a hypervisor can confine on a board, and that a reset of the board ends it.
class IsolationTest {
    private static final int SPURIOUS_VECTOR = 0xF0;
    private static final long TO_FIRST = BoardMap.LOCAL_APIC;
    private static final long TO_SECOND = BoardMap.LOCAL_APIC | 1 << 12;

    private final List<LocalApic> apics = new ArrayList<>();
    private Board board;

    @BeforeEach
    void open() throws IOException {
        board = new Board(BoardConfiguration.of(2 << 20, 2, value -> {}));
        board.processors().all().forEach(processor -> apics.add(processor.apic()));
        enable();
    }

    @AfterEach
    void close() {
        board.close();
    }

    private void enable() {
        apics.forEach(apic -> apic.write(SPURIOUS_VECTOR, 4, 0x1FF));
    }

    private List<Integer> pending() {
        return apics.stream().map(LocalApic::highestPending).toList();
    }

    private List<DmaDomain> domains() {
        return board.pci().functions().values().stream()
                .flatMap(function -> function.dma().stream())
                .toList();
    }

    @Test
    void everyVirtioFunctionHasADomainOfItsOwn() {
        for (PciFunction function : board.pci().functions().values()) {
            assertThat(function.dma().isPresent()).isEqualTo(function instanceof VirtioPci);
        }
        assertThat(domains()).isNotEmpty().doesNotHaveDuplicates();
    }

    @Test
    void everySourceOfMessagesHasARouteOfItsOwn() {
        IoApic ioApic = board.chipset().ioApic();
        ioApic.messages().divert(board.processors().apicBus().confinedTo(apics.subList(0, 1)));
        ioApic.messages().message(TO_SECOND, 0x41);
        assertThat(pending()).containsExactly(-1, -1);
        ioApic.messages().message(TO_FIRST, 0x42);
        board.chipset().hpet().messages().message(TO_SECOND, 0x43);
        assertThat(pending()).containsExactly(0x42, 0x43);
        for (PciFunction function : board.pci().functions().values()) {
            assertThat(function.messages().isDiverted()).isFalse();
        }
    }

    @Test
    void aResetOfTheBoardLiftsEverything() {
        domains().forEach(domain -> domain.restrictTo(List.of()));
        for (PciFunction function : board.pci().functions().values()) {
            function.messages().divert((address, data) -> {});
        }
        board.chipset().ioApic().messages().divert((address, data) -> {});
        board.chipset().hpet().messages().divert((address, data) -> {});
        board.reset();
        enable();
        assertThat(domains()).noneMatch(DmaDomain::isRestricted);
        int vector = 0x40;
        for (PciFunction function : board.pci().functions().values()) {
            function.messages().message(TO_SECOND, ++vector);
            assertThat(pending()).containsExactly(-1, vector);
        }
        board.chipset().ioApic().messages().message(TO_SECOND, ++vector);
        assertThat(pending()).containsExactly(-1, vector);
        board.chipset().hpet().messages().message(TO_SECOND, ++vector);
        assertThat(pending()).containsExactly(-1, vector);
    }

    @Test
    void legacyInterruptsGoWhereTheyAreDivertedUntilAReset() {
        List<Boolean> elsewhere = new ArrayList<>();
        board.chipset().intr().divert(elsewhere::add);
        board.chipset().intr().set(true);
        assertThat(elsewhere).containsExactly(false, true);
        assertThat(apics.getFirst().extIntPending()).isFalse();

        board.reset();
        assertThat(elsewhere).last().isEqualTo(false);
        board.chipset().intr().set(true);
        assertThat(elsewhere).last().isEqualTo(false);
        assertThat(apics.getFirst().extIntPending()).isTrue();
    }
}
