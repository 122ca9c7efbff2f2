package nestbox.platform.trace;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class TraceEventTest {
    private static TraceEvent event(long nanos, String kind, TraceField... fields) {
        return new TraceEvent(nanos, 3, "source", kind, "NAME", List.of(fields));
    }

    @Test
    void anEventIsALineInColumns() {
        assertThat(event(12_000_000_345L, "exit", new TraceField.Number("n", 1)))
                .hasToString("source   12.000000345 cpu3 exit  NAME                    n=1");
        assertThat(event(0, "entry-failure"))
                .hasToString("source    0.000000000 cpu3 entry-failure NAME");
        assertThat(event(Long.MAX_VALUE, "x"))
                .hasToString("source 9223372036.854775807 cpu3 x     NAME");
    }

    @Test
    void eachKindOfFieldHasItsForm() {
        TraceEvent event =
                event(
                        0,
                        "exit",
                        new TraceField.Bits("bits", -1),
                        new TraceField.Number("number", -1),
                        new TraceField.Text("word", "#PF"),
                        new TraceField.Text("words", "of \"two\" kinds"));
        assertThat(event.toString())
                .endsWith(" bits=0xffffffffffffffff number=-1 word=#PF words=\"of 'two' kinds\"");
    }

    @Test
    void fieldsStayAsTheyWere() {
        List<TraceField> fields = new ArrayList<>();
        TraceEvent event = new TraceEvent(0, 0, "s", "k", "n", fields);
        fields.add(new TraceField.Number("late", 1));
        assertThat(event.fields()).isEmpty();
    }
}
