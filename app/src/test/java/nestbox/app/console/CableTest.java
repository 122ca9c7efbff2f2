package nestbox.app.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;

class CableTest {
    private final Cable cable = new Cable();
    private final AtomicInteger nudges = new AtomicInteger();

    @Test
    void newestIsKeptForWhoeverComesLater() {
        write(0, Cable.KEPT + 10);
        cable.listening(true);
        assertThat(take()).isEqualTo(numbers(10, Cable.KEPT + 10));
    }

    @Test
    void slowListenerMissesTheOldestAndIsToldHowMuch() {
        cable.listening(true);
        write(0, Cable.WAITING + 10);
        String notice = "\r\n[nestbox: 10 bytes were lost here]\r\n";
        assertThat(take()).isEqualTo(notice + numbers(10, Cable.WAITING + 10));
        write(0, 1);
        assertThat(take()).isEqualTo(numbers(0, 1));
    }

    @Test
    void nextListenerIsNotToldOfWhatAnotherMissed() {
        cable.listening(true);
        write(0, Cable.WAITING + 10);
        cable.listening(false);
        cable.listening(true);
        assertThat(take()).isEqualTo(numbers(Cable.WAITING + 10 - Cable.KEPT, Cable.WAITING + 10));
    }

    @Test
    void serverIsWokenWhenThereIsSomethingForAListener() {
        cable.onChange(nudges::incrementAndGet);
        write(0, 10);
        assertThat(nudges).hasValue(0);
        cable.listening(true);
        take();
        write(0, 10);
        assertThat(nudges).hasValue(1);
    }

    @Test
    void inputWakesTheBoardAndRoomWakesTheServer() {
        AtomicInteger wakes = new AtomicInteger();
        cable.onChange(nudges::incrementAndGet);
        cable.give(ByteBuffer.allocate(cable.room()));
        cable.onInput(wakes::incrementAndGet);
        assertThat(wakes).hasValue(1);
        assertThat(cable.room()).isZero();
        cable.read();
        cable.read();
        assertThat(nudges).hasValue(1);
        assertThat(cable.room()).isEqualTo(2);
        cable.give(ByteBuffer.wrap(new byte[] {42}));
        assertThat(wakes).hasValue(2);
    }

    private void write(int from, int to) {
        for (int i = from; i < to; i++) {
            cable.write(digit(i));
        }
    }

    private static byte digit(int i) {
        return (byte) ('0' + i % 7);
    }

    private static String numbers(int from, int to) {
        StringBuilder text = new StringBuilder();
        for (int i = from; i < to; i++) {
            text.append((char) digit(i));
        }
        return text.toString();
    }

    private String take() {
        StringBuilder all = new StringBuilder();
        while (cable.hasOutput()) {
            ByteBuffer buffer = ByteBuffer.allocate(100);
            cable.take(buffer);
            all.append(StandardCharsets.US_ASCII.decode(buffer.flip()));
        }
        return all.toString();
    }
}
