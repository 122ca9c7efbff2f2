package nestbox.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.scenario.xml.Element;
import nestbox.scenario.xml.XmlReader;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

class XmlReaderTest {
    @Test
    void elementsKnowWhereTheyStand() {
        Element root =
                read("<!-- é -->\r\n<a>\n  <b x='1'\n     y=\"2\">  t</b><c/>\r  <d/></a>")
                        .orElseThrow();

        assertThat(root.position()).isEqualTo(new Position(2, 1));
        Element b = root.children().get(0);
        assertThat(b.position()).isEqualTo(new Position(3, 3));
        assertThat(b.attribute("y").orElseThrow().position()).isEqualTo(new Position(4, 6));
        assertThat(b.textPosition()).isEqualTo(new Position(4, 14));
        assertThat(root.children().get(1).position()).isEqualTo(new Position(4, 19));
        assertThat(root.children().get(2).position()).isEqualTo(new Position(5, 3));
    }

    @Test
    void charactersBeyondTheBasicPlaneCountAsOne() {
        assertThat(read("<a>\uD83D\uDE00<b/></a>").orElseThrow().children().getFirst().position())
                .isEqualTo(new Position(1, 5));
    }

    @Test
    void referencesAndCdataBecomeText() {
        assertThat(read("<a>&lt;&#65;&#x1F600;<![CDATA[<&>]]>&amp;</a>").orElseThrow().text())
                .isEqualTo("<A\uD83D\uDE00<&>&");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "<a>|1:4|Add </a>",
                "<a></b>|1:4|Write </a> first",
                "</a>|1:1|was not begun",
                "<a/><b/>|1:5|second root",
                "<a/>x|1:5|outside",
                "<a x=1/>|1:6|quotation marks",
                "<a x='1' x='2'/>|1:10|twice",
                "<a x='1'y='2'/>|1:9|blank is missing",
                "<a x='<'/>|1:7|closing quotation mark",
                "<a>&nbsp;</a>|1:4|not known",
                "<a>&#0;</a>|1:4|not known",
                "<a>&#xD800;</a>|1:4|not known",
                "<a>& b</a>|1:4|Write &amp;",
                "<a>a < b</a>|1:6|Write &lt;",
                "<a><!-- -- --></a>|1:9|two hyphens",
                "<a><!-- </a>|1:4|Add -->",
                "<a><![CDATA[ </a>|1:4|Add ]]>",
                "<a>]]></a>|1:4|Write ]]&gt;",
                "<?xml version='1.0' encoding='UTF-16'?><a/>|1:31|Save the file in UTF-8",
                "<a|1:3|has no end",
                "<>|1:1|name of an element",
                "``|1:1|no element",
            })
    void mistakesHavePlaceAndAdvice(String text, String place, String advice) {
        Findings findings = new Findings("f");
        assertThat(XmlReader.read(text, findings)).isEmpty();
        assertThat(findings.sorted())
                .singleElement()
                .satisfies(
                        finding -> {
                            assertThat(finding.ruleId()).isEqualTo("xml.syntax");
                            assertThat(finding.line() + ":" + finding.column()).isEqualTo(place);
                            assertThat(finding.message()).contains(advice);
                        });
    }

    @Test
    void documentTypesAreRefused() {
        assertThat(rules("<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>"))
                .containsExactly("xml.doctype");
    }

    @Test
    void depthAndNumberAndAttributesAreBounded() {
        assertThat(rules("<a>".repeat(XmlReader.MAX_DEPTH + 1))).containsExactly("xml.limit");
        assertThat(rules("<a>" + "<b/>".repeat(XmlReader.MAX_ELEMENTS) + "</a>"))
                .containsExactly("xml.limit");
        StringBuilder attributes = new StringBuilder("<a");
        for (int i = 0; i <= XmlReader.MAX_ATTRIBUTES; i++) {
            attributes.append(" a").append(i).append("=''");
        }
        assertThat(rules(attributes.append("/>").toString())).containsExactly("xml.limit");
    }

    @Test
    void sizeIsBounded() throws IOException {
        Findings findings = new Findings("f");
        byte[] bytes = new byte[XmlReader.MAX_BYTES + 1];
        assertThat(XmlReader.read(new ByteArrayInputStream(bytes), findings)).isEmpty();
        assertThat(findings.sorted()).extracting(Finding::ruleId).containsExactly("xml.limit");
    }

    @Test
    void otherEncodingsAreFound() throws IOException {
        Findings findings = new Findings("f");
        byte[] latin = "<a>\n é</a>".getBytes(StandardCharsets.ISO_8859_1);
        assertThat(XmlReader.read(new ByteArrayInputStream(latin), findings)).isEmpty();
        assertThat(findings.sorted().getFirst().toString())
                .startsWith("f:2:2: error [xml.syntax] This is not UTF-8");
    }

    @Test
    void byteOrderMarkIsPassedOver() throws IOException {
        byte[] bytes = "\uFEFF<a/>".getBytes(StandardCharsets.UTF_8);
        assertThat(XmlReader.read(new ByteArrayInputStream(bytes), new Findings("f"))).isPresent();
    }

    private static Optional<Element> read(String text) {
        return XmlReader.read(text, new Findings("f"));
    }

    private static List<String> rules(String text) {
        Findings findings = new Findings("f");
        assertThat(XmlReader.read(text, findings)).isEmpty();
        return findings.sorted().stream().map(Finding::ruleId).toList();
    }
}
