package nestbox.platform;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class MessageRouteTest {
    private final List<Integer> atBoard = new ArrayList<>();
    private final List<Integer> elsewhere = new ArrayList<>();
    private final MessageRoute route = new MessageRoute((address, data) -> atBoard.add(data));

    @Test
    void messagesGoToTheBoardUntilDiverted() {
        route.message(0xFEE0_0000L, 1);
        route.divert((address, data) -> elsewhere.add(data));
        route.message(0xFEEF_FFFCL, 2);
        assertThat(route.isDiverted()).isTrue();
        route.reset();
        route.message(0xFEE0_1000L, 3);
        assertThat(route.isDiverted()).isFalse();
        assertThat(atBoard).containsExactly(1, 3);
        assertThat(elsewhere).containsExactly(2);
    }

    @Test
    void otherWritesAreNoMessages() {
        route.message(0x1000, 1);
        route.message(0xFED0_0000L, 1);
        route.message(0xFEF0_0000L, 1);
        route.message(0x1_FEE0_0000L, 1);
        route.message(-1, 1);
        assertThat(atBoard).isEmpty();
    }
}
