package nestbox.scenario.board;

import nestbox.scenario.Findings;
import nestbox.scenario.Position;
import nestbox.scenario.board.Board.Cache;
import nestbox.scenario.board.Board.Cpu;
import nestbox.scenario.board.Board.Firmware;
import nestbox.scenario.board.Board.PciFunction;
import nestbox.scenario.board.Board.Power;
import nestbox.scenario.board.Board.Processor;
import nestbox.scenario.board.Board.Range;
import nestbox.scenario.board.Board.SerialPort;
import nestbox.scenario.rule.FormRules;
import nestbox.scenario.schema.Value;
import nestbox.scenario.xml.Element;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Makes records of a board file.
///
/// The older part of the format is text as Linux tools print it, in elements named in capitals; the
/// newer part is a tree of elements. A file has both, and they agree. Sections that nothing here
/// needs are passed over.
final class BoardReader {
    private static final Pattern FIELD = Pattern.compile("([A-Za-z ]{1,40}):\\s*(.*)");
    private static final Pattern DEFINE =
            Pattern.compile("#define\\s+(\\w{1,60})\\s+(0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,10})U?L?");
    private static final Pattern SERIAL =
            Pattern.compile(
                    "seri:/dev/(ttyS[0-9]{1,3})\\s+type:(portio|mmio)(?:\\s+width:[0-9]{1,2})?\\s+base:(0[xX][0-9A-Fa-f]{1,15})"
                            + "\\s+irq:([0-9]{1,3})(?:\\s+bdf:\"([^\"]{1,12})\")?.*");
    private static final Pattern PCI =
            Pattern.compile(
                    "([0-9A-Fa-f]{1,2}:[01][0-9A-Fa-f]\\.[0-7])\\s+([0-9a-fA-F]{4}):"
                            + "\\s*([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?:\\s+\\(rev\\s+([0-9a-fA-F]{2})\\))?.*");
    private static final Pattern BLOCK = Pattern.compile("(/dev/[\\w/-]{1,60}):?.*");
    private static final Pattern KILOBYTES = Pattern.compile("([0-9]{1,15})\\s*kB");
    private static final Pattern NUMBER_LIST = Pattern.compile("[0-9]{1,4}");
    private static final int MOST = 4096;

    private final Element root;
    private final Findings findings;
    private final Map<String, Long> defines = new HashMap<>();

    BoardReader(Element root, Findings findings) {
        this.root = root;
        this.findings = findings;
    }

    Optional<Board> board() {
        if (!root.name().equals("acrn-config")) {
            findings.add(
                    FormRules.ROOT,
                    root.position(),
                    "The root element is <%s>. A board file has <acrn-config>."
                            .formatted(Value.printable(root.name())));
            return Optional.empty();
        }
        String name = root.attribute("board").map(Element.Attribute::value).orElse("");
        List<Cpu> cpus = cpus();
        if (name.isEmpty() || cpus.isEmpty()) {
            findings.add(
                    FormRules.BOARD_CPUS,
                    root.position(),
                    name.isEmpty()
                            ? "The file doesn't say which board it is for. Add board=\"…\"."
                            : "There are no pCPUs. Add CPU_PROCESSOR_INFO or processors.");
        }
        root.children().forEach(this::defines);
        return Optional.of(
                new Board(
                        name,
                        firmware(),
                        processor(),
                        cpus,
                        caches(),
                        rdt(),
                        memoryKilobytes(),
                        memory(),
                        softwareSram(),
                        serialPorts(),
                        numbers("AVAILABLE_IRQ_INFO"),
                        pci(),
                        blockDevices(),
                        define("DEFAULT_PCI_MMCFG_BASE"),
                        ioapics(),
                        power(),
                        section("TPM_INFO").anyMatch(line -> line.equals("TPM2"))));
    }

    /// The lines of a section that say something.
    private Stream<String> section(String name) {
        return root.find(name).stream()
                .flatMap(e -> e.text().lines())
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .limit(MOST);
    }

    /// Reads each line of a section by a pattern, and tells of those that have another form.
    private void lines(String name, Pattern pattern, Consumer<Matcher> reader) {
        Optional<Element> element = root.find(name);
        if (element.isEmpty()) {
            return;
        }
        Position at = element.get().textPosition();
        String[] lines =
                element.get().text().stripLeading().lines().limit(MOST).toArray(String[]::new);
        for (int i = 0; i < lines.length; i++) {
            String line = lines[i].strip();
            if (line.isEmpty()) {
                continue;
            }
            Matcher matcher = pattern.matcher(line);
            if (matcher.matches()) {
                reader.accept(matcher);
            } else {
                int indent = lines[i].length() - lines[i].stripLeading().length();
                findings.add(
                        FormRules.BOARD_LINE,
                        new Position(at.line() + i, i == 0 ? at.column() : indent + 1),
                        "The line \"%s\" of %s has an unknown form and is left out."
                                .formatted(Value.printable(line), name));
            }
        }
    }

    private void defines(Element element) {
        Matcher matcher = DEFINE.matcher("");
        element.text()
                .lines()
                .map(String::strip)
                .filter(line -> line.startsWith("#define") && line.length() < 200)
                .limit(MOST)
                .forEach(
                        line -> {
                            if (matcher.reset(line).lookingAt()) {
                                Value.either(matcher.group(2))
                                        .ifPresent(v -> defines.putIfAbsent(matcher.group(1), v));
                            }
                        });
    }

    private OptionalLong define(String name) {
        Long value = defines.get(name);
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    private OptionalInt smallDefine(String name) {
        OptionalLong value = define(name);
        return value.isPresent() && value.getAsLong() == (int) value.getAsLong()
                ? OptionalInt.of((int) value.getAsLong())
                : OptionalInt.empty();
    }

    private Firmware firmware() {
        Map<String, String> bios = fields("BIOS_INFO");
        Map<String, String> board = fields("BASE_BOARD_INFO");
        return new Firmware(
                bios.getOrDefault("Vendor", ""),
                bios.getOrDefault("Version", ""),
                bios.getOrDefault("Release Date", ""),
                bios.getOrDefault("BIOS Revision", ""),
                board.getOrDefault("Manufacturer", ""),
                board.getOrDefault("Product Name", ""),
                board.getOrDefault("Version", ""));
    }

    private Map<String, String> fields(String name) {
        Map<String, String> fields = new HashMap<>();
        section(name)
                .filter(line -> line.length() < 200)
                .forEach(
                        line -> {
                            Matcher matcher = FIELD.matcher(line);
                            if (matcher.matches()) {
                                fields.putIfAbsent(matcher.group(1), matcher.group(2));
                            }
                        });
        return fields;
    }

    private Processor processor() {
        Optional<Element> model = root.find("processors/model");
        Set<String> capabilities = new LinkedHashSet<>();
        model.stream()
                .flatMap(m -> m.children("capability"))
                .flatMap(c -> c.attribute("id").stream())
                .limit(MOST)
                .forEach(id -> capabilities.add(id.value()));
        String brand =
                model.flatMap(m -> m.attribute("description"))
                        .map(Element.Attribute::value)
                        .or(
                                () ->
                                        section("CPU_BRAND")
                                                .findFirst()
                                                .map(line -> line.replace("\"", "")))
                        .orElse("");
        return new Processor(
                brand, number(model, "family_id"), number(model, "model_id"), capabilities);
    }

    private static OptionalInt number(Optional<Element> parent, String name) {
        OptionalLong value =
                parent.flatMap(p -> p.find(name))
                        .map(e -> Value.either(e.value()))
                        .orElse(OptionalLong.empty());
        return value.isPresent() && value.getAsLong() == (int) value.getAsLong()
                ? OptionalInt.of((int) value.getAsLong())
                : OptionalInt.empty();
    }

    private List<Cpu> cpus() {
        Map<Integer, Cpu> cpus = new HashMap<>();
        for (Element die :
                root.find("processors").map(p -> p.children("die").toList()).orElse(List.of())) {
            for (Element core : die.children("core").toList()) {
                String coreType = core.find("core_type").map(Element::value).orElse("");
                for (Element thread : core.children("thread").toList()) {
                    Optional<Element> it = Optional.of(thread);
                    OptionalInt id = number(it, "cpu_id");
                    if (id.isPresent() && cpus.size() < MOST) {
                        String type = thread.find("core_type").map(Element::value).orElse(coreType);
                        int apic = number(it, "x2apic_id").orElse(number(it, "apic_id").orElse(-1));
                        cpus.putIfAbsent(id.getAsInt(), new Cpu(id.getAsInt(), apic, type));
                    }
                }
            }
        }
        for (int id : numbers("CPU_PROCESSOR_INFO")) {
            cpus.putIfAbsent(id, new Cpu(id, -1, ""));
        }
        return cpus.values().stream().sorted((a, b) -> Integer.compare(a.id(), b.id())).toList();
    }

    private List<Integer> numbers(String name) {
        List<Integer> numbers = new ArrayList<>();
        section(name)
                .forEach(
                        line -> {
                            Matcher matcher = NUMBER_LIST.matcher(line);
                            while (matcher.find() && numbers.size() < MOST) {
                                numbers.add(Integer.parseInt(matcher.group()));
                            }
                        });
        return numbers;
    }

    private List<Cache> caches() {
        List<Cache> caches = new ArrayList<>();
        Stream<Element> elements =
                root.find("caches").stream().flatMap(c -> c.children("cache")).limit(MOST);
        elements.forEach(
                cache -> {
                    Optional<Element> it = Optional.of(cache);
                    Optional<Element> cat =
                            cache.children("capability").filter(c -> hasId(c, "CAT")).findFirst();
                    caches.add(
                            new Cache(
                                    attribute(cache, "level"),
                                    attribute(cache, "type"),
                                    it.flatMap(c -> c.find("cache_size"))
                                            .map(e -> Value.either(e.value()).orElse(0))
                                            .orElse(0L),
                                    number(it, "ways").orElse(0),
                                    Math.max(0, number(cat, "clos_number").orElse(0)),
                                    Math.clamp(
                                            number(cat, "capacity_mask_length").orElse(0), 0, 62),
                                    cache.children("capability").anyMatch(c -> hasId(c, "CDP"))));
                });
        return caches;
    }

    private static boolean hasId(Element element, String id) {
        return element.attribute("id").filter(a -> a.value().equals(id)).isPresent();
    }

    private static int attribute(Element element, String name) {
        OptionalLong value =
                element.attribute(name)
                        .map(a -> Value.either(a.value()))
                        .orElse(OptionalLong.empty());
        return value.isPresent() && value.getAsLong() == (int) value.getAsLong()
                ? (int) value.getAsLong()
                : 0;
    }

    private Board.Rdt rdt() {
        Map<String, String> fields = fields("CLOS_INFO");
        List<String> resources =
                Stream.of(fields.getOrDefault("rdt resources supported", "").split("[,\\s]+"))
                        .filter(word -> !word.isEmpty())
                        .toList();
        List<Integer> clos = new ArrayList<>();
        Matcher matcher = NUMBER_LIST.matcher(fields.getOrDefault("rdt resource clos max", ""));
        while (matcher.find()) {
            clos.add(Integer.parseInt(matcher.group()));
        }
        long mask = 0;
        for (String word : fields.getOrDefault("rdt resource mask max", "").split("[,'\\s]+")) {
            long next = Value.hex(word).orElse(0);
            mask = mask == 0 || next == 0 ? Math.max(mask, next) : Math.min(mask, next);
        }
        return new Board.Rdt(resources, clos, mask);
    }

    private long memoryKilobytes() {
        return section("TOTAL_MEM_INFO")
                .map(KILOBYTES::matcher)
                .filter(Matcher::matches)
                .mapToLong(matcher -> Long.parseLong(matcher.group(1)))
                .findFirst()
                .orElse(0);
    }

    private List<Range> memory() {
        List<Range> ranges = new ArrayList<>();
        root.find("memory").stream()
                .flatMap(m -> m.children("range"))
                .filter(range -> range.attribute("id").isEmpty())
                .limit(MOST)
                .forEach(
                        range -> {
                            OptionalLong start = hexAttribute(range, "start");
                            OptionalLong last = hexAttribute(range, "end");
                            if (start.isPresent()
                                    && last.isPresent()
                                    && start.getAsLong() <= last.getAsLong()) {
                                ranges.add(new Range(start.getAsLong(), last.getAsLong()));
                            }
                        });
        return ranges;
    }

    private Optional<Range> softwareSram() {
        return root.find("caches").stream()
                .flatMap(caches -> caches.children("cache"))
                .flatMap(cache -> cache.children("capability"))
                .filter(capability -> hasId(capability, "Software SRAM"))
                .flatMap(BoardReader::range)
                .findFirst();
    }

    private static Stream<Range> range(Element capability) {
        OptionalLong start = hex(capability, "start");
        OptionalLong last = hex(capability, "end");
        return start.isPresent() && last.isPresent() && start.getAsLong() <= last.getAsLong()
                ? Stream.of(new Range(start.getAsLong(), last.getAsLong()))
                : Stream.empty();
    }

    private static OptionalLong hex(Element parent, String name) {
        return parent.find(name).map(e -> Value.hex(e.value())).orElse(OptionalLong.empty());
    }

    private static OptionalLong hexAttribute(Element element, String name) {
        return element.attribute(name).map(a -> Value.hex(a.value())).orElse(OptionalLong.empty());
    }

    private List<SerialPort> serialPorts() {
        List<SerialPort> ports = new ArrayList<>();
        lines(
                "TTYS_INFO",
                SERIAL,
                m ->
                        ports.add(
                                new SerialPort(
                                        m.group(1),
                                        m.group(2).equals("portio"),
                                        Value.hex(m.group(3)).orElse(0),
                                        Integer.parseInt(m.group(4)),
                                        Optional.ofNullable(m.group(5)).flatMap(Bdf::at))));
        return ports;
    }

    private List<PciFunction> pci() {
        List<PciFunction> functions = new ArrayList<>();
        lines(
                "PCI_VID_PID",
                PCI,
                m ->
                        Bdf.at(m.group(1))
                                .ifPresent(
                                        bdf ->
                                                functions.add(
                                                        new PciFunction(
                                                                bdf,
                                                                Integer.parseInt(m.group(2), 16),
                                                                Integer.parseInt(m.group(3), 16),
                                                                Integer.parseInt(m.group(4), 16),
                                                                m.group(5) == null
                                                                        ? 0
                                                                        : Integer.parseInt(
                                                                                m.group(5), 16)))));
        return functions;
    }

    private List<String> blockDevices() {
        List<String> devices = new ArrayList<>();
        lines("BLOCK_DEVICE_INFO", BLOCK, m -> devices.add(m.group(1)));
        return devices;
    }

    private List<Long> ioapics() {
        return root.find("ioapics").stream()
                .flatMap(group -> group.children("ioapic"))
                .map(ioapic -> hexAttribute(ioapic, "address"))
                .filter(OptionalLong::isPresent)
                .map(OptionalLong::getAsLong)
                .limit(MOST)
                .toList();
    }

    private Power power() {
        return new Power(
                define("RESET_REGISTER_ADDRESS"),
                smallDefine("RESET_REGISTER_VALUE"),
                define("PM1A_EVT_ADDRESS"),
                define("PM1A_CNT_ADDRESS"),
                smallDefine("S3_PKG_VAL_PM1A"),
                smallDefine("S5_PKG_VAL_PM1A"),
                define("WAKE_VECTOR_32"));
    }
}
