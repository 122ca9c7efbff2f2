package nestbox.scenario;

import nestbox.scenario.format.V2Reader;
import nestbox.scenario.format.V3Reader;
import nestbox.scenario.rule.FormRules;
import nestbox.scenario.schema.Conformance;
import nestbox.scenario.schema.V2Schema;
import nestbox.scenario.schema.V3Schema;
import nestbox.scenario.schema.Value;
import nestbox.scenario.xml.Element;
import nestbox.scenario.xml.XmlReader;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/// Reads scenario files of either format.
///
/// However broken a file is, reading it ends soon and gives findings rather than an exception.
public final class Scenarios {
    /// `hv` groups and elements that only the new format has, for a file whose VMs don't tell.
    private static final Set<String> NEW_IN_HV = Set.of("BUILD_TYPE", "vuart_connections");

    private Scenarios() {}

    /// @throws IOException if the file can't be read from the disk
    public static ParseResult parse(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return parse(in, file.toString());
        }
    }

    /// @param name what findings call the file
    public static ParseResult parse(String text, String name) {
        try {
            return parse(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), name);
        } catch (IOException e) {
            throw new AssertionError("memory can be read", e);
        }
    }

    /// @throws IOException if the stream can't be read
    public static ParseResult parse(InputStream in, String name) throws IOException {
        Findings findings = new Findings(name);
        Optional<Scenario> scenario =
                XmlReader.read(in, findings).flatMap(root -> scenario(root, name, findings));
        return new ParseResult(scenario, findings.sorted());
    }

    private static Optional<Scenario> scenario(Element root, String name, Findings findings) {
        if (!root.name().equals("acrn-config")) {
            findings.add(
                    FormRules.ROOT,
                    root.position(),
                    "The root element is <%s>. A scenario file has <acrn-config>."
                            .formatted(Value.printable(root.name())));
            return Optional.empty();
        }
        if (root.children("vm").findAny().isEmpty()) {
            boolean board = root.children("processors").findAny().isPresent();
            findings.add(
                    FormRules.ROOT,
                    root.position(),
                    board
                            ? "This is a board file. Name the scenario file here."
                            : "There is no <vm>. Add one for each VM.");
            return Optional.empty();
        }
        boolean v3 = isV3(root);
        Conformance.check(root, v3 ? V3Schema.SCHEMA : V2Schema.SCHEMA, findings);
        return Optional.of(v3 ? V3Reader.read(root, name) : V2Reader.read(root, name));
    }

    /// The formats share the root element. Most VMs that say one or the other decide.
    private static boolean isV3(Element root) {
        long newer = root.children("vm").filter(vm -> vm.find("load_order").isPresent()).count();
        long older =
                root.children("vm")
                        .filter(
                                vm ->
                                        vm.find("load_order").isEmpty()
                                                && (vm.find("guest_flags").isPresent()
                                                        || vm.find("legacy_vuart").isPresent()
                                                        || vm.find("vm_type")
                                                                .map(Element::value)
                                                                .filter(V2Reader::isType)
                                                                .isPresent()))
                        .count();
        if (newer != older) {
            return newer > older;
        }
        return root.find("hv").stream()
                .flatMap(hv -> hv.children().stream())
                .anyMatch(child -> NEW_IN_HV.contains(child.name()));
    }
}
