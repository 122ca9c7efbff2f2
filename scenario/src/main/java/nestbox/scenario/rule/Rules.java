package nestbox.scenario.rule;

import java.util.List;
import java.util.stream.Stream;

/// The list of all rules, by topic.
public final class Rules {
    public static final List<Topic> TOPICS =
            List.of(
                    new Topic("Files", FormRules.RULES),
                    new Topic("VMs", VmRules.RULES),
                    new Topic("Processors", CpuRules.RULES),
                    new Topic("Nested virtualization", NestedRules.RULES),
                    new Topic("Local APIC pass-through", LapicRules.RULES),
                    new Topic("Console", ConsoleRules.RULES),
                    new Topic("Virtual UARTs", VuartRules.RULES),
                    new Topic("Memory", MemoryRules.RULES),
                    new Topic("Operating systems", OsRules.RULES),
                    new Topic("Devices", DeviceRules.RULES),
                    new Topic("Caches and memory bandwidth", CacheRules.RULES),
                    new Topic("Shared memory", SharedMemoryRules.RULES),
                    new Topic("Capacities", CapacityRules.RULES));

    public static final List<Rule> ALL =
            TOPICS.stream().flatMap(topic -> topic.rules().stream()).toList();

    private Rules() {}

    /// Rules about one thing.
    public record Topic(String title, List<Rule> rules) {}

    /// The documentation of all rules in Markdown.
    public static String markdown() {
        StringBuilder page =
                new StringBuilder(
                        """
                        # Scenario rules

                        `nestbox check` compares a scenario file with these rules and with the board, and reports
                        everything it finds at once. An error means that the hypervisor would refuse the scenario
                        or do something else than it says; a warning, that it works, though probably not as
                        intended.

                        This page is printed from the rules themselves.
                        """);
        for (Topic topic : TOPICS) {
            page.append("\n## ").append(topic.title());
            page.append("\n\n| Rule | Severity | What holds |\n|---|---|---|\n");
            for (Rule rule : topic.rules()) {
                page.append(
                        "| `%s` | %s | %s |\n"
                                .formatted(
                                        rule.id(),
                                        rule.severity().word(),
                                        rule.title()
                                                .replace("|", "\\|")
                                                .replace("<", "&lt;")
                                                .replace(">", "&gt;")));
            }
        }
        return page.toString();
    }

    /// A few words of a list for a message: "a, b and c".
    static String and(Stream<?> things) {
        List<String> words = things.map(String::valueOf).toList();
        return words.size() < 2
                ? String.join("", words)
                : String.join(", ", words.subList(0, words.size() - 1)) + " and " + words.getLast();
    }
}
